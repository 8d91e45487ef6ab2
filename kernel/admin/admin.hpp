// Everything that operators see of a running broker, put together: ctl, HTTP, $SYS. Made by main
// after the brokers, started when the shards run, stopped before they end. [control] unless marked.
#pragma once

#include <memory>
#include <string>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/ctl_server.hpp"
#include "kernel/admin/http_server.hpp"
#include "kernel/admin/sys_publisher.hpp"

namespace keel::kernel {

class Admin {
 public:
  Admin(Realm& realm, AdminHost& host);
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;
  ~Admin() { stop(); }

  // Opens <data_dir>/ctl.sock. The directory exists and no other broker uses it.
  Result<void> start_ctl(const std::string& data_dir);
  // Opens /metrics and /health on `bind`; answers the port.
  Result<std::uint16_t> start_http(asio::io_context& io, std::string_view bind);

  // Ends commands that wait for a shard or for the control thread, then the servers. The shards
  // still run or are stopped, but exist.
  void stop();

  // Every second: keeps the high-water marks.
  void sample() { stats_.sample(); }
  SysPublisher& sys() { return sys_; }
  CommandTable& commands() {
    return commands_;
  }  // others may add theirs; the table itself is [any]
  // Null until start_http().
  HttpServer* http() { return http_.get(); }

 private:
  HttpResponse metrics_page() const;
  HttpResponse health_page() const;

  Realm& realm_;
  AdminHost& host_;
  Gate gate_;
  Stats stats_;
  AdminContext context_;
  CommandTable commands_;
  CtlServer ctl_;
  SysPublisher sys_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace keel::kernel
