// The connection state machine and the sessions behind it: two clients with persistent sessions,
// one of MQTT 3.1.1 and one of 5.0, on one shard. The input is a list of operations; after each one
// everything the broker sent must read as packets, windows must hold, and its gauges must be what a
// count finds.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "../unit/broker/fakes.hpp"
#include "../unit/broker/packets.hpp"
#include "check.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel::fuzz {
namespace {

constexpr std::size_t kMaxOutput = 2'000;
constexpr std::uint16_t kMaxInflight = 4;
// One operation may add a few packets to the output after its bound was checked.
constexpr std::size_t kOutputSlack = 8'192;

std::shared_ptr<const Settings> small_settings(std::uint8_t choice) {
  auto settings = std::make_shared<Settings>();
  settings->sys.presence = false;
  settings->mqtt.queue_qos0 = choice & 1;
  settings->mqtt.upgrade_qos = choice & 2;
  settings->mqtt.shared_strategy = static_cast<SharedStrategy>(choice >> 2 & 3);
  settings->limits.max_packet_size = 2'000;
  settings->limits.max_inflight = kMaxInflight;
  settings->limits.max_awaiting_rel = 8;
  settings->limits.max_queued = 8;
  settings->limits.max_queued_bytes = 4'000;
  settings->limits.max_total_queued_bytes = 6'000;
  settings->limits.max_output_bytes = kMaxOutput;
  settings->limits.max_subscriptions = 8;
  settings->limits.max_retained = 8;
  settings->limits.publish_rate = choice & 16 ? 20 : 0;
  return settings;
}

// Takes the input apart. At its end everything is zero.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  std::uint8_t byte() { return at_ == end_ ? 0 : *at_++; }
  std::string bytes(std::size_t size) {
    size = std::min(size, static_cast<std::size_t>(end_ - at_));
    std::string taken(reinterpret_cast<const char*>(at_), size);
    at_ += size;
    return taken;
  }
  // One of a few words, so that topics and filters meet.
  template <std::size_t n>
  std::string pick(const std::array<const char*, n>& words) {
    return words[byte() % n];
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

constexpr std::array kTopics = {"a", "a/b", "a/b/c", "$x/a", "b", "", "a/+"};
constexpr std::array kFilters = {"a",        "a/b",          "a/+",        "a/#",
                                 "#",        "+/+",          "$share/g/a", "$share/g/#",
                                 "$queue/a", "$share/h/a/+", "a/#/b",      "$x/#"};

struct Peer {
  Version version;
  std::string id;
  std::shared_ptr<fake::Wire> wire;
  std::uint16_t receive_maximum = 65535;  // as asked for on this connection; 0: not connected
  bool raw = false;                       // raw bytes were sent: what was asked for is not known
  std::set<std::uint16_t> open;           // QoS 1/2 received on it and not answered to the end
  std::uint16_t last_id = 0;              // of the last QoS 1/2 message received
};

class World {
 public:
  explicit World(std::uint8_t choice)
      : realm_(small_settings(choice), reclaimer_), broker_(realm_, shard_) {
    realm_.brokers.push_back(&broker_);
    peers_[0] = {choice & 32 ? Version::v31 : Version::v311, "one", {}};
    peers_[1] = {Version::v5, "two", {}};
  }
  ~World() {
    shard_.clear();
    while (reclaimer_.run()) {
    }
    shard_.clear();
  }

  void step(Input& in) {
    const std::uint8_t op = in.byte();
    Peer& peer = peers_[op & 1];
    if (!peer.wire) dial(peer);
    switch (op >> 1 & 7) {
      case 0:
        peer.raw = true;
        peer.wire->sent += in.bytes(1 + in.byte() % 64);
        break;
      case 1:
      case 2:
      case 3:
        peer.wire->sent += packet(peer, in);
        break;
      case 4:
        now_ms_ += 50 * (1 + std::int64_t{in.byte()} * in.byte());
        break;
      case 5:
        socket(peer, in.byte());
        break;
      case 6:
        (in.byte() & 1 ? peer.wire->hung_up : peer.wire->broken) = true;
        break;
      default:
        dial(peer);
        peer.wire->sent += connect(peer, in);
        break;
    }
    settle();
    check();
  }

  // Everybody goes and every session expires: nothing may be left.
  void end() {
    for (Peer& peer : peers_)
      if (peer.wire) peer.wire->broken = true;
    settle();
    for (int i = 0; i < 2; ++i) {
      now_ms_ += (std::int64_t{Settings().mqtt.max_session_expiry_s} + 1) * 1'000;
      settle();
    }
    check_gauges();
    FUZZ_CHECK(realm_.sessions == 0);
    FUZZ_CHECK(realm_.queued_bytes == 0);
    FUZZ_CHECK(shard_.metrics().get(Gauge::connections) == 0);
  }

 private:
  void dial(Peer& peer) {
    if (peer.wire) peer.wire->broken = true;
    peer.wire = std::make_shared<fake::Wire>();
    peer.open.clear();
    peer.receive_maximum = 0;
    peer.raw = false;
    shard_.open(peer.wire, broker_, nullptr);
  }

  static void socket(Peer& peer, std::uint8_t choice) {
    if (choice < 64)
      peer.wire->room = 0;
    else if (choice < 128)
      peer.wire->room = choice;
    else
      peer.wire->room = fake::Wire::kUnlimited;
  }

  static std::string connect(Peer& peer, Input& in) {
    wire::ConnectSpec spec;
    const std::uint8_t flags = in.byte();
    spec.id = flags & 1 ? "other" : peer.id;
    spec.clean = (flags & 6) == 6;
    spec.keep_alive = flags & 8 ? 10 : 0;
    if (peer.version == Version::v5) {
      spec.expiry_s = flags & 16 ? 0 : 60;
      spec.receive_maximum = 1 + in.byte() % 6;
      spec.max_packet = flags & 32 ? 40 : 0;
      spec.alias_max = flags & 64 ? 2 : 0;
    }
    if (flags & 128)
      spec.will = wire::WillSpec{in.pick(kTopics), "will", static_cast<std::uint8_t>(in.byte() % 3),
                                 (in.byte() & 1) != 0, in.byte() % 4u * 5u};
    peer.receive_maximum = spec.receive_maximum == 0 ? 65535 : spec.receive_maximum;
    return wire::connect(spec, peer.version);
  }

  static std::string publish(const Peer& peer, Input& in) {
    wire::PublishSpec spec;
    const std::uint8_t flags = in.byte();
    spec.topic = in.pick(kTopics);
    spec.qos = flags & 3;
    spec.id = static_cast<std::uint16_t>(1 + (flags >> 2 & 3));
    spec.retain = flags & 16;
    spec.dup = flags & 32 && spec.qos != 0;
    const std::uint8_t size = in.byte();
    spec.payload = flags & 64 ? in.bytes(size) : std::string(size < 250 ? size : 1'800, 'x');
    if (peer.version == Version::v5) {
      if (flags & 128) spec.expiry_s = in.byte() % 8;
      spec.alias = in.byte() % 4;
    }
    return wire::publish(spec, peer.version);
  }

  static std::string packet(Peer& peer, Input& in) {
    const std::uint8_t kind = in.byte();
    switch (kind % 8) {
      case 0:
      case 1:
        return publish(peer, in);
      case 2: {
        wire::SubscribeSpec spec{.filter = in.pick(kFilters)};
        const std::uint8_t flags = in.byte();
        spec.qos = flags % 3;
        spec.no_local = flags & 4;
        spec.retain_as_published = flags & 8;
        spec.retain_handling = (flags >> 4) % 3;
        if (peer.version == Version::v5 && flags & 128) spec.subscription_id = 1 + kind;
        return wire::subscribe(spec, peer.version);
      }
      case 3:
        return wire::unsubscribe(in.pick(kFilters), 1, peer.version);
      case 4:
      case 5: {  // an answer to the last message, or to any
        static constexpr PacketType kAcks[] = {PacketType::puback, PacketType::pubrec,
                                               PacketType::pubrel, PacketType::pubcomp};
        const std::uint8_t any = in.byte();
        const std::uint16_t id = any < 128 ? peer.last_id : static_cast<std::uint16_t>(any - 127);
        const bool error = peer.version == Version::v5 && kind >= 240;
        const PacketType type = kAcks[kind >> 3 & 3];
        if (type != PacketType::pubrel && (type != PacketType::pubrec || error))
          peer.open.erase(id);
        return wire::ack(type, id == 0 ? 1 : id,
                         error ? Reason::unspecified_error : Reason::success);
      }
      case 6:
        return kind & 8 ? wire::pingreq()
                        : wire::auth(Reason::reauthenticate, "m", in.bytes(in.byte() % 8));
      default:
        return wire::disconnect(peer.version,
                                kind & 8 ? Reason::disconnect_with_will : Reason::success,
                                kind & 16 ? std::optional<std::uint32_t>(kind) : std::nullopt);
    }
  }

  void settle() {
    int turns = 0;
    while (shard_.turn(now_ms_) || shard_.has_tasks() || reclaimer_.run())
      FUZZ_CHECK(++turns < 10'000);
  }

  void check() {
    for (Peer& peer : peers_)
      if (peer.wire) check_output(peer);
    check_gauges();
  }

  // Whole packets, no packet id twice, no more open than the client allows [MQTT5 3.3.4].
  void check_output(Peer& peer) {
    fake::Wire& wire = *peer.wire;
    FUZZ_CHECK(wire.unsent <= kMaxOutput * 2 + kOutputSlack);
    wire::Received got;
    std::size_t size = 0;
    while (!wire.received.empty()) {
      const wire::Parsed parsed = wire::parse(wire.received, peer.version, got, size);
      // Raw bytes may have opened the connection with another version.
      if (parsed == wire::Parsed::malformed && peer.raw) return wire.received.clear();
      FUZZ_CHECK(parsed != wire::Parsed::malformed);
      if (parsed == wire::Parsed::incomplete) break;
      wire.received.erase(0, size);
      if (got.type != PacketType::publish || got.qos == 0) continue;
      peer.last_id = got.id;
      const bool fresh = peer.open.insert(got.id).second;
      FUZZ_CHECK(fresh || peer.raw);
      FUZZ_CHECK(peer.open.size() <= peer.receive_maximum || peer.raw);
    }
    FUZZ_CHECK(wire.received.empty() || !wire.closed || wire.hung_up || wire.broken);
  }

  void check_gauges() {
    std::int64_t sessions = 0, persistent = 0, subscriptions = 0, queued = 0, bytes = 0;
    std::uint32_t cursor = 0;
    do {
      cursor = broker_.each_session(cursor, 100, [&](const SessionInfo& info) {
        ++sessions;
        persistent += !info.clean_start;
        subscriptions += static_cast<std::int64_t>(info.subscriptions);
        queued += static_cast<std::int64_t>(info.queued);
        bytes += static_cast<std::int64_t>(info.queued_bytes);
        FUZZ_CHECK(info.queued <= 8 && info.queued_bytes <= 4'000);
        FUZZ_CHECK(info.awaiting_rel <= 8 && info.subscriptions <= 8);
        FUZZ_CHECK(info.inflight <= kMaxInflight);
      });
    } while (cursor != 0);
    const MetricsCell& metrics = shard_.metrics();
    FUZZ_CHECK(sessions == metrics.get(Gauge::sessions));
    FUZZ_CHECK(sessions == realm_.sessions);
    FUZZ_CHECK(persistent == metrics.get(Gauge::sessions_persistent));
    FUZZ_CHECK(subscriptions == metrics.get(Gauge::subscriptions));
    FUZZ_CHECK(queued == metrics.get(Gauge::queued_messages));
    FUZZ_CHECK(bytes == metrics.get(Gauge::queued_bytes));
    FUZZ_CHECK(bytes <= realm_.queued_bytes);  // wills count there, too
    FUZZ_CHECK(realm_.queued_bytes <= 6'000);
    const SubscriptionTable::Counts counts = realm_.subscriptions.counts();
    FUZZ_CHECK(counts.subscriptions == static_cast<std::uint64_t>(subscriptions));
    FUZZ_CHECK(counts.shared_subscriptions ==
               static_cast<std::uint64_t>(metrics.get(Gauge::subscriptions_shared)));
    FUZZ_CHECK(metrics.get(Gauge::connections) <= 2);
  }

  fake::FakeReclaimer reclaimer_;
  fake::FakeShard shard_{0};
  Realm realm_;
  Broker broker_;
  std::array<Peer, 2> peers_;
  std::int64_t now_ms_ = fake::FakeShard::kStartMs;
};

}  // namespace
}  // namespace keel::kernel::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keel::kernel;
  static const bool quiet = [] {
    log::set_level(log::Level::emergency);
    return true;
  }();
  (void)quiet;
  fuzz::Input in(data, size);
  fuzz::World world(in.byte());
  for (int steps = 0; !in.empty() && steps < 400; ++steps) world.step(in);
  world.end();
  return 0;
}
