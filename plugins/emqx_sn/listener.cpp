#include "emqx_sn/listener.hpp"

namespace sn {
namespace {

bool is_wildcard(const keel::Address& address) {
  for (const std::uint8_t byte : address.c().bytes) {
    if (byte != 0) return false;
  }
  return true;
}

}  // namespace

keel::Status Listener::open(keel::Host& host) {
  const keel::Tls tls = dtls() ? settings_.dtls->tls() : keel::Tls();
  KEEL_TRY(host.udp()
               .bind(settings_.options(dtls() ? &tls : nullptr),
                     [this](const keel::Datagram& datagram) {
                       // One that is opened while the plugin runs receives at once.
                       if (!ready_.load(std::memory_order_acquire)) return;
                       receive_(plugin_, *this, datagram);
                     })
               .into(socket_));
  id_.store(socket_.id(), std::memory_order_relaxed);
  if (ready_.load(std::memory_order_relaxed)) return {};  // opened again
  local_ = socket_.local();
  sticky_ = dtls() || is_wildcard(local_);
  title_ = keel::concat("emqx_sn:", dtls() ? "dtls:" : "udp:", local_.port());
  ready_.store(true, std::memory_order_release);
  return {};
}

}  // namespace sn
