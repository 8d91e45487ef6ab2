// Everything that operators see of a running broker, put together: ctl, HTTP, $SYS. Made by main
// after the brokers, started when the shards run, stopped before they end. [control] unless marked.
#pragma once

#include <functional>
#include <map>
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
  // Commands of plugins: `fn` runs on the control thread and answers, now or later and on any
  // thread, with exit code and text; false: nobody waits any more. An answer that is dropped ends
  // the command as failed. False: there is a command of this name. A removed one is not called any
  // more, also where it was asked for just before.
  using ControlAnswer = std::function<bool(int exit, std::string text)>;
  using ControlCommand = std::function<void(Args args, bool json, ControlAnswer answer)>;
  bool add_control_command(const std::string& name, std::vector<UsageLine> usage,
                           ControlCommand fn);
  void remove_control_command(const std::string& name);
  // Null until start_http().
  HttpServer* http() { return http_.get(); }

 private:
  Exit run_control_command(const std::string& name, Args args, Reply& reply);
  HttpResponse metrics_page() const;
  HttpResponse health_page() const;

  Realm& realm_;
  AdminHost& host_;
  Gate gate_;
  Stats stats_;
  AdminContext context_;
  CommandTable commands_;
  std::map<std::string, ControlCommand> control_commands_;
  CtlServer ctl_;
  SysPublisher sys_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace keel::kernel
