// Brokers of several shards in one thread, and clients that speak MQTT to them.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fakes.hpp"
#include "packets.hpp"

namespace keel::kernel {

class Cluster {
 public:
  explicit Cluster(Settings settings = {}, std::uint32_t shards = 1);
  ~Cluster();

  // Turns, shard by shard, until none has anything left to do.
  void settle();
  // The clock goes on; everything due happens.
  void advance(std::int64_t ms);
  // One turn of each shard.
  bool turn();

  std::shared_ptr<fake::Wire> dial(std::uint32_t shard = 0,
                                   std::shared_ptr<const ListenerInfo> listener = nullptr,
                                   const Endpoint& peer = {});
  Broker& broker(std::uint32_t shard = 0) { return *brokers_[shard]; }
  // The broker that a client id belongs to.
  Broker& home(std::string_view id) { return broker(realm_->home(id)); }
  Realm& realm() { return *realm_; }
  // A client id at home on `shard`; the same for the same words.
  std::string id_on(std::uint32_t shard, std::string_view prefix = "c");
  void set_hooks(const HookTable& hooks);
  void change(std::function<void(Settings&)> edit);
  SessionInfo session(std::string_view id);
  bool has_session(std::string_view id);
  std::uint64_t total(Metric metric) { return realm_->total(metric); }
  std::int64_t total(Gauge gauge) { return realm_->total(gauge); }

 private:
  fake::FakeReclaimer reclaimer_;
  std::unique_ptr<Realm> realm_;
  std::vector<std::unique_ptr<fake::FakeShard>> shards_;
  std::vector<std::unique_ptr<Broker>> brokers_;
  std::int64_t now_ms_ = fake::FakeShard::kStartMs;
};

class Client {
 public:
  explicit Client(Cluster& cluster, Version version = Version::v5, std::uint32_t shard = 0,
                  std::shared_ptr<const ListenerInfo> listener = nullptr, const Endpoint& peer = {})
      : cluster_(cluster),
        version_(version),
        wire_(cluster.dial(shard, std::move(listener), peer)) {}

  fake::Wire& wire() { return *wire_; }
  Version version() const { return version_; }
  bool closed() const { return wire_->closed; }

  void send(const std::string& bytes);  // and lets everything happen that follows
  void hang_up();

  void subscribe(const wire::SubscribeSpec& spec);  // and expects to be granted it
  void publish(const wire::PublishSpec& spec) { send(wire::publish(spec, version_)); }
  void ack(PacketType type, std::uint16_t id) { send(wire::ack(type, id)); }
  wire::Received connect(const wire::ConnectSpec& spec);  // answers the CONNACK
  void disconnect() { send(wire::disconnect(version_)); }

  // Everything received and not taken yet.
  std::vector<wire::Received> take();
  // The next packet, which must be of this type.
  wire::Received expect(PacketType type);
  // The payloads of the messages received; other packets are not expected.
  std::vector<std::string> payloads();
  bool silent();

 private:
  bool next(wire::Received& out);

  Cluster& cluster_;
  Version version_;
  std::shared_ptr<fake::Wire> wire_;
};

using Strings = std::vector<std::string>;

}  // namespace keel::kernel
