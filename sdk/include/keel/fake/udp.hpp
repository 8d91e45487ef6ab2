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
                std::string_view to = {}, std::optional<FakeVerified> verified = std::nullopt) {
    Udp* const socket = bound(to);
    const std::optional<Address> peer = Address::parse(from);
    if (!socket || !peer) return false;
    socket->waiting.push_back({*peer, std::string(bytes), std::move(verified)});
    pump(socket->handle);
    run();
    return true;
  }
  // DTLS: an association began or ended.
  void dtls_session(std::string_view peer, const FakeVerified& verified, bool opened,
                    std::string_view to = {}) {
    Udp* const socket = bound(to);
    const std::optional<Address> address = Address::parse(peer);
    if (!socket || !address || !socket->callbacks.session) return;
    const keel_verified c = verified.c();
    on(shard_of(*socket), [&] {
      socket->callbacks.session(socket->ctx, socket->handle, &address->c(), &c, opened ? 1 : 0);
    });
    run();
  }
  std::vector<std::string> udp_addresses() {
    std::vector<std::string> out;
    for (const Udp* socket : all<Udp>()) out.push_back(socket->local.text());
    return out;
  }

 protected:
  const void* udp_table_for(std::string_view id) {
    return id == KEEL_EXT_UDP ? &udp_table() : nullptr;
  }
  void pump_datagrams() {
    for (const Udp* socket : all<Udp>()) pump(socket->handle);
  }
  Address next_address(const Address& wanted) {
    return wanted.port() ? wanted : wanted.with_port(next_port_++);
  }

 private:
  static Datagrams& of(const keel_host* host) {
    return static_cast<Datagrams&>(*instance(host).kernel);
  }
  std::uint32_t shard_of(const Udp& socket) const { return socket.per_shard ? 0 : socket.shard; }
  Udp* bound(std::string_view to) {
    for (Udp* socket : all<Udp>()) {
      if (to.empty() || socket->asked == to || socket->local.text() == to) return socket;
    }
    return nullptr;
  }
  void pump(keel_handle handle) {
    for (;;) {
      Udp* const socket = find_any<Udp>(handle);
      if (!socket || socket->parked || socket->owner->phase != Phase::running) return;
      if (socket->waiting.empty()) return;
      std::vector<Udp::Waiting> batch;
      while (!socket->waiting.empty() && batch.size() < 32) {
        batch.push_back(std::move(socket->waiting.front()));
        socket->waiting.pop_front();
      }
      std::vector<keel_verified> verified(batch.size());
      std::vector<keel_datagram> c(batch.size());
      for (std::size_t i = 0; i < batch.size(); ++i) {
        c[i].peer = batch[i].peer.c();
        c[i].local = socket->local.c();
        c[i].bytes = to_c(batch[i].bytes);
        if (batch[i].verified) {
          verified[i] = batch[i].verified->c();
          c[i].verified = &verified[i];
        }
      }
      on(shard_of(*socket), [&] {
        socket->callbacks.datagrams(socket->ctx, handle, c.data(),
                                    static_cast<std::uint32_t>(c.size()));
      });
    }
  }

  keel_status bind(Instance& caller, const keel_udp_options& options,
                   const keel_udp_callbacks& callbacks, void* ctx, keel_handle* out) {
    if (const auto status = enter(caller, "udp.bind", On::control)) return status;
    const std::optional<Address> wanted = parse_bind(view(options.address));
    if (!wanted || !callbacks.datagrams) {
      return fail(KEEL_E_INVAL, concat("udp.bind: ", options.address, " is no address"));
    }
    Udp* socket = nullptr;
    for (Udp* other : all<Udp>()) {
      const bool same = other->asked == view(options.address) || other->local == *wanted;
      if (same && other->parked) {
        socket = other;  // adopted, with what waits in it
        socket->owner = &caller;
        socket->parked = false;
      } else if (same && wanted->port() != 0) {
        return fail(KEEL_E_IO, concat("udp.bind: ", options.address, " is in use"));
      }
    }
    if (!socket) {
      socket = &add(caller, std::make_unique<Udp>());
      socket->asked = view(options.address);
      socket->local = next_address(*wanted);
    }
    socket->per_shard = (options.flags & KEEL_UDP_PER_SHARD) != 0;
    socket->shard = socket->per_shard ? KEEL_SHARD_CONTROL : pick_shard(options.shard);
    socket->dtls = options.tls != nullptr;
    socket->callbacks = callbacks;
    socket->ctx = ctx;
    *out = socket->handle;
    return KEEL_OK;
  }

  static const keel_ext_udp& udp_table() {
    static const keel_ext_udp table{
        sizeof table,
        0,
        [](const keel_host* host, const keel_udp_options* options,
           const keel_udp_callbacks* callbacks, void* ctx, keel_handle* out) -> keel_status {
          return of(host).bind(instance(host), *options, *callbacks, ctx, out);
        },
        [](const keel_host* host, keel_handle handle, const keel_addr* peer, const keel_str* pieces,
           std::uint32_t n) -> keel_status {
          Udp* socket;
          if (const auto status =
                  of(host).enter(instance(host), "udp.send", On::shard, handle, socket)) {
            return status;
          }
          FakeDatagram sent{Address(*peer).text(), {}, handle};
          for (std::uint32_t i = 0; i < n; ++i) sent.bytes += view(pieces[i]);
          of(host).datagrams_sent.push_back(std::move(sent));
          return KEEL_OK;
        },
        [](const keel_host* host, keel_handle handle, const keel_addr* group,
           std::uint32_t interface_index) -> keel_status {
          Udp* socket;
          if (const auto status =
                  of(host).enter(instance(host), "udp.join", On::control, handle, socket)) {
            return status;
          }
          const std::pair membership{Address(*group).with_port(0), interface_index};
          auto& groups = socket->groups;
          if (std::find(groups.begin(), groups.end(), membership) != groups.end()) {
            return of(host).fail(KEEL_E_EXISTS, "udp.join: the socket is a member already");
          }
          groups.push_back(membership);
          return KEEL_OK;
        },
        [](const keel_host* host, keel_handle handle, keel_addr* out) -> keel_status {
          Udp* socket;
          const auto status = of(host).enter(instance(host), "udp.local", On::any, handle, socket);
          if (status == KEEL_OK) *out = socket->local.c();
          return status;
        },
        [](const keel_host* host, keel_handle handle, const keel_addr*) -> keel_status {
          Udp* socket;
          return of(host).enter(instance(host), "udp.close_peer", On::shard, handle, socket);
        },
        [](const keel_host* host, keel_handle handle, keel_udp_stats* out) -> keel_status {
          Udp* socket;
          const auto status = of(host).enter(instance(host), "udp.stats", On::any, handle, socket);
          if (status == KEEL_OK) out->datagrams_out = of(host).datagrams_sent.size();
          return status;
        },
        [](const keel_host* host, keel_handle handle) -> keel_status {
          Udp* socket;
          return of(host).enter(instance(host), "udp.reload_tls", On::control, handle, socket);
        },
        [](const keel_host* host, keel_handle handle) -> keel_status {
          Udp* socket;
          const auto status =
              of(host).enter_end(instance(host), "udp.close", On::any, handle, socket);
          if (status == KEEL_OK) of(host).drop(handle);
          return status;
        }};
    return table;
  }

  std::uint16_t next_port_ = 42'000;
};

}  // namespace keel::fake
