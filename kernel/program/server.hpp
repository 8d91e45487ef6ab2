// The data plane as one thing: shards, brokers, listeners, wired together. Belongs to the control
// thread; [control] throughout.
#pragma once

#include <memory>
#include <vector>

#include "kernel/broker/broker.hpp"
#include "kernel/broker/realm.hpp"
#include "kernel/net/listener_set.hpp"
#include "kernel/net/shard_set.hpp"

namespace keel::kernel {

class Server {
 public:
  explicit Server(std::shared_ptr<const Settings> settings);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  void start();  // the shards
  // Opens the listeners. After an error nothing is listening.
  Result<void> listen();
  // New settings for what can change while it runs. After an error the old ones hold.
  Result<void> apply(std::shared_ptr<const Settings> settings);

  // No new clients; the connected ones are told that the server shuts down. `done` runs on a shard
  // when all of them have been told; their last bytes may still be on the way (see connections()).
  void drain(std::function<void()> done);
  std::size_t connections() const;  // sockets not closed yet

  // Work that is due now and then: memory to free, retained messages and bans to expire.
  void tick();

  ShardSet& shards() { return shards_; }
  Realm& realm() { return realm_; }
  ListenerSet& listeners() { return *listeners_; }

 private:
  ShardSet shards_;
  Realm realm_;
  std::vector<std::unique_ptr<Broker>> brokers_;
  std::unique_ptr<ListenerSet> listeners_;
};

}  // namespace keel::kernel
