// @NAME@: lets devices that do not speak MQTT publish by UDP. A datagram is a topic, a blank, and
// the message; the answer is "ok", or what is wrong.
#include <keel/plugin.hpp>
#include <string>

namespace {

class Gateway final : public keel::Plugin {
 public:
  static constexpr keel::Setting settings[] = {
      keel::address("address", "127.0.0.1:7777", "Where to listen"),
      keel::string("prefix", "@NAME@/", "Stands in front of every topic"),
  };

  using Plugin::Plugin;

  // After an upgrade the same address gives the socket of the version before, with all that waits
  // in it.
  keel::Status start() override {
    prefix_ = host().config().text("prefix");
    const std::string address = host().config().text("address");
    KEEL_TRY(host()
                 .udp()
                 .bind({.address = address},
                       [this](const keel::Datagram& datagram) { receive(datagram); })
                 .into(socket_));
    host().log().notice("listening on ", socket_.local());
    return {};
  }

 private:
  // Runs on the socket's shard.
  void receive(const keel::Datagram& datagram) const {
    const std::string_view line = datagram.text();
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || blank == 0) {
      return datagram.reply("error: send a topic, a blank, and a message").ignore();
    }
    const std::string topic = keel::concat(prefix_, line.substr(0, blank));
    const keel::Status published =
        host().broker().publish({.topic = topic, .payload = line.substr(blank + 1)});
    datagram.reply(published ? "ok" : keel::concat("error: ", published)).ignore();
  }

  std::string prefix_;
  keel::UdpSocket socket_;
};

}  // namespace

KEEL_PLUGIN(Gateway, "@NAME@", KEEL_PLUGIN_VERSION, "UDP lines in, publishes out");
