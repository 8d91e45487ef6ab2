// emqx_sn: a gateway for MQTT-SN 1.2. See README.md.
#include <keel/plugin.hpp>

#include "emqx_sn/commands.hpp"
#include "emqx_sn/discovery.hpp"
#include "emqx_sn/gateway.hpp"
#include "emqx_sn/metrics.hpp"
#include "emqx_sn/schema.hpp"

namespace {

class SnPlugin final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr auto& settings = sn::kSchema;
  static constexpr std::uint32_t state_schema = sn::kStateSchema;

  keel::Status start() override {
    auto wanted = sn::read_settings(host().config());
    if (!wanted) return wanted.status();
    settings_ = *wanted;
    KEEL_TRY(gateway_.start(settings_));
    KEEL_TRY(metrics_.start(host(), gateway_));
    KEEL_TRY(sn::add_commands(host(), gateway_, metrics_, [this] { return settings_; }));
    return advertise();
  }

  keel::Status apply(std::span<const std::string_view> changed) override {
    auto wanted = sn::read_settings(host().config());
    if (!wanted) return wanted.status();
    if (changed.empty()) gateway_.reload_tls();
    KEEL_TRY(gateway_.apply(*wanted));
    settings_ = *wanted;
    return advertise();
  }

  void drain(keel::DrainReason why, std::uint32_t deadline_ms, keel::DrainDone done) override {
    if (why == keel::DrainReason::upgrade) return;
    advertiser_.stop();
    gateway_.leave(deadline_ms, why == keel::DrainReason::stop,
                   std::make_shared<keel::DrainDone>(std::move(done)));
  }

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
    const sn::ListenerSet& listeners = gateway_.listeners();
    return {listeners.complete() ? keel::Health::good : keel::Health::degraded,
            keel::concat(listeners.describe(), gateway_.live(), " clients")};
  }

 private:
  keel::Status advertise() {
    const auto& open = gateway_.listeners().open();
    return advertiser_.start(*settings_, {open.begin(), open.end()}, gateway_.counters(0));
  }

  sn::SettingsPtr settings_;  // in force
  sn::Gateway gateway_{host()};
  sn::Metrics metrics_;
  sn::Advertiser advertiser_{host()};
};

}  // namespace

KEEL_PLUGIN(SnPlugin, "emqx_sn", "1.0.0", "MQTT-SN 1.2 gateway");
