// FakeHost's table udp: a pipe of datagrams. Part of keel/fake.hpp.
#pragma once

#include <optional>

#include "keel/ext/udp.h"
#include "keel/fake/admin.hpp"

namespace keel::fake {

// "7777", "127.0.0.1:7777", "[::1]:7777"
inline std::optional<Address> parse_bind(std::string_view text) {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    return Address::parse(concat("0.0.0.0:", text));
  }
  return Address::parse(text);
}

struct Udp final : Object {
  const char* kind() const override { return "udp"; }
  bool keeps() const override { return true; }
  std::string asked;  // the address as given
  Address local;
  bool per_shard = false, dtls = false;
  keel_udp_callbacks callbacks{};
  void* ctx = nullptr;
  struct Waiting {
    Address peer;
    std::string bytes;
    std::optional<FakeVerified> verified;
  };
  std::deque<Waiting> waiting;
  std::vector<std::pair<Address, std::uint32_t>> groups;  // with the interface
};

class Datagrams : public Admin {
 public:
  using Admin::Admin;

  // ---- for tests ----
  // What the plugin sent, oldest first.
  std::vector<FakeDatagram> datagrams_sent;
  // A datagram comes in on the socket bound to `to` (empty: the first one). It waits in the socket
  // while the plugin is being upgraded. False: nobody is bound there.
  bool datagram(std::string_view bytes, std::string_view from = "127.0.0.1:40000",
                std::string_view to = {}, std::optional<FakeVerified> verified = std::nullopt);
  // DTLS: an association began or ended.
  void dtls_session(std::string_view peer, const FakeVerified& verified, bool opened,
                    std::string_view to = {});
  std::vector<std::string> udp_addresses();

 protected:
  const void* udp_table_for(std::string_view id);
  void pump_datagrams();
  Address next_address(const Address& wanted);

 private:
  static Datagrams& of(const keel_host* host) {
    return static_cast<Datagrams&>(*instance(host).kernel);
  }
  std::uint32_t shard_of(const Udp& socket) const { return socket.per_shard ? 0 : socket.shard; }
  Udp* bound(std::string_view to);
  void pump(keel_handle handle);

  keel_status bind(Instance& caller, const keel_udp_options& options,
                   const keel_udp_callbacks& callbacks, void* ctx, keel_handle* out);

  static const keel_ext_udp& udp_table();

  std::uint16_t next_port_ = 42'000;
};

}  // namespace keel::fake
