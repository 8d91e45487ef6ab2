// Where the plugins of the tests are, and what the process holds of them.
#pragma once

#include <filesystem>
#include <string>

#include "tests/system/support/broker.hpp"

namespace keel::test {

std::filesystem::path zoo_dir();       // tests/plugins
std::filesystem::path examples_dir();  // sdk/examples, built
// Settings that make the zoo the plugin directory; keys of [plugins] may follow.
std::string zoo_settings();

// A broker with the example udp_gateway loaded, on a free port: see udp_port_of().
struct GatewayBroker : BrokerProcess {
  GatewayBroker();
};

// Whether code or data of a plugin is mapped.
bool is_mapped(const BrokerProcess& broker, const std::string& name);
std::size_t open_descriptors(const BrokerProcess& broker);

// The UDP port on the loopback address that the broker has, the only one.
std::uint16_t udp_port_of(const BrokerProcess& broker);

// A device: datagrams to one port, answers within the deadline.
class UdpClient {
 public:
  explicit UdpClient(std::uint16_t port);
  UdpClient(const UdpClient&) = delete;
  UdpClient& operator=(const UdpClient&) = delete;
  ~UdpClient();
  void send(const std::string& bytes);
  std::string receive(At at = At::current());

 private:
  int fd_;
};

}  // namespace keel::test
