// Publishes what the broker knows about itself below $SYS: the tree `$SYS/broker/...` that
// Mosquitto's users and tools such as MQTT Explorer look for, retained; and
// `$SYS/brokers/<node>/...` of EMQ X, of which version and description are retained. Called by
// timers of the control thread. [control]
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/admin/host.hpp"
#include "kernel/admin/load_average.hpp"
#include "kernel/admin/stats.hpp"
#include "kernel/broker/realm.hpp"

namespace keel::kernel {

struct SysMessage {
  std::string topic, payload;
  bool retain = false;
};

class SysPublisher {
 public:
  SysPublisher(Realm& realm, const AdminHost& host, Stats& stats);
  SysPublisher(const SysPublisher&) = delete;
  SysPublisher& operator=(const SysPublisher&) = delete;

  // Every sys.heartbeat: uptime and time. Nothing while sys.interval is 0.
  void publish_heartbeat();
  // Every sys.interval, and once at the start: everything else. Nothing while sys.interval is 0.
  void publish_interval();

  // What the two would publish now; for tests.
  std::vector<SysMessage> heartbeat_messages(std::int64_t now_unix_s) const;
  std::vector<SysMessage> interval_messages(std::int64_t now_unix_s);

 private:
  struct Load {
    std::string_view name;
    LoadAverage average;
  };

  bool on() const;
  void sample_loads(std::int64_t now_ms);
  std::uint64_t load_source(std::string_view name) const;
  void add_mosquitto_tree(std::vector<SysMessage>& out, std::int64_t now_unix_s);
  void add_emqx_tree(std::vector<SysMessage>& out, std::int64_t now_unix_s);
  void post(std::vector<SysMessage> messages);

  Realm& realm_;
  const AdminHost& host_;
  Stats& stats_;
  std::uint64_t heap_max_ = 0;
  std::array<Load, 9> loads_{{
      {"messages/received", {}},
      {"messages/sent", {}},
      {"publish/received", {}},
      {"publish/sent", {}},
      {"publish/dropped", {}},
      {"bytes/received", {}},
      {"bytes/sent", {}},
      {"connections", {}},
      {"sockets", {}},
  }};
};

}  // namespace keel::kernel
