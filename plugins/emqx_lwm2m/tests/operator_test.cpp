// What an operator does with the built plugin and the real broker: settings in both forms, the
// shipped file, reload, certificates, a port that is taken.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <keel/test.hpp>
#include <optional>

namespace {

using keel::concat;

const std::string kObjects = concat("lwm2m.xml_dir = \"", LWM2M_XML_DIR, "\"\n");

std::string settings(std::string_view port, std::string_view more = {}) {
  return concat("lwm2m.port = \"127.0.0.1:", port, "\"\n", kObjects, more);
}

// The lines "setting : KEY = VALUE" of `ctl plugins show`, without where a value comes from.
std::vector<std::string> in_force(const keel::KernelFixture& kernel) {
  std::vector<std::string> out;
  const std::string shown = kernel.ctl({"plugins", "show", "emqx_lwm2m"}).output;
  constexpr std::string_view kWord = "setting     : ";
  for (std::size_t at = 0; (at = shown.find(kWord, at)) != std::string::npos;) {
    at += kWord.size();
    std::string line = shown.substr(at, shown.find('\n', at) - at);
    line.resize(std::min(line.size(), line.find("  (")));
    if (!line.starts_with("lwm2m.port ")) out.push_back(line);
  }
  return out;
}

std::string shown(const keel::KernelFixture& kernel) {
  return kernel.ctl({"plugins", "show", "emqx_lwm2m"}).output;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A UDP port of 127.0.0.1 that somebody else has.
class Taken {
 public:
  Taken() {
    at_.sin_family = AF_INET;
    at_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at_;
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&at_), size) == 0);
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at_), &size) == 0);
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() { ::close(fd_); }
  std::uint16_t port() const { return ntohs(at_.sin_port); }

 private:
  const int fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in at_{};
};

}  // namespace

TEST_CASE("EMQ X's own file does, the words without quotes as they are") {
  keel::KernelFixture kernel({.settings = R"(lwm2m.port = 127.0.0.1:0
lwm2m.certfile = etc/certs/cert.pem
lwm2m.keyfile = etc/certs/key.pem
lwm2m.xml_dir = etc/lwm2m_xml
lwm2m.lifetime_min = 1s
lwm2m.lifetime_max = 86400s
lwm2m.qmode_time_window = 22
lwm2m.lb = coaproxy
lwm2m.auto_observe = off
lwm2m.mountpoint = lwm2m/%e/
lwm2m.topics.command = dn/#
lwm2m.topics.response = up/resp
lwm2m.topics.notify = up/notify
lwm2m.topics.register = up/resp
lwm2m.topics.update = up/resp
lwm2m.opts.buffer = 1024KB
lwm2m.opts.recbuf = 1024KB
lwm2m.opts.sndbuf = 1024KB
lwm2m.opts.read_packets = 20
)"});
  const std::string text = shown(kernel);
  CHECK(contains(text, "lwm2m:udp at 127.0.0.1:"));
  for (const char* line : {"lwm2m.qmode_time_window = \"22s\"", "lwm2m.topics.command = \"dn/#\"",
                           "lwm2m.xml_dir = \"etc/lwm2m_xml\"", "lwm2m.lb = \"coaproxy\""}) {
    CHECK_MESSAGE(contains(text, line), line);
  }
}

TEST_CASE("the shipped settings are all there are, with their defaults") {
  std::string file = keel::test::read_file(EMQX_LWM2M_CONF);
  const std::string_view port = "\nlwm2m.port = 5683\n";
  REQUIRE(contains(file, port));
  file.replace(file.find(port), port.size(), "\nlwm2m.port = \"127.0.0.1:0\"\n");
  keel::KernelFixture shipped({.settings = file});
  keel::KernelFixture bare({.settings = "lwm2m.port = \"127.0.0.1:0\"\n"});
  const std::vector<std::string> values = in_force(bare);
  CHECK(in_force(shipped) == values);
  CHECK(values.size() > 50);

  // What has no default stands there as a comment, and so do those with a name of one's own.
  const std::string described = bare.ctl({"plugins", "describe", "emqx_lwm2m"}).output;
  std::size_t keys = 0;
  for (std::size_t at = 0; (at = described.find("\nlwm2m.", at)) != std::string::npos; ++keys) {
    std::string key = described.substr(at + 1, described.find(' ', at) - at - 1);
    const std::size_t words = described.find(" - ", at) + 3;
    const std::string help = described.substr(words, described.find('\n', at + 1) - words);
    at += key.size();
    const std::size_t star = key.find('*');
    key.resize(std::min(key.size(), star));
    const char* const end = star == std::string::npos ? " = " : "";
    const bool there =
        contains(file, concat('\n', key, end)) || contains(file, concat("\n# ", key, end));
    CHECK_MESSAGE(there, key);
    if (star == std::string::npos) CHECK_MESSAGE(contains(file, concat("\n# ", help, '\n')), help);
  }
  CHECK(keys > 50);
}

TEST_CASE("settings that cannot work are refused with their place, and the broker goes on") {
  struct Case {
    const char* settings;
    const char* refusal;
  };
  const Case cases[] = {
      {"lwm2m.port = ::1:5683\n",
       "emqx_lwm2m.conf:1:14: 'lwm2m.port' is \"::1:5683\"; give a port"},
      {"lwm2m.qos = 2\n", "emqx_lwm2m.conf:1:13: 'lwm2m.qos'"},
      {"lwm2m.ports = 1\n", "did you mean 'lwm2m.port'?"},
      {"lwm2m.topics.response = a/#\n", "emqx_lwm2m.conf:1:25: 'lwm2m.topics.response'"},
      {"lwm2m.port = 0\n", "there is nothing to listen on"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.settings);
    keel::KernelFixture kernel({.settings = each.settings, .load = false});
    const keel::Status loaded = kernel.load();
    CHECK_FALSE(loaded);
    CHECK_MESSAGE(contains(loaded.text(), each.refusal), loaded.text());
    CHECK(kernel.running());
  }
}

TEST_CASE("a port that is taken is said to be") {
  std::optional<Taken> taken(std::in_place);
  keel::KernelFixture kernel({.settings = settings(std::to_string(taken->port())), .load = false});
  const keel::Status loaded = kernel.load();
  CHECK_FALSE(loaded);
  CHECK(contains(loaded.text(), "'lwm2m.port'"));
  CHECK(contains(loaded.text(), "in use"));
  CHECK(kernel.running());
  taken.reset();
  const keel::Status again = kernel.load();
  CHECK_MESSAGE(again, again.text());
}

TEST_CASE(
    "without a certificate there is no DTLS; with one that is broken neither, and UDP serves") {
  keel::KernelFixture kernel({.settings = settings("0")});
  CHECK_FALSE(contains(shown(kernel), "lwm2m:dtls"));
  keel::test::write_file(kernel.path("bad.pem"), "no certificate");
  const std::string file = concat("\"", kernel.path("bad.pem"), "\"\n");
  keel::test::write_file(
      kernel.path("etc/plugins/emqx_lwm2m.conf"),
      settings("0", concat("lwm2m.certfile = ", file, "lwm2m.keyfile = ", file)));
  const auto reloaded = kernel.ctl({"plugins", "reload", "emqx_lwm2m"});
  REQUIRE_MESSAGE(reloaded.exit == 0, reloaded.output);
  const std::string text = shown(kernel);
  CHECK(contains(text, "lwm2m:dtls is not started"));
  CHECK(contains(text, "lwm2m:udp at 127.0.0.1:"));
}

TEST_CASE("a reload reads the object files again, and so does a command") {
  keel::KernelFixture kernel({.settings = "lwm2m.port = \"127.0.0.1:0\"\n"});
  CHECK(contains(kernel.ctl({"lwm2m", "xml", "list"}).output, "there are none"));
  std::filesystem::create_directory(kernel.path("etc/lwm2m_xml"));
  const auto put = [&](const char* id) {
    keel::test::write_file(
        kernel.path(concat("etc/lwm2m_xml/", id, ".xml")),
        concat("<LWM2M><Object><Name>Own</Name><ObjectID>", id, "</ObjectID></Object></LWM2M>"));
  };
  put("4000");
  REQUIRE(kernel.ctl({"plugins", "reload", "emqx_lwm2m"}).exit == 0);
  CHECK(contains(kernel.ctl({"lwm2m", "xml", "list"}).output, "4000   1.0   Own "));
  put("4001");
  CHECK(kernel.ctl({"lwm2m", "xml", "reload"}).output == "2 objects\n");
  CHECK(contains(kernel.ctl({"lwm2m", "xml", "show", "4001"}).output, "4001 Own 1.0\n"));
}

TEST_CASE("the shipped definitions load in the broker, and secrets are not shown") {
  keel::KernelFixture kernel(
      {.settings = settings("0", "lwm2m.username = \"u\"\nlwm2m.password = \"hush7\"\n")});
  CHECK(contains(kernel.ctl({"lwm2m", "xml", "show", "3303"}).output, "Sensor Value"));
  CHECK(kernel.ctl({"lwm2m", "list"}).output == "");
  CHECK(contains(kernel.ctl({"lwm2m", "stats"}).output, "devices.registered"));
  CHECK_FALSE(contains(shown(kernel), "hush7"));
}
