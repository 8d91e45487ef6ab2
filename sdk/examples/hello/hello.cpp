// The smallest plugin worth having: a line "topic payload" by UDP becomes a message.
#include <keel/plugin.hpp>

class Hello final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  keel::Status start() override {
    return host().udp().bind("127.0.0.1:7777", [this](keel::Datagram d) {
      const auto cut = d.text().find(' ');
      if (cut == std::string_view::npos) return;
      host().publish({.topic = d.text().substr(0, cut), .payload = d.text().substr(cut + 1)});
    });
  }
};

KEEL_PLUGIN(Hello, "hello", "1.0.0", "UDP lines in, publishes out");
