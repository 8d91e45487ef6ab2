// UDP sockets, plain or DTLS.
//
//   host().udp().bind("127.0.0.1:7777", [this](keel::Datagram d) { d.reply(d.text()).ignore(); });
#pragma once

#include <initializer_list>

#include "keel/address.hpp"
#include "keel/handle.hpp"
#include "keel/shard.hpp"
#include "keel/tls.hpp"

namespace keel {

struct UdpOptions {
  std::string_view address;  // "127.0.0.1:1884", "[::]:1884"; a bare port: the default address
  bool per_shard = false;    // one socket per shard; a peer always meets the same one
  bool broadcast = false;    // may send to broadcast addresses
  std::uint32_t shard = kHere;
  std::uint32_t recv_buffer = 0;
  const Tls* tls = nullptr;  // null: plain
  std::uint32_t max_sessions = 0;
  std::uint32_t idle_timeout_s = 0;

  keel_udp_options c() const {
    keel_udp_options out{};
    out.size = sizeof out;
    out.flags = (per_shard ? std::uint32_t{KEEL_UDP_PER_SHARD} : 0u) |
                (broadcast ? std::uint32_t{KEEL_UDP_BROADCAST} : 0u);
    out.address = to_c(address);
    out.shard = shard;
    out.recv_buffer = recv_buffer;
    out.max_sessions = max_sessions;
    out.idle_timeout_s = idle_timeout_s;
    return out;
  }
};

// One datagram; valid during the call.
class Datagram {
 public:
  Datagram(detail::Core& core, keel_handle socket, const keel_datagram& datagram)
      : core_(&core), socket_(socket), datagram_(&datagram) {}

  std::string_view text() const { return view(datagram_->bytes); }
  Address peer() const { return datagram_->peer; }
  Address local() const { return datagram_->local; }
  Verified verified() const { return Verified(datagram_->verified); }
  // The socket on this shard, for Udp::send later.
  keel_handle socket() const { return socket_; }
  Status reply(std::string_view bytes) const {
    const keel_str piece = to_c(bytes);
    return core_->plain(
        core_->udp.call(&keel_ext_udp::send, core_->host, socket_, &datagram_->peer, &piece, 1u));
  }

 private:
  detail::Core* core_;
  keel_handle socket_;
  const keel_datagram* datagram_;
};

namespace detail {
class UdpContextBase : public Context {
 public:
  using Context::Context;
  void shut() noexcept override {
    if (gone(core.udp.call(&keel_ext_udp::close, core.host, handle.load()))) visit_shards(*this);
  }
  TlsArguments tls;
};

struct NoSession {};

template <class F, class S>
class UdpContext final : public UdpContextBase {
 public:
  UdpContext(Core& of, std::uint32_t on, F f, S s)
      : UdpContextBase(of, on), fn(std::move(f)), session(std::move(s)) {}
  static void received(void* ctx, keel_handle socket, const keel_datagram* datagrams,
                       std::uint32_t n) {
    auto* const self = static_cast<UdpContext*>(ctx);
    for (std::uint32_t i = 0; i < n && self->open(); ++i) {
      guarded(self->core, [&] { self->fn(Datagram(self->core, socket, datagrams[i])); });
    }
  }
  static void session_changed(void* ctx, keel_handle, const keel_addr* peer,
                              const keel_verified* verified, std::int32_t opened) {
    auto* const self = static_cast<UdpContext*>(ctx);
    if constexpr (!std::is_same_v<S, NoSession>) {
      if (!self->open()) return;
      guarded(self->core, [&] { self->session(Address(*peer), Verified(verified), opened != 0); });
    }
  }
  F fn;
  S session;
};
}  // namespace detail

class UdpSocket : public Handle {
 public:
  UdpSocket() = default;
  explicit UdpSocket(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}

  // KEEL_E_LIMIT: the socket's buffer is full. [shard of the socket]
  Status send(const Address& peer, std::string_view bytes) const {
    const keel_str piece = to_c(bytes);
    return with([&](detail::Core& core, keel_handle socket) {
      return core.udp.call(&keel_ext_udp::send, core.host, socket, &peer.c(), &piece, 1u);
    });
  }
  Status send(const Address& peer, std::initializer_list<keel_str> pieces) const {
    return with([&](detail::Core& core, keel_handle socket) {
      return core.udp.call(&keel_ext_udp::send, core.host, socket, &peer.c(), pieces.begin(),
                           static_cast<std::uint32_t>(pieces.size()));
    });
  }
  // KEEL_E_EXISTS: a member already, which is what a socket keeps across an upgrade. [control]
  Status join(const Address& group, std::uint32_t interface_index = 0) const {
    return with([&](detail::Core& core, keel_handle socket) {
      return core.udp.call(&keel_ext_udp::join, core.host, socket, &group.c(), interface_index);
    });
  }
  // Where it is bound. [any]
  Address local() const {
    keel_addr out{};
    with([&](detail::Core& core, keel_handle socket) {
      return core.udp.call(&keel_ext_udp::local, core.host, socket, &out);
    }).ignore();
    return out;
  }
  // Ends a DTLS association. [shard of the socket]
  Status close_peer(const Address& peer) const {
    return with([&](detail::Core& core, keel_handle socket) {
      return core.udp.call(&keel_ext_udp::close_peer, core.host, socket, &peer.c());
    });
  }
  Result<keel_udp_stats> stats() const {
    keel_udp_stats out{};
    out.size = sizeof out;
    if (Status status = with([&](detail::Core& core, keel_handle socket) {
          return core.udp.call(&keel_ext_udp::stats, core.host, socket, &out);
        });
        !status) {
      return status;
    }
    return out;
  }
  // Reads certificates and keys again. [control]
  Status reload_tls() const {
    return with([&](detail::Core& core, keel_handle socket) {
      return core.udp.call(&keel_ext_udp::reload_tls, core.host, socket);
    });
  }
};

class Udp {
 public:
  explicit Udp(detail::Core& core) : core_(core) {}

  // Binds; fn(keel::Datagram) runs for each datagram. [control]
  template <class F>
  Result<UdpSocket> bind(std::string_view address, F fn) const {
    return bind(UdpOptions{.address = address}, std::move(fn));
  }
  template <class F>
  Result<UdpSocket> bind(const UdpOptions& options, F fn) const {
    return bind(options, std::move(fn), detail::NoSession{});
  }
  // With DTLS, session(Address peer, Verified, bool opened) hears of associations.
  template <class F, class S>
  Result<UdpSocket> bind(const UdpOptions& options, F fn, S session) const {
    using Context = detail::UdpContext<F, S>;
    std::uint32_t shard = options.shard;
    if (shard == kHere) shard = core_.current_shard();
    if (shard == kControl) shard = 0;
    auto context = detail::make_context<Context>(
        core_, options.per_shard ? detail::kAnyShard : shard, std::move(fn), std::move(session));
    keel_udp_options c = options.c();
    keel_tls_options tls{};
    if (options.tls) {
      tls = context->tls.c(core_, *options.tls);
      c.tls = &tls;
    }
    keel_udp_callbacks callbacks{};
    callbacks.size = sizeof callbacks;
    callbacks.datagrams = &Context::received;
    if constexpr (!std::is_same_v<S, detail::NoSession>) {
      callbacks.session = &Context::session_changed;
    }
    core_.hold(*context);
    keel_handle handle = 0;
    const keel_status status =
        core_.udp.call(&keel_ext_udp::bind, core_.host, &c, &callbacks, context.get(), &handle);
    if (status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return UdpSocket(std::move(context));
  }

  // Sends from a socket by its number, as a Datagram gave it. [shard of the socket]
  Status send(keel_handle socket, const Address& peer, std::string_view bytes) const {
    return send(socket, peer, {to_c(bytes)});
  }
  Status send(keel_handle socket, const Address& peer,
              std::initializer_list<keel_str> pieces) const {
    return core_.plain(core_.udp.call(&keel_ext_udp::send, core_.host, socket, &peer.c(),
                                      pieces.begin(), static_cast<std::uint32_t>(pieces.size())));
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
