#include "kernel/admin/admin.hpp"

#include <ctime>

#include "kernel/admin/json.hpp"
#include "kernel/admin/metrics_text.hpp"

namespace keel::kernel {
namespace {

std::int64_t unix_now() { return static_cast<std::int64_t>(::time(nullptr)); }

}  // namespace

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

HttpResponse Admin::metrics_page() const {
  const NodeFacts facts{host_.node_name(), host_.version(), host_.started_unix_s()};
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = prometheus_text(realm_, facts, unix_now())};
}

HttpResponse Admin::health_page() const {
  const bool draining = host_.draining();
  JsonObject body;
  body.add("status", draining ? "draining" : "ok")
      .add("node", host_.node_name())
      .add("version", host_.version())
      .add("uptime_s", unix_now() - host_.started_unix_s())
      .add("connections", realm_.total(Gauge::connections));
  return {.status = static_cast<std::uint16_t>(draining ? 503 : 200),
          .content_type = "application/json",
          .body = body.str() + "\n"};
}

}  // namespace keel::kernel
