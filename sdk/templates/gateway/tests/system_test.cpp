// The built plugin in a real broker.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <keel/test.hpp>
#include <string>

namespace {

// Where the gateway listens; with port 0 in the settings its log line tells.
std::uint16_t port_of(const keel::KernelFixture& kernel) {
  const std::string mark = "listening on 127.0.0.1:";
  REQUIRE(kernel.await_log(mark));
  const std::string log = kernel.log();
  return static_cast<std::uint16_t>(std::atoi(log.c_str() + log.rfind(mark) + mark.size()));
}

class Device {
 public:
  explicit Device(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { ::close(fd_); }

  // Sends a line; the gateway's answer.
  std::string say(const std::string& line) {
    REQUIRE(::send(fd_, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size()));
    char answer[256];
    const ssize_t n = ::recv(fd_, answer, sizeof answer, 0);
    return n < 0 ? "no answer" : std::string(answer, static_cast<std::size_t>(n));
  }

 private:
  int fd_;
};

}  // namespace

TEST_CASE("a line of a device reaches a subscriber") {
  keel::KernelFixture kernel({.settings = "address = \"127.0.0.1:0\"\n"});
  auto client = kernel.connect("client");
  client.subscribe("@NAME@/#");
  Device device(port_of(kernel));
  CHECK(device.say("kitchen/temp 21") == "ok");
  client.expect("@NAME@/kitchen/temp", "21");
  CHECK(device.say("nonsense").starts_with("error: "));

  REQUIRE(kernel.unload());
  CHECK_FALSE(kernel.maps_contains("@NAME@"));
  CHECK(client.quiet());
}

TEST_CASE("an upgrade goes unnoticed by devices and subscribers") {
  keel::KernelFixture kernel({.settings = "address = \"127.0.0.1:0\"\n"});
  auto client = kernel.connect("client");
  client.subscribe("@NAME@/#");
  Device device(port_of(kernel));
  CHECK(device.say("a before") == "ok");
  REQUIRE(kernel.upgrade(KEEL_TEST_PLUGIN));
  CHECK(device.say("a after") == "ok");
  client.expect("@NAME@/a", "before");
  client.expect("@NAME@/a", "after");
}
