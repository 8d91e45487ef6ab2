// The built plugin in the real broker: loaded, used, upgraded and unloaded without a trace.
#include <doctest/doctest.h>

#include <keel/test.hpp>

namespace {

// A socket like the one of `echo ... > /dev/udp/...`.
class UdpSender {
 public:
  UdpSender() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
  UdpSender(const UdpSender&) = delete;
  UdpSender& operator=(const UdpSender&) = delete;
  ~UdpSender() { ::close(fd_); }

  void send(std::uint16_t port, std::string_view text) const {
    const sockaddr_in to = loopback(port);
    CHECK(::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                   sizeof to) == static_cast<ssize_t>(text.size()));
  }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
  }
  int fd_;
};

}  // namespace

TEST_CASE("loaded, used, upgraded, unloaded") {
  const std::uint16_t port = keel::test::free_port(SOCK_DGRAM);
  keel::KernelFixture kernel(
      {.settings = keel::concat("template.address = \"127.0.0.1:", port, "\"\n")});
  auto reader = kernel.connect("reader");
  CHECK(reader.subscribe("kitchen/#") == 0);
  const UdpSender sender;
  sender.send(port, "kitchen/temp 21\n");
  reader.expect("kitchen/temp", "21");
  CHECK(kernel.maps_contains("emqx_template"));

  const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
  CHECK_MESSAGE(upgraded, upgraded.text());
  sender.send(port, "kitchen/temp 22");
  reader.expect("kitchen/temp", "22");

  const keel::Status unloaded = kernel.unload();
  CHECK_MESSAGE(unloaded, unloaded.text());
  CHECK(!kernel.maps_contains("emqx_template"));
  CHECK(reader.quiet());  // and still connected
  CHECK(kernel.stop() == 0);
}

TEST_CASE("settings that cannot be are refused with their place in the file") {
  keel::KernelFixture kernel({.settings = "template.adress = \"127.0.0.1:1\"\n", .load = false});
  const keel::Status loaded = kernel.load();
  CHECK(!loaded);
  CHECK(loaded.text().find("template.adress") != std::string_view::npos);
  CHECK(loaded.text().find("template.address") != std::string_view::npos);
  CHECK(kernel.running());
}
