#include "emqx_lwm2m/metrics.hpp"

#include <iterator>
#include <utility>

#include "emqx_lwm2m/gateway/gateway.hpp"

namespace lwm2m {
namespace {

constexpr std::uint32_t kPeriodMs = 1000;

template <class C>
struct Row {
  const char* name;
  const char* help;
  std::uint64_t C::*member;
};

constexpr Row<DeviceCounters> kDeviceRows[] = {
    {"registers", "Registrations", &DeviceCounters::registers},
    {"updates", "Updates of registrations", &DeviceCounters::updates},
    {"deregisters", "Registrations that devices ended", &DeviceCounters::deregisters},
    {"expired", "Registrations that were not updated in time", &DeviceCounters::expired},
    {"sends", "Values that devices sent unasked", &DeviceCounters::sends},
    {"commands", "Commands for devices", &DeviceCounters::commands},
    {"commands_answered", "Of those, done by the device", &DeviceCounters::answered},
    {"commands_error", "Of those, refused", &DeviceCounters::errors},
    {"commands_timeout", "Of those, not answered", &DeviceCounters::timeouts},
    {"commands_reset", "Of those, answered by RST", &DeviceCounters::resets},
    {"commands_offline", "Of those, waiting when the registration ended", &DeviceCounters::offline},
    {"commands_queued", "Commands that waited for a device that slept", &DeviceCounters::queued},
    {"commands_queue_full", "Commands refused because too many wait", &DeviceCounters::queue_full},
    {"commands_expired", "Commands that waited too long", &DeviceCounters::queue_expired},
    {"notifications", "Notifications that were published", &DeviceCounters::notifications},
};
constexpr Row<coap::Counters> kCoapRows[] = {
    {"coap_received", "Datagrams of devices", &coap::Counters::received},
    {"coap_sent", "Datagrams to devices", &coap::Counters::sent},
    {"coap_retransmitted", "Of those, sent again for want of an answer",
     &coap::Counters::retransmitted},
    {"coap_duplicates", "Messages that came again", &coap::Counters::duplicates},
    {"coap_malformed", "Datagrams that are no message", &coap::Counters::malformed},
    {"coap_resets_received", "RST of devices", &coap::Counters::resets_received},
    {"coap_resets_sent", "RST to devices", &coap::Counters::resets_sent},
    {"coap_timeouts", "Requests that were not answered", &coap::Counters::timeouts},
    {"coap_notifications", "Notifications that came", &coap::Counters::notifications},
    {"coap_notifications_stale", "Of those, older than one before",
     &coap::Counters::stale_notifications},
    {"coap_blocks_received", "Blocks of larger payloads", &coap::Counters::blocks_received},
    {"coap_blocks_sent", "Blocks of larger payloads that were sent", &coap::Counters::blocks_sent},
    {"coap_bodies_received", "Larger payloads that are whole", &coap::Counters::bodies_received},
    {"coap_bodies_sent", "Larger payloads that have arrived", &coap::Counters::bodies_sent},
};
constexpr Row<GatewayCounters> kGatewayRows[] = {
    {"strangers", "Datagrams of peers that nobody knows", &GatewayCounters::strangers},
    {"strangers_answered", "Of those, answered", &GatewayCounters::answered},
    {"registers_refused", "Registrations refused for what they say, or whose they are",
     &GatewayCounters::refused},
    {"registers_turned_away", "Registrations refused for want of room",
     &GatewayCounters::turned_away},
    {"registers_replaced", "Registrations of an endpoint from another address",
     &GatewayCounters::replaced},
    {"updates_moved", "Updates from another address", &GatewayCounters::moved},
    {"ended_by_broker", "Registrations whose session was ended", &GatewayCounters::ended_by_broker},
    {"commands_absent", "Commands for endpoints that are not registered", &GatewayCounters::absent},
    {"publish_failed", "Messages that the broker did not take", &GatewayCounters::publish_failed},
    {"send_failed", "Datagrams lost because a socket's buffer was full",
     &GatewayCounters::send_failed},
    {"forward_dropped", "Datagrams lost because a shard was too far behind",
     &GatewayCounters::forward_dropped},
    {"held_dropped", "Datagrams lost while the journal was read", &GatewayCounters::held_dropped},
};
static_assert(std::size(kDeviceRows) == Metrics::kDevice);
static_assert(std::size(kCoapRows) == Metrics::kCoap);
static_assert(std::size(kGatewayRows) == Metrics::kGateway);

// What the sockets with DTLS have come to.
std::uint64_t sum_of(const Gateway& gateway, std::uint64_t (*of)(const keel_udp_stats&)) {
  std::uint64_t out = 0;
  for (const Listener* const listener : gateway.listeners().open()) {
    if (!listener->dtls()) continue;
    const auto stats = listener->socket().stats();
    if (stats) out += of(*stats);
  }
  return out;
}

}  // namespace

keel::Status Metrics::Sum::make(keel::Host& host, const std::string& name, const char* help) {
  return host.metrics().counter(name.c_str(), help).into(counter_);
}

void Metrics::Sum::take(std::uint64_t& n) {
  if (n == 0) return;
  counter_.add(n);
  total_.fetch_add(std::exchange(n, 0), std::memory_order_relaxed);
}

keel::Status Metrics::start(keel::Host& host, const Gateway& gateway) {
  const auto make = [&](auto& sums, const auto& rows) -> keel::Status {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      KEEL_TRY(sums[i].make(host, keel::concat("lwm2m_", rows[i].name, "_total"), rows[i].help));
    }
    return {};
  };
  KEEL_TRY(make(device_, kDeviceRows));
  KEEL_TRY(make(coap_, kCoapRows));
  KEEL_TRY(make(gateway_, kGatewayRows));
  KEEL_TRY(make_gauges(host, gateway));
  return host.timers()
      .every(
          kPeriodMs, [this, &gateway] { gateway.on_each([this](ShardRoom& room) { take(room); }); },
          0)
      .into(timer_);
}

keel::Status Metrics::make_gauges(keel::Host& host, const Gateway& gateway) {
  gauges_.clear();
  const auto make = [&](const char* name, const char* help, auto of) -> keel::Status {
    return host.metrics().gauge_of(name, help, of).into(gauges_.emplace_back());
  };
  KEEL_TRY(make("lwm2m_devices", "Devices that are registered",
                [&gateway] { return gateway.devices(); }));
  KEEL_TRY(make("lwm2m_newcomers", "Devices that are about to register",
                [&gateway] { return gateway.newcomers(); }));
  KEEL_TRY(make("lwm2m_dtls_sessions", "DTLS associations", [&gateway] {
    return sum_of(gateway, [](const keel_udp_stats& s) { return std::uint64_t{s.sessions}; });
  }));
  KEEL_TRY(make("lwm2m_dtls_handshakes", "DTLS handshakes that succeeded", [&gateway] {
    return sum_of(gateway, [](const keel_udp_stats& s) { return s.handshakes; });
  }));
  return make("lwm2m_dtls_handshakes_failed", "DTLS handshakes that failed", [&gateway] {
    return sum_of(gateway, [](const keel_udp_stats& s) { return s.handshakes_failed; });
  });
}

void Metrics::take(ShardRoom& room) {
  const auto from = [](auto& sums, const auto& rows, auto& counters) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i].take(counters.*rows[i].member);
  };
  from(device_, kDeviceRows, room.device_counters);
  from(coap_, kCoapRows, room.coap_counters);
  from(gateway_, kGatewayRows, room.counters);
}

std::vector<Metrics::Total> Metrics::totals() const {
  std::vector<Total> out;
  const auto add = [&](const char* group, const auto& sums, const auto& rows) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      out.push_back({group, rows[i].name, sums[i].total()});
    }
  };
  add("devices", device_, kDeviceRows);
  add("coap", coap_, kCoapRows);
  add("gateway", gateway_, kGatewayRows);
  return out;
}

}  // namespace lwm2m
