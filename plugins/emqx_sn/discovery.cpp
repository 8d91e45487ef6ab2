#include "emqx_sn/discovery.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "emqx_sn/encode.hpp"

namespace sn {
namespace {

// How often a group is tried again that could not be joined, where nothing is advertised.
constexpr std::uint32_t kRetryJoinS = 60;

bool is_wildcard(const keel::Address& address) {
  const auto& bytes = address.c().bytes;
  return std::all_of(std::begin(bytes), std::end(bytes), [](std::uint8_t b) { return b == 0; });
}

// A socket bound to all of IPv6 has IPv4, too.
bool reaches(const keel::Address& local, std::uint8_t family) {
  if (local.family() == family) return true;
  return local.family() == KEEL_ADDR_IP6 && is_wildcard(local);
}

keel::Address from_system(const sockaddr* address) {
  keel_addr out{};
  out.family = KEEL_ADDR_IP4;
  std::memcpy(out.bytes, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
  return out;
}

bool same_host(const keel::Address& a, const keel::Address& b) {
  return a.with_port(0) == b.with_port(0);
}

}  // namespace

std::vector<Interface> broadcast_interfaces() {
  std::vector<Interface> out;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return out;
  for (const ifaddrs* each = all; each; each = each->ifa_next) {
    constexpr unsigned kWanted = IFF_UP | IFF_BROADCAST;
    if ((each->ifa_flags & kWanted) != kWanted || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
    if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET || !each->ifa_broadaddr) continue;
    out.push_back({from_system(each->ifa_addr), from_system(each->ifa_broadaddr)});
  }
  ::freeifaddrs(all);
  return out;
}

std::vector<keel::Address> destinations(const DiscoverySettings& settings,
                                        const keel::Address& local,
                                        const std::vector<Interface>& interfaces) {
  std::vector<keel::Address> out;
  const auto add = [&](const keel::Address& to) {
    const keel::Address whole = to.with_port(local.port());
    if (std::find(out.begin(), out.end(), whole) == out.end()) out.push_back(whole);
  };
  if (settings.broadcast && reaches(local, KEEL_ADDR_IP4)) {
    for (const keel::Address& to : settings.instead) add(to);
    for (const Interface& each : interfaces) {
      const bool own = is_wildcard(local) || same_host(local, each.address);
      if (own && settings.instead.empty()) add(each.broadcast);
    }
  }
  if (settings.multicast && reaches(local, settings.multicast->family())) add(*settings.multicast);
  return out;
}

std::string why_nowhere(const DiscoverySettings& settings, const keel::Address& local) {
  if (settings.period_s == 0 || (!settings.broadcast && !settings.multicast)) return {};
  if (local.is_loopback()) {
    return "bound to loopback; set mqtt.sn.broadcast_address = [\"127.255.255.255\"] or "
           "mqtt.sn.multicast to have it advertised there";
  }
  if (!reaches(local, KEEL_ADDR_IP4) && !settings.multicast) {
    return "IPv6 has no broadcast; set mqtt.sn.multicast";
  }
  return "no interface of its address is up and can broadcast; looked at again every period";
}

keel::Status Advertiser::start(const GatewaySettings& settings,
                               std::vector<const Listener*> listeners, Counters& counters) {
  stop();
  settings_ = settings.discovery;
  gateway_id_ = settings.gateway_id;
  counters_ = &counters;
  std::erase_if(listeners, [](const Listener* listener) { return listener->dtls(); });
  if (listeners.empty() || (settings_.period_s == 0 && !settings_.multicast)) return {};
  listeners_ = std::move(listeners);
  first_ = true;
  const std::uint32_t period_s = settings_.period_s != 0 ? settings_.period_s : kRetryJoinS;
  // The control thread knows the interfaces; only that something is due is told by shard 0.
  return host_.timers()
      .start(0, 0, period_s * 1000,
             [this] { host_.shards().post(keel::kControl, [this] { turn(); }).ignore(); })
      .into(timer_);
}

void Advertiser::stop() {
  timer_.cancel();
  listeners_.clear();
}

void Advertiser::turn() {
  if (listeners_.empty()) return;
  const std::vector<Interface> interfaces = broadcast_interfaces();
  std::vector<Letter> letters;
  for (const Listener* const listener : listeners_) {
    join(*listener);
    const auto all = destinations(settings_, listener->local(), interfaces);
    for (const keel::Address& to : all) letters.push_back({listener->id(), to});
    const std::string why = all.empty() ? why_nowhere(settings_, listener->local()) : "";
    if (first_ && !why.empty()) {
      host_.log().notice(listener->settings().name, " is not advertised: ", why);
    }
  }
  first_ = false;
  if (settings_.period_s == 0 || letters.empty()) return;
  const auto duration_s = static_cast<std::uint16_t>(std::min(settings_.period_s, 65'535u));
  host_.shards()
      .post(0, [this, id = gateway_id_, duration_s, letters = std::move(letters),
                counters = counters_] { send(id, duration_s, letters, *counters); })
      .ignore();
}

void Advertiser::join(const Listener& listener) {
  const auto& group = settings_.multicast;
  if (!group || !reaches(listener.local(), group->family())) return;
  const Letter membership{listener.id(), *group};
  if (std::find(joined_.begin(), joined_.end(), membership) != joined_.end()) return;
  const keel::Status joined = listener.socket().join(*group, group->c().scope);
  if (joined || joined.code() == KEEL_E_EXISTS) {
    joined_.push_back(membership);
  } else if (first_) {
    host_.log().warning(listener.settings().name, " does not hear what is sent to ", group->host(),
                        ", which is tried again: ", joined);
  }
}

void Advertiser::send(std::uint8_t gateway_id, std::uint16_t duration_s,
                      const std::vector<Letter>& letters, Counters& counters) {
  const Head message = advertise(gateway_id, duration_s);
  for (const Letter& letter : letters) {
    const keel::Status sent = host_.udp().send(letter.socket, letter.to, message.view());
    const auto known = std::find(unreachable_.begin(), unreachable_.end(), letter.to);
    if (sent) {
      ++counters.advertised;
      ++counters.packets_out[static_cast<std::size_t>(Type::advertise)];
      if (known != unreachable_.end()) unreachable_.erase(known);
    } else if (sent.code() != KEEL_E_STALE && known == unreachable_.end()) {
      unreachable_.push_back(letter.to);
      host_.log().warning("ADVERTISE cannot be sent to ", letter.to, ": ", sent);
    }
  }
}

}  // namespace sn
