#include "kernel/admin/admin.hpp"

#include "kernel/admin/json.hpp"
#include "kernel/admin/metrics_text.hpp"
#include "kernel/admin/plugin_report.hpp"
#include "kernel/base/clock.hpp"

namespace keel::kernel {

Admin::Admin(Realm& realm, AdminHost& host)
    : realm_(realm),
      host_(host),
      gate_(realm, host),
      stats_(realm),
      context_{.realm = realm,
               .host = host,
               .gate = gate_,
               .stats = stats_,
               .changes = {},
               .traces = nullptr},
      ctl_(commands_),
      sys_(realm, host, stats_) {
  add_kernel_commands(commands_, context_);
}

Result<void> Admin::start_ctl(const std::string& data_dir) {
  return ctl_.start(data_dir + "/ctl.sock");
}

Result<std::uint16_t> Admin::start_http(asio::io_context& io, std::string_view bind) {
  http_ = std::make_unique<HttpServer>(io);
  http_->add("/metrics", [this] { return metrics_page(); });
  http_->add("/health", [this] { return health_page(); });
  return http_->start(bind);
}

void Admin::stop() {
  gate_.close();
  ctl_.stop();
  http_.reset();
}

bool Admin::add_control_command(const std::string& name, std::vector<UsageLine> usage,
                                ControlCommand fn) {
  if (commands_.contains(name) || name == "help") return false;
  control_commands_[name] = std::move(fn);
  commands_.add(name, std::move(usage), [this, name](Args args, Reply& reply) {
    return run_control_command(name, args, reply);
  });
  return true;
}

void Admin::remove_control_command(const std::string& name) {
  commands_.remove(name);
  control_commands_.erase(name);
}

Exit Admin::run_control_command(const std::string& name, Args args, Reply& reply) {
  struct Output {
    int exit = 1;
    std::string text;
  };
  const auto output = gate_.control_later<Output>(
      [this, name, json = reply.json(), words = std::vector<std::string>(args.begin(), args.end())](
          AdminHost&, auto answer) {
        const auto found = control_commands_.find(name);
        if (found == control_commands_.end())
          answer({.text = "The plugin of this command has just been unloaded."});
        else
          found->second(words, json, [answer](int exit, std::string text) {
            return answer({exit, std::move(text)});
          });
      },
      [&reply] { return reply.wanted(); });
  if (!output) return reply.fail(kStopping);
  std::string_view text = output->text;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.empty()) reply.line(text);
  return static_cast<Exit>(output->exit);
}

HttpResponse Admin::metrics_page() const {
  const NodeFacts facts{host_.node_name(), host_.version(), host_.started_unix_s()};
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = prometheus_text(realm_, facts, unix_time_s()) +
                  (host_.plugins() ? plugin_metrics(*host_.plugins()) : "")};
}

HttpResponse Admin::health_page() const {
  const bool draining = host_.draining();
  JsonObject body;
  body.add("status", draining ? "draining" : "ok")
      .add("node", host_.node_name())
      .add("version", host_.version())
      .add("uptime_s", unix_time_s() - host_.started_unix_s())
      .add("connections", realm_.total(Gauge::connections));
  return {.status = static_cast<std::uint16_t>(draining ? 503 : 200),
          .content_type = "application/json",
          .body = body.str() + "\n"};
}

}  // namespace keel::kernel
