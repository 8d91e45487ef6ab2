// emqx_lwm2m: a gateway for LwM2M 1.0 and 1.1. See README.md.
#include <keel/plugin.hpp>

#include "emqx_lwm2m/ctl/commands.hpp"
#include "emqx_lwm2m/gateway/gateway.hpp"
#include "emqx_lwm2m/metrics.hpp"
#include "emqx_lwm2m/objects/load.hpp"
#include "emqx_lwm2m/schema.hpp"

namespace {

class Lwm2mPlugin final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr auto& settings = lwm2m::kSchema;
  static constexpr std::uint32_t state_schema = lwm2m::kStateSchema;

  keel::Status start() override {
    auto wanted = read();
    if (!wanted) return wanted.status();
    KEEL_TRY(gateway_.start(*wanted));
    KEEL_TRY(metrics_.start(host(), gateway_));
    return lwm2m::add_commands(host(), gateway_, metrics_);
  }

  keel::Status apply(std::span<const std::string_view> changed) override {
    auto wanted = read();
    if (!wanted) return wanted.status();
    if (changed.empty()) gateway_.reload_tls();
    return gateway_.apply(*wanted);
  }

  void drain(keel::DrainReason why, std::uint32_t deadline_ms, keel::DrainDone done) override {
    if (why == keel::DrainReason::upgrade) return;
    gateway_.leave(why, deadline_ms, std::make_shared<keel::DrainDone>(std::move(done)));
  }

  void stop() override { gateway_.stop(); }

  keel::Status save(std::string& out) override {
    gateway_.save(out);
    return {};
  }

  keel::Status load(std::uint32_t schema, std::string_view blob) override {
    if (schema != state_schema) return keel::Status::error("state of an unknown version");
    if (!gateway_.load(blob)) return keel::Status::error("state that cannot be read");
    return {};
  }

  keel::Health health() override {
    const lwm2m::Listeners& listeners = gateway_.listeners();
    std::string text = keel::concat(listeners.describe(), gateway_.devices(), " devices");
    const std::string problem = gateway_.journal_problem();
    if (!problem.empty()) text += keel::concat("; the journal: ", problem);
    const bool good = listeners.complete() && problem.empty();
    return {good ? keel::Health::good : keel::Health::degraded, text};
  }

 private:
  // With the object files as they are now.
  keel::Result<lwm2m::SettingsPtr> read() {
    const auto objects = lwm2m::load_objects(lwm2m::xml_directory(host().config()));
    for (const std::string& warning : objects.warnings) host().log().warning(warning);
    auto wanted = lwm2m::read_settings(host().config(), objects.definitions);
    if (!wanted) return wanted;
    for (const std::string& notice : (*wanted)->notices) host().log().notice(notice);
    for (const std::string& warning : (*wanted)->warnings) host().log().warning(warning);
    return wanted;
  }

  lwm2m::Gateway gateway_{host()};
  lwm2m::Metrics metrics_;
};

}  // namespace

KEEL_PLUGIN(Lwm2mPlugin, "emqx_lwm2m", "1.0.0", "LwM2M 1.0 and 1.1 gateway");
