#include "emqx_sn/metrics.hpp"

#include <iterator>
#include <utility>

#include "emqx_sn/gateway.hpp"
#include "emqx_sn/report.hpp"

namespace sn {
namespace {

constexpr std::uint32_t kPeriodMs = 1000;

struct Row {
  const char* name;
  const char* help;
  std::uint64_t Counters::*member;
};
constexpr Row kRows[] = {
    {"malformed", "Datagrams that are no message", &Counters::malformed},
    {"unknown_peer", "Messages of peers that are not connected", &Counters::unknown_peer},
    {"encapsulated_in", "Messages by a forwarder", &Counters::encapsulated_in},
    {"qos_neg1_accepted", "PUBLISH with QoS -1 that was passed on", &Counters::qos_neg1_accepted},
    {"qos_neg1_dropped", "PUBLISH with QoS -1 that was not", &Counters::qos_neg1_dropped},
    {"register_out", "Topics told to clients by REGISTER", &Counters::register_out},
    {"retransmits", "Messages sent again for want of an answer", &Counters::retransmits},
    {"sleeps", "Times a client fell asleep", &Counters::sleeps},
    {"wakes", "Times a sleeping client polled or connected", &Counters::wakes},
    {"rebinds", "Times a sleeping client polled from another address", &Counters::rebinds},
    {"lost_keep_alive", "Clients lost that were silent too long", &Counters::lost_keep_alive},
    {"lost_sleep", "Clients lost that slept too long", &Counters::lost_sleep},
    {"lost_retry", "Clients lost that did not answer", &Counters::lost_retry},
    {"too_large", "Deliveries above mqtt.sn.max_packet_size", &Counters::too_large},
    {"refused_topic", "Deliveries of topics that the client refused, or that got no id",
     &Counters::refused_topic},
    {"overflow_dropped", "QoS 0 deliveries dropped for want of room", &Counters::overflow_dropped},
    {"advertised", "ADVERTISE sent", &Counters::advertised},
    {"send_failed", "Messages lost because a socket's buffer was full", &Counters::send_failed},
    {"forward_dropped", "Messages lost because a shard was too far behind",
     &Counters::forward_dropped},
    {"kept", "Times what is known of a client was written to the store", &Counters::kept},
    {"returned", "Clients that were known again after a restart", &Counters::returned},
};
static_assert(std::size(kRows) == Metrics::kSums);

}  // namespace

keel::Status Metrics::Sum::make(keel::Host& host, const char* name, const char* help,
                                const char* labels) {
  return host.metrics().counter(name, help, labels).into(counter_);
}

void Metrics::Sum::take(std::uint64_t& n) {
  if (n == 0) return;
  counter_.add(n);
  total_.fetch_add(std::exchange(n, 0), std::memory_order_relaxed);
}

keel::Status Metrics::start(keel::Host& host, Gateway& gateway) {
  for (std::size_t i = 0; i < kTypes; ++i) {
    const std::string label = type_label(static_cast<Type>(i));
    if (label.empty()) continue;
    const std::string labels = keel::concat("type=\"", label, '"');
    KEEL_TRY(in_[i].make(host, "sn_packets_in_total", "Messages of clients", labels.c_str()));
    KEEL_TRY(out_[i].make(host, "sn_packets_out_total", "Messages to clients", labels.c_str()));
  }
  for (std::size_t i = 0; i < kSums; ++i) {
    const std::string name = keel::concat("sn_", kRows[i].name, "_total");
    KEEL_TRY(sums_[i].make(host, name.c_str(), kRows[i].help, ""));
  }
  KEEL_TRY(make_gauges(host, gateway));
  timers_.clear();
  for (std::uint32_t shard = 0; shard < gateway.shards(); ++shard) {
    KEEL_TRY(
        host.timers()
            .every(
                kPeriodMs, [this, &counters = gateway.counters(shard)] { take(counters); }, shard)
            .into(timers_.emplace_back()));
  }
  return {};
}

keel::Status Metrics::make_gauges(keel::Host& host, Gateway& gateway) {
  gauges_.clear();
  for (const Client::State state : kStates) {
    const std::string labels = keel::concat("state=\"", state_name(state), '"');
    KEEL_TRY(host.metrics()
                 .gauge_of(
                     "sn_clients", "Clients by state",
                     [&gateway, state] { return gateway.count(state); }, labels.c_str())
                 .into(gauges_.emplace_back()));
  }
  return {};
}

void Metrics::take(Counters& counters) {
  for (std::size_t i = 0; i < kTypes; ++i) {
    in_[i].take(counters.packets_in[i]);
    out_[i].take(counters.packets_out[i]);
  }
  for (std::size_t i = 0; i < kSums; ++i) sums_[i].take(counters.*kRows[i].member);
}

std::vector<Metrics::Total> Metrics::totals() const {
  std::vector<Total> out;
  for (std::size_t i = 0; i < kSums; ++i) out.push_back({kRows[i].name, sums_[i].total()});
  return out;
}

}  // namespace sn
