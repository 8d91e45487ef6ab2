// What an operator does with the built plugin and the real broker: settings in both forms, reload,
// ctl, metrics, ADVERTISE.
#include <algorithm>

#include "emqx_sn/tests/messages.hpp"
#include "emqx_sn/tests/scripts.hpp"

namespace {

using keel::concat;
using sn_test::free_udp_port, sn_test::hex, sn_test::to_hex;

// A socket of a client, at any port of 127.0.0.1.
class Peer {
 public:
  explicit Peer(std::uint16_t gateway) {
    at_.sin_family = AF_INET;
    at_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(fd_ >= 0);
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&at_), sizeof at_) == 0);
    at_.sin_port = htons(gateway);
    timeval patience{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { ::close(fd_); }

  void say(std::string_view octets) {
    const std::string text = hex(octets);
    REQUIRE(::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&at_),
                     sizeof at_) == static_cast<ssize_t>(text.size()));
  }
  std::string hear() {
    char octets[2048];
    const ssize_t n = ::recv(fd_, octets, sizeof octets, 0);
    return n < 0 ? "silence" : to_hex({octets, static_cast<std::size_t>(n)});
  }
  std::string ask(std::string_view octets) {
    say(octets);
    return hear();
  }

 private:
  const int fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in at_{};
};

std::string settings(std::uint16_t port, std::string_view more = {}) {
  return concat("mqtt.sn.port = \"127.0.0.1:", port, "\"\n", more);
}

// `fn` asks the broker by ctl, again and again, until it has its answer.
template <class F>
bool eventually(const F& fn) {
  for (int tries = 0; tries < 1000; ++tries) {
    if (fn()) return true;
  }
  return false;
}

// The lines "setting : KEY = VALUE" of `ctl plugins show`, without where a value comes from.
std::vector<std::string> in_force(const keel::KernelFixture& kernel) {
  std::vector<std::string> out;
  const std::string shown = kernel.ctl({"plugins", "show", "emqx_sn"}).output;
  constexpr std::string_view kWord = "setting     : ";
  for (std::size_t at = 0; (at = shown.find(kWord, at)) != std::string::npos;) {
    at += kWord.size();
    std::string line = shown.substr(at, shown.find('\n', at) - at);
    line.resize(std::min(line.size(), line.find("  (")));
    if (!line.starts_with("mqtt.sn.port ")) out.push_back(line);
  }
  return out;
}

}  // namespace

TEST_CASE("EMQ X's own file does, the words without quotes as they are") {
  const std::uint16_t port = free_udp_port();
  keel::KernelFixture kernel({.settings = concat("mqtt.sn.port = 127.0.0.1:", port, R"(
mqtt.sn.advertise_duration = 15m
mqtt.sn.gateway_id = 1
mqtt.sn.enable_stats = off
mqtt.sn.enable_qos3 = off
mqtt.sn.idle_timeout = 30s
mqtt.sn.predefined.topic.0 = reserved
mqtt.sn.predefined.topic.1 = /predefined/topic/name/hello
mqtt.sn.predefined.topic.2 = /predefined/topic/name/nice
mqtt.sn.predefined.client.sensor7.3 = /of/sensor7/alone
mqtt.sn.username = mqtt_sn_user
mqtt.sn.password = abc
)")});
  CHECK(kernel.ctl({"sn", "predefined"}).output ==
        "*  1  /predefined/topic/name/hello\n*  2  /predefined/topic/name/nice\n"
        "sensor7  3  /of/sensor7/alone\n");
  Peer peer(port);
  CHECK(peer.ask("03 01 00") == "03 02 01");
  CHECK(peer.ask("08 04 04 01 00 3C 63 31") == "03 05 03");  // nobody knows the user
  CHECK(kernel.ctl({"plugins", "show", "emqx_sn"}).output.find("abc") == std::string::npos);
}

TEST_CASE("the five documented settings, as documented") {
  keel::KernelFixture kernel({.settings = R"(mqtt.sn.port = 0
mqtt.sn.advertise_duration = 900
mqtt.sn.gateway_id = 7
mqtt.sn.username = mqtt_sn_user
mqtt.sn.password = abc
)"});
  const std::string shown = kernel.ctl({"plugins", "show", "emqx_sn"}).output;
  for (const char* line : {"mqtt.sn.port = \"0\"", "mqtt.sn.advertise_duration = \"15m\"",
                           "mqtt.sn.gateway_id = 7", "mqtt.sn.username = \"mqtt_sn_user\""}) {
    CHECK_MESSAGE(shown.find(line) != std::string::npos, line);
  }
}

TEST_CASE("the shipped settings are all there are, with their defaults") {
  std::string file = keel::test::read_file(EMQX_SN_CONF);
  const std::string_view port = "\nmqtt.sn.port = 1884\n";
  REQUIRE(file.find(port) != std::string::npos);
  file.replace(file.find(port), port.size(), "\nmqtt.sn.port = \"127.0.0.1:0\"\n");
  keel::KernelFixture shipped({.settings = file});
  keel::KernelFixture bare({.settings = settings(0)});
  const std::vector<std::string> values = in_force(bare);
  CHECK(in_force(shipped) == values);
  CHECK(values.size() > 40);

  // What has no default stands there as a comment, and so do those with a name of one's own.
  const std::string described = bare.ctl({"plugins", "describe", "emqx_sn"}).output;
  std::size_t keys = 0;
  for (std::size_t at = 0; (at = described.find("\nmqtt.sn.", at)) != std::string::npos; ++keys) {
    std::string key = described.substr(at + 1, described.find(' ', at) - at - 1);
    const std::string help =
        described.substr(described.find(" - ", at) + 3,
                         described.find('\n', at + 1) - described.find(" - ", at) - 3);
    at += key.size();
    const std::size_t star = key.find('*');
    key.resize(std::min(key.size(), star));
    const bool there =
        file.find(concat('\n', key, star == std::string::npos ? " = " : "")) != std::string::npos ||
        file.find(concat("\n# ", key, star == std::string::npos ? " = " : "")) != std::string::npos;
    CHECK_MESSAGE(there, key);
    if (star == std::string::npos)
      CHECK_MESSAGE(file.find(concat("\n# ", help, '\n')) != std::string::npos, help);
  }
  CHECK(keys > 40);
}

TEST_CASE("settings that cannot work are refused with their place, and the broker goes on") {
  struct Case {
    const char* settings;
    const char* refusal;
  };
  const Case cases[] = {
      {"mqtt.sn.port = ::1:1884\n",
       "emqx_sn.conf:1:16: 'mqtt.sn.port' is \"::1:1884\"; give a port"},
      {"mqtt.sn.gateway_id = 256\n", "emqx_sn.conf:1:22: 'mqtt.sn.gateway_id'"},
      {"mqtt.sn.gateway = 1\n", "did you mean 'mqtt.sn.gateway_id'?"},
      {"mqtt.sn.predefined.topic.1 = a/#\n", "emqx_sn.conf:1:30: 'mqtt.sn.predefined.topic.1'"},
      {"mqtt.sn.port = \"\"\n", "there is nothing to listen on"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.settings);
    keel::KernelFixture kernel({.settings = each.settings, .load = false});
    const keel::Status loaded = kernel.load();
    CHECK_FALSE(loaded);
    CHECK_MESSAGE(loaded.text().find(each.refusal) != std::string::npos, loaded.text());
    CHECK(kernel.running());
  }
}

TEST_CASE("a port that is taken is said to be") {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&at), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  keel::KernelFixture kernel({.settings = settings(ntohs(at.sin_port)), .load = false});
  const keel::Status loaded = kernel.load();
  CHECK_FALSE(loaded);
  CHECK(loaded.text().find("'mqtt.sn.port'") != std::string::npos);
  CHECK(loaded.text().find("in use") != std::string::npos);
  ::close(fd);
  const keel::Status again = kernel.load();
  CHECK_MESSAGE(again, again.text());
}

TEST_CASE("a reload keeps the clients, and takes what is new") {
  const std::uint16_t port = free_udp_port();
  keel::KernelFixture kernel({.settings = settings(port)});
  Peer peer(port);
  CHECK(peer.ask("08 04 04 01 00 3C 63 31") == "03 05 00");
  keel::test::write_file(
      kernel.path("etc/plugins/emqx_sn.conf"),
      settings(port, "mqtt.sn.gateway_id = 9\nmqtt.sn.predefined.topic.5 = \"five\"\n"));
  const auto reloaded = kernel.ctl({"plugins", "reload", "emqx_sn"});
  REQUIRE_MESSAGE(reloaded.exit == 0, reloaded.output);
  CHECK(peer.ask("03 01 00") == "03 02 09");
  CHECK(peer.ask("02 16") == "02 17");
  CHECK(peer.ask("07 12 01 00 06 00 05") == "08 13 00 00 05 00 06 00");
  CHECK(kernel.ctl({"sn", "predefined"}).output == "*  5  five\n");
}

TEST_CASE("ctl sn shows and ends clients, the metrics count them") {
  const std::uint16_t port = free_udp_port();
  keel::KernelFixture kernel({.settings = settings(port)});
  CHECK(kernel.ctl({"sn", "list"}).output == "");
  Peer peer(port);
  CHECK(peer.ask("08 04 04 01 00 3C 63 31") == "03 05 00");
  CHECK(peer.ask("08 12 20 00 05 61 2F 62") == "08 13 20 01 00 00 05 00");
  const std::string all = kernel.ctl({"sn", "list"}).output;
  CHECK(all.starts_with("SnClient(c1, peername=127.0.0.1:"));
  CHECK(all.ends_with("state=active, keepalive=60, sleep=0, topics=1, queue=0)\n"));
  CHECK(kernel.ctl({"sn", "topics", "c1"}).output == "  256  a/b  (subscribed)\n");

  CHECK(peer.ask("04 18 01 2C") == "02 18");
  auto publisher = kernel.connect("tcp");
  publisher.publish("a/b", "1", 1);
  publisher.publish("a/b", "2", 1);
  std::string page;
  CHECK(eventually([&] {
    page = kernel.ctl({"sn", "show", "c1"}).output;
    return page.find("  waiting       : 2 messages in the broker\n") != std::string::npos;
  }));
  CHECK_MESSAGE(page.find("state=asleep") != std::string::npos, page);

  CHECK(kernel.ctl({"sn", "kick", "c1"}).output == "ok\n");
  CHECK(peer.hear() == "02 18");
  const auto again = kernel.ctl({"sn", "kick", "c1"});
  CHECK(again.exit == 1);
  CHECK(again.output.find("there is no client 'c1' here; see ctl sn list") != std::string::npos);
  CHECK(eventually([&] {
    return kernel.ctl({"sn", "stats"}).output.find("packets_in.subscribe            : 1\n") !=
           std::string::npos;
  }));
}

TEST_CASE("ADVERTISE leaves from the port that serves, in seconds") {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  timeval patience{30, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const std::uint16_t port = free_udp_port();
  sockaddr_in at{};  // the broadcast address itself, so that the gateway's own is free
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(0x7fffffff);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  keel::KernelFixture kernel({.settings = settings(port, R"(mqtt.sn.advertise_duration = 1
mqtt.sn.gateway_id = 7
mqtt.sn.broadcast_address = ["127.255.255.255"]
)")});
  for (int i = 0; i < 2; ++i) {
    char octets[64];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t n =
        ::recvfrom(fd, octets, sizeof octets, 0, reinterpret_cast<sockaddr*>(&from), &size);
    REQUIRE(n > 0);
    CHECK(to_hex({octets, static_cast<std::size_t>(n)}) == "05 00 07 00 01");
    CHECK(ntohs(from.sin_port) == port);
  }
  ::close(fd);
}
