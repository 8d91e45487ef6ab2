#include "tests/system/support/plugins.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iterator>
#include <set>
#include <sstream>

namespace keel::test {

std::filesystem::path zoo_dir() { return KEEL_ZOO_DIR; }
std::filesystem::path examples_dir() { return KEEL_EXAMPLES_DIR; }

std::string zoo_settings() { return "[plugins]\ndir = \"" + zoo_dir().string() + "\"\n"; }

GatewayBroker::GatewayBroker()
    : BrokerProcess("[plugins]\ndir = \"" + examples_dir().string() + "\"\n",
                    {.prepare = [](const std::filesystem::path& dir) {
                      std::filesystem::create_directories(dir / "plugins");
                      write_file(dir / "plugins/udp_gateway.conf",
                                 "udp_gateway.address = \"127.0.0.1:0\"\n");
                    }}) {
  ctl_ok({"plugins", "load", "udp_gateway"});
}

bool is_mapped(const BrokerProcess& broker, const std::string& name) {
  const std::string maps = read_file("/proc/" + std::to_string(broker.pid()) + "/maps");
  return maps.find("/run/" + name + "-") != std::string::npos;
}

std::size_t open_descriptors(const BrokerProcess& broker) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(broker.pid()) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// By the socket's inode, which both lists have.
std::uint16_t udp_port_of(const BrokerProcess& broker) {
  const std::string proc = "/proc/" + std::to_string(broker.pid());
  std::set<std::string> own;
  for (const auto& fd : std::filesystem::directory_iterator(proc + "/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(fd.path(), gone);
    if (target.starts_with("socket:[")) own.insert(target.substr(8, target.size() - 9));
  }
  std::istringstream lines(read_file("/proc/net/udp"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string slot, local, word, inode;
    words >> slot >> local;
    for (int i = 0; i < 8 && words >> word; ++i) inode = word;
    if (own.contains(inode))
      return static_cast<std::uint16_t>(std::stoul(local.substr(local.find(':') + 1), nullptr, 16));
  }
  throw std::runtime_error("the broker has no UDP socket");
}

UdpClient::UdpClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("no UDP socket");
}

UdpClient::~UdpClient() { ::close(fd_); }

void UdpClient::send(const std::string& bytes) {
  static_cast<void>(::send(fd_, bytes.data(), bytes.size(), 0));
}

std::string UdpClient::receive(At at) {
  pollfd wait{fd_, POLLIN, 0};
  if (::poll(&wait, 1, Deadline{}.left_ms()) != 1) fail(at, "no datagram came");
  char buffer[2048];
  const auto size = ::recv(fd_, buffer, sizeof buffer, 0);
  if (size < 0) fail(at, "nobody listens there any more");
  return {buffer, static_cast<std::size_t>(size)};
}

}  // namespace keel::test
