// emqx_template: a line "topic payload" by UDP becomes a message. The tutorial's plugin, see
// README.md.
#include <keel/plugin.hpp>

namespace {

class Template final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr keel::Setting settings[] = {
      keel::address("template.address", "127.0.0.1:7777", "Where lines come in, by UDP"),
  };

  keel::Status start() override {
    KEEL_TRY(host().metrics().counter("template_lines_total", "Lines published").into(lines_));
    return host().udp().bind(host().config().text("template.address"),
                             [this](keel::Datagram d) { received(d); });
  }

 private:
  void received(const keel::Datagram& d) {
    std::string_view line = d.text();
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t cut = line.find(' ');
    if (cut == std::string_view::npos || cut == 0) {
      return host().log().debug("from ", d.peer(), ": no line 'topic payload'");
    }
    host().publish({.topic = line.substr(0, cut), .payload = line.substr(cut + 1)});
    lines_.add();
  }

  keel::Counter lines_;
};

}  // namespace

KEEL_PLUGIN(Template, "emqx_template", "1.0.0", "UDP lines in, publishes out");
