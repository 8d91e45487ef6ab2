#include "broker_host.hpp"

#include <algorithm>
#include <chrono>

namespace keel::test {
namespace {

constexpr std::chrono::seconds kLong{20};

std::shared_ptr<Settings> prepared(Settings settings) {
  settings.sys.presence = false;
  settings.kernel.node_name = "keel@test";
  settings.listeners = {{.name = "mqtt", .bind = "127.0.0.1:0"}};
  return std::make_shared<Settings>(std::move(settings));
}

}  // namespace

BrokerHost::BrokerHost(std::uint32_t shard_count, Settings with)
    : settings(prepared(std::move(with))),
      shards({.shards = shard_count, .pin = false}),
      realm(settings, shards),
      workers({.threads = 1, .max_queued = 100}) {
  for (std::uint32_t i = 0; i < shard_count; ++i) {
    brokers_.push_back(std::make_unique<Broker>(realm, shards.shard(i)));
    realm.brokers.push_back(brokers_.back().get());
  }
  listeners.emplace(shards,
                    [this](Link& link) { return brokers_[link.shard().index()]->accept(link); });
  runtime.emplace(Runtime::Options{.shards = shards,
                                   .realm = realm,
                                   .listeners = *listeners,
                                   .workers = workers,
                                   .control = control,
                                   .version = "9.8.7",
                                   .data_dir = "/tmp",
                                   .base_dir = "/tmp",
                                   .stop_timeout = std::chrono::seconds(10)});
  shards.start();
  runtime->start();
  const auto applied = listeners->apply(*settings);
  REQUIRE_MESSAGE(applied, applied.error());
}

BrokerHost::~BrokerHost() {
  while (!slots_.empty()) unload(*slots_.back());
  CHECK(runtime->handles().size() == 0);
  listeners->stop_all();
  workers.stop();
  shards.stop();
  control.turn();
}

Slot& BrokerHost::plugin(const std::string& name) {
  Manifest manifest;
  manifest.name = name;
  manifest.version = "1.0.0";
  slots_.push_back(std::make_unique<Slot>(*runtime, std::move(manifest), 1));
  slots_.back()->set_accepting(true);
  return *slots_.back();
}

std::vector<Slot*> BrokerHost::running(const Slot* without) const {
  std::vector<Slot*> all;
  for (const auto& slot : slots_)
    if (slot.get() != without && slot->active(runtime->control_thread())) all.push_back(slot.get());
  return all;
}

void BrokerHost::run(Slot& slot) {
  std::vector<Slot*> all;
  for (const auto& each : slots_)
    if (each.get() == &slot || each->active(runtime->control_thread())) all.push_back(each.get());
  CHECK(runtime->hooks().install(all).empty());
  runtime->barrier([&slot](HostThread& thread) { slot.activate(thread); });
  slot.activate(runtime->control_thread());
}

void BrokerHost::unload(Slot& slot, const std::function<void()>& stop) {
  slot.set_accepting(false);
  CHECK(runtime->hooks().install(running(&slot)).empty());
  CHECK(runtime
            ->barrier([&](HostThread& thread) {
              runtime->hooks().refuse_questions(thread, slot);
              slot.revoke(thread);
            })
            .empty());
  slot.revoke(runtime->control_thread());
  if (stop) stop();
  turns(1);
  REQUIRE(eventually([&slot] { return slot.quiet(); }));
  turns();
  std::erase_if(slots_, [&slot](const auto& each) { return each.get() == &slot; });
}

void BrokerHost::hold(Slot& slot) {
  slot.set_accepting(false);
  CHECK(runtime->hooks().hold(running(), slot).empty());
}

void BrokerHost::replace(Slot& old, Slot& fresh) {
  CHECK(runtime->barrier([&old](HostThread& thread) { old.revoke(thread); }).empty());
  old.revoke(runtime->control_thread());
  turns();
  // The new version takes the old one's place in the order.
  const auto find = [this](const Slot& slot) {
    return std::ranges::find_if(slots_, [&](const auto& each) { return each.get() == &slot; });
  };
  std::iter_swap(find(old), find(fresh));
  std::erase_if(slots_, [&old](const auto& each) { return each.get() == &old; });
  run(fresh);
  CHECK(
      runtime->barrier([this](HostThread& thread) { runtime->hooks().ask_again(thread); }).empty());
}

std::string BrokerHost::id_on(std::uint32_t shard, std::string_view prefix) {
  for (int i = 0;; ++i) {
    std::string id = std::string(prefix) + std::to_string(i);
    if (realm.home(id) == shard) return id;
  }
}

void BrokerHost::on_shard(std::uint32_t index, const std::function<void()>& fn) {
  REQUIRE(shards.run_on(
      index, [&](Shard&) { fn(); }, kLong));
}

bool BrokerHost::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    turns(1);
  }
  return true;
}

void BrokerHost::turns(int n) {
  for (int i = 0; i < n; ++i) {
    static_cast<void>(shards.barrier([](Shard&) {}, kLong));
    control.turn();
  }
}

wire::Received MqttClient::next() {
  std::string bytes = peer_.receive(2);
  while (bytes.size() >= 2 && bytes.size() < 5 && octet(bytes.back()) > 127)
    bytes += peer_.receive(1);
  std::size_t rest = 0;
  for (std::size_t i = 1; i < bytes.size(); ++i)
    rest |= std::size_t{octet(bytes[i]) & 127u} << (7 * (i - 1));
  bytes += peer_.receive(rest);
  wire::Received got;
  std::size_t size = 0;
  REQUIRE(wire::parse(bytes, version_, got, size) == wire::Parsed::ok);
  return got;
}

wire::Received MqttClient::expect(PacketType type) {
  wire::Received got = next();
  REQUIRE(std::string(packet_name(got.type)) == std::string(packet_name(type)));
  return got;
}

Strings MqttClient::payloads() {
  send(wire::pingreq());
  Strings all;
  for (;;) {
    const wire::Received got = next();
    if (got.type == PacketType::pingresp) return all;
    REQUIRE(std::string(packet_name(got.type)) == "PUBLISH");
    all.push_back(got.payload);
  }
}

}  // namespace keel::test
