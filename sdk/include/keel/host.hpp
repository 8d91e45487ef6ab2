// What the kernel is to a plugin: all its tables, by topic. Lives as long as the plugin. The groups
// are small values, made where they are used.
#pragma once

#include "keel/broker.hpp"
#include "keel/clients.hpp"
#include "keel/config.hpp"
#include "keel/ctl.hpp"
#include "keel/fd.hpp"
#include "keel/hooks.hpp"
#include "keel/kv.hpp"
#include "keel/log.hpp"
#include "keel/metrics.hpp"
#include "keel/services.hpp"
#include "keel/session.hpp"
#include "keel/shard.hpp"
#include "keel/store.hpp"
#include "keel/stream.hpp"
#include "keel/tcp.hpp"
#include "keel/timer.hpp"
#include "keel/udp.hpp"

namespace keel {

class Host {
 public:
  explicit Host(detail::Core& core) : core_(core) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  Log log() const { return Log(core_); }
  Clock clock() const { return Clock(core_); }
  Config config() const { return Config(core_); }
  Shards shards() const { return Shards(core_); }
  Timers timers() const { return Timers(core_); }
  Descriptors descriptors() const { return Descriptors(core_); }
  Udp udp() const { return Udp(core_); }
  Tcp tcp() const { return Tcp(core_); }
  Streams streams() const { return Streams(core_); }
  Broker broker() const { return Broker(core_); }
  Sessions sessions() const { return Sessions(core_); }
  Hooks hooks() const { return Hooks(core_); }
  Clients clients() const { return Clients(core_); }
  Ctl ctl() const { return Ctl(core_); }
  Metrics metrics() const { return Metrics(core_); }
  Workers workers() const { return Workers(core_); }
  Services services() const { return Services(core_); }
  Kv kv() const { return Kv(core_); }
  StoreReports store() const { return StoreReports(core_); }  // of the plugin that is the store

  // Publishes to all subscribers on a later turn; a failure is logged, for those who have no use
  // for it. See Broker::publish for the others. [any]
  void publish(const Publish& message) const {
    if (const Status status = broker().publish(message); !status) {
      log().warning("cannot publish to ", message.topic, ": ", status);
    }
  }
  // The plugin's own directory. [control]
  Result<std::string> state_dir() const {
    std::string out;
    const keel_status status = core_.state.call(&keel_ext_state::dir, core_.host, sink_into(out));
    if (status != KEEL_OK) return core_.status(status);
    return out;
  }

  // For tables that this layer does not know.
  const keel_host* c() const { return core_.host; }
  detail::Core& core() const { return core_; }

 private:
  detail::Core& core_;
};

}  // namespace keel
