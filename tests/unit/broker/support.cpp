#include "support.hpp"

namespace keel::kernel {

Cluster::Cluster(Settings settings, std::uint32_t shards) {
  settings.sys.presence = false;
  realm_ =
      std::make_unique<Realm>(std::make_shared<const Settings>(std::move(settings)), reclaimer_);
  for (std::uint32_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<fake::FakeShard>(i));
    brokers_.push_back(std::make_unique<Broker>(*realm_, *shards_.back()));
    realm_->brokers.push_back(brokers_.back().get());
  }
}

Cluster::~Cluster() {
  for (auto& shard : shards_) shard->clear();
  while (reclaimer_.run()) {
  }
  for (auto& shard : shards_) shard->clear();
  brokers_.clear();
}

bool Cluster::turn() {
  bool busy = false;
  for (auto& shard : shards_) busy |= shard->turn(now_ms_);
  for (auto& shard : shards_) busy |= shard->has_tasks();  // of timers on later shards
  return reclaimer_.run() || busy;
}

void Cluster::settle() {
  int turns = 0;
  while (turn()) REQUIRE(++turns < 100'000);
}

void Cluster::advance(std::int64_t ms) {
  settle();
  now_ms_ += ms;
  settle();
}

std::shared_ptr<fake::Wire> Cluster::dial(std::uint32_t shard,
                                          std::shared_ptr<const ListenerInfo> listener,
                                          const Endpoint& peer) {
  auto wire = std::make_shared<fake::Wire>();
  wire->peer = peer;
  shards_[shard]->open(wire, *brokers_[shard], std::move(listener));
  return wire;
}

std::string Cluster::id_on(std::uint32_t shard, std::string_view prefix) {
  for (int i = 0;; ++i) {
    std::string id = std::string(prefix) + std::to_string(i);
    if (realm_->home(id) == shard) return id;
  }
}

void Cluster::set_hooks(const HookTable& hooks) {
  for (auto& broker : brokers_) broker->set_hooks(&hooks);
}

void Cluster::change(std::function<void(Settings&)> edit) {
  auto changed = std::make_shared<Settings>(*realm_->settings());
  edit(*changed);
  realm_->replace_settings(std::move(changed));
  settle();
}

SessionInfo Cluster::session(std::string_view id) {
  SessionInfo found;
  const bool there = home(id).show_session(id, [&](const SessionInfo& info) { found = info; });
  REQUIRE(there);
  return found;
}

bool Cluster::has_session(std::string_view id) {
  return home(id).show_session(id, [](const SessionInfo&) {});
}

void Client::send(const std::string& bytes) {
  wire_->sent += bytes;
  cluster_.settle();
}

void Client::hang_up() {
  wire_->hung_up = true;
  cluster_.settle();
}

wire::Received Client::connect(const wire::ConnectSpec& spec) {
  send(wire::connect(spec, version_));
  return expect(PacketType::connack);
}

void Client::subscribe(const wire::SubscribeSpec& spec) {
  send(wire::subscribe(spec, version_));
  const wire::Received suback = expect(PacketType::suback);
  CHECK(suback.id == spec.id);
  CHECK(!is_error(suback.reason()));
}

bool Client::next(wire::Received& out) {
  std::size_t size = 0;
  const wire::Parsed parsed = wire::parse(wire_->received, version_, out, size);
  REQUIRE(parsed != wire::Parsed::malformed);
  if (parsed == wire::Parsed::incomplete) return false;
  wire_->received.erase(0, size);
  return true;
}

std::vector<wire::Received> Client::take() {
  std::vector<wire::Received> all;
  for (wire::Received one; next(one);) all.push_back(one);
  return all;
}

wire::Received Client::expect(PacketType type) {
  wire::Received got;
  INFO("expected " << std::string(packet_name(type)));
  REQUIRE(next(got));
  REQUIRE(std::string(packet_name(got.type)) == std::string(packet_name(type)));
  return got;
}

Strings Client::payloads() {
  Strings all;
  for (const wire::Received& one : take()) {
    REQUIRE(one.type == PacketType::publish);
    all.push_back(one.payload);
  }
  return all;
}

bool Client::silent() { return wire_->received.empty(); }

}  // namespace keel::kernel
