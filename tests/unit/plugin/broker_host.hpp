// A plugin host with brokers in it: real shards, MQTT clients over loopback, and slots without a
// library whose plugin is the test itself. The test's thread is the control thread.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../broker/packets.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/plugin/hook_chains.hpp"
#include "net_host.hpp"
#include "tcp_peer.hpp"

namespace keel::test {

using Strings = std::vector<std::string>;

// What happened on any thread, in order.
class Notes {
 public:
  void add(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
  }
  Strings take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notes_, {});
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return notes_.size();
  }

 private:
  std::mutex mutex_;
  Strings notes_;
};

using OnConnect = std::function<std::int32_t(const keel_client*, keel_str, keel_connect_answer*)>;
using OnConnack = std::function<std::int32_t(const keel_client*, std::uint8_t, std::int32_t,
                                             keel_connack_answer*)>;
using OnAuth =
    std::function<std::int32_t(const keel_auth_request*, keel_handle, keel_auth_answer*)>;
using OnAuthorize = std::function<std::int32_t(const keel_authorize_request*, keel_handle)>;
using OnFilter = std::function<std::int32_t(const keel_client*, keel_str, keel_filter_answer*)>;
using OnPublish = std::function<std::int32_t(const keel_message_view*, keel_publish_answer*)>;
using OnEvent = std::function<void(const keel_event*)>;

class BrokerHost {
 public:
  explicit BrokerHost(std::uint32_t shard_count = 2, Settings with = {});
  ~BrokerHost();

  // A plugin in start(): it may acquire, nothing of it runs. Those that run or start are in load
  // order.
  Slot& plugin(const std::string& name);
  void run(Slot& slot);  // start() answered KEEL_OK
  // All of it, the slot too. `stop` is the plugin's: its own threads end there.
  void unload(Slot& slot, const std::function<void()>& stop = {});
  // An upgrade: from here on what its hooks decide is held ...
  void hold(Slot& slot);
  // ... until the new version has taken its place.
  void replace(Slot& old, Slot& fresh);

  template <class R, class... A>
  keel_status add_hook(Slot& slot, std::uint32_t point, std::int32_t priority,
                       std::function<R(A...)> fn, keel_handle* out, std::uint32_t sample = 0) {
    auto kept = std::make_shared<std::function<R(A...)>>(std::move(fn));
    kept_.push_back(kept);
    R(*const called)
    (void*, A...) = [](void* ctx, A... args) -> R {
      return (*static_cast<std::function<R(A...)>*>(ctx))(args...);
    };
    return tables::hooks.add(slot.host(), point, priority, sample,
                             reinterpret_cast<keel_hook_fn>(called), kept.get(), out);
  }
  template <class Fn>
  keel_handle hook(Slot& slot, std::uint32_t point, std::int32_t priority, Fn fn,
                   std::uint32_t sample = 0) {
    keel_handle handle = 0;
    const keel_status added = add_hook(slot, point, priority, std::move(fn), &handle, sample);
    REQUIRE_MESSAGE(added == KEEL_OK, error_text());
    return handle;
  }

  Broker& broker(std::uint32_t shard) { return *brokers_[shard]; }
  std::uint32_t home(std::string_view client_id) { return realm.home(client_id); }
  // A client id at home on `shard`.
  std::string id_on(std::uint32_t shard, std::string_view prefix = "c");
  std::uint16_t port() const { return listeners->bound("mqtt")->endpoint.port; }

  void on_shard(std::uint32_t index, const std::function<void()>& fn);
  bool eventually(const std::function<bool()>& condition);
  void turns(int n = 3);  // of every thread

  std::shared_ptr<Settings> settings;
  ShardSet shards;
  Realm realm;
  std::optional<ListenerSet> listeners;
  WorkerPool workers;
  TestControl control;
  std::optional<Runtime> runtime;

 private:
  std::vector<Slot*> running(const Slot* without = nullptr) const;

  std::vector<std::unique_ptr<Broker>> brokers_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::shared_ptr<void>> kept_;
};

// A client; every wait has a deadline.
class MqttClient {
 public:
  explicit MqttClient(BrokerHost& host, Version version = Version::v5)
      : peer_(host.port()), version_(version) {}

  void send(const std::string& bytes) { REQUIRE(peer_.send(bytes)); }
  void begin_connect(const wire::ConnectSpec& spec) { send(wire::connect(spec, version_)); }
  wire::Received connect(const wire::ConnectSpec& spec) {
    begin_connect(spec);
    return expect(PacketType::connack);
  }
  wire::Received subscribe(const wire::SubscribeSpec& spec) {
    send(wire::subscribe(spec, version_));
    return expect(PacketType::suback);
  }
  void begin_publish(const wire::PublishSpec& spec) { send(wire::publish(spec, version_)); }
  // At QoS 1; the answer's reason.
  Reason publish(const std::string& topic, const std::string& payload = "x") {
    begin_publish({.topic = topic, .payload = payload, .qos = 1, .id = ++last_id_});
    return expect(PacketType::puback).reason();
  }
  wire::Received next();
  wire::Received expect(PacketType type);
  // What has come until the broker answers a ping; only messages are expected.
  Strings payloads();
  bool silent() { return payloads().empty(); }
  bool at_end() { return peer_.at_end(); }
  void hang_up() { peer_.close(); }

 private:
  TcpPeer peer_;
  Version version_;
  std::uint16_t last_id_ = 0;
};

}  // namespace keel::test
