// What keel/fake/udp.hpp declares: the table udp. See keel/fake/impl/fn.hpp.
#pragma once

#include <algorithm>

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/udp.hpp"

namespace keel::fake {

KEEL_FAKE_FN bool Datagrams::datagram(std::string_view bytes, std::string_view from,
                                      std::string_view to, std::optional<FakeVerified> verified) {
  Udp* const socket = bound(to);
  const std::optional<Address> peer = Address::parse(from);
  if (!socket || !peer) return false;
  socket->waiting.push_back({*peer, std::string(bytes), std::move(verified)});
  pump(socket->handle);
  run();
  return true;
}

KEEL_FAKE_FN void Datagrams::dtls_session(std::string_view peer, const FakeVerified& verified,
                                          bool opened, std::string_view to) {
  Udp* const socket = bound(to);
  const std::optional<Address> address = Address::parse(peer);
  if (!socket || !address || !socket->callbacks.session) return;
  const keel_verified c = verified.c();
  on(shard_of(*socket), [&] {
    socket->callbacks.session(socket->ctx, socket->handle, &address->c(), &c, opened ? 1 : 0);
  });
  run();
}

KEEL_FAKE_FN std::vector<std::string> Datagrams::udp_addresses() {
  std::vector<std::string> out;
  for (const Udp* socket : all<Udp>()) out.push_back(socket->local.text());
  return out;
}

KEEL_FAKE_FN const void* Datagrams::udp_table_for(std::string_view id) {
  return id == KEEL_EXT_UDP ? &udp_table() : nullptr;
}

KEEL_FAKE_FN void Datagrams::pump_datagrams() {
  for (const Udp* socket : all<Udp>()) pump(socket->handle);
}

KEEL_FAKE_FN Address Datagrams::next_address(const Address& wanted) {
  return wanted.port() ? wanted : wanted.with_port(next_port_++);
}

KEEL_FAKE_FN Udp* Datagrams::bound(std::string_view to) {
  for (Udp* socket : all<Udp>()) {
    if (to.empty() || socket->asked == to || socket->local.text() == to) return socket;
  }
  return nullptr;
}

KEEL_FAKE_FN void Datagrams::pump(keel_handle handle) {
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

KEEL_FAKE_FN keel_status Datagrams::bind(Instance& caller, const keel_udp_options& options,
                                         const keel_udp_callbacks& callbacks, void* ctx,
                                         keel_handle* out) {
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

KEEL_FAKE_FN const keel_ext_udp& Datagrams::udp_table() {
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

}  // namespace keel::fake
