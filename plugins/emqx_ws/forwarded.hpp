// Which proxies are trusted, and whom they say they speak for. Values; any thread.
#pragma once

#include <keel/address.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace ws {

// "10.0.0.0/8", "::1", "unix": addresses of one kind.
class Network {
 public:
  static std::optional<Network> parse(std::string_view text);
  bool contains(const keel::Address& address) const;

 private:
  keel_addr base_{};
  unsigned bits_ = 0;
};

class TrustedProxies {
 public:
  // False: not a network.
  bool add(std::string_view text);
  bool contains(const keel::Address& address) const;
  bool empty() const { return networks_.empty(); }

 private:
  std::vector<Network> networks_;
};

// The client's address out of "client, proxy, proxy": the last one that is not a trusted proxy's,
// because what stands before it anybody may have written. None: nothing that is an address.
std::optional<keel::Address> forwarded_client(std::string_view addresses, std::string_view port,
                                              const TrustedProxies& trusted);

}  // namespace ws
