// emqx_auth_http: a web server decides who may connect, publish and subscribe. See README.md.
#include <keel/plugin.hpp>

#include "emqx_auth_http/asker.hpp"
#include "emqx_auth_http/commands.hpp"

namespace auth_http {
namespace {

class AuthHttp final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr auto& settings = kSettings;

  keel::Status start() override {
    stop();  // what a start that failed has left
    KEEL_TRY(read_setup(host()).into(setup_));
    report_ = std::make_unique<Report>(host());
    KEEL_TRY(report_->start());
    for (std::uint32_t shard = 0; shard < host().shards().count(); ++shard) {
      askers_.push_back(std::make_unique<Asker>(host(), setup_, *report_, shard));
    }
    KEEL_TRY(offer_commands(host(), setup_, *report_, askers_));
    if (setup_.acl) {
      KEEL_TRY(host().hooks().on_authorize(
          0, [this](const keel::AuthorizeRequest& request) { return here().authorize(request); }));
    }
    if (!setup_.auth) return {};
    if (!setup_.ask_anonymous) {
      host().log().notice(
          "clients without user name and password are not asked about: the listener's "
          "allow_anonymous decides, or set auth.http.ask_anonymous = true");
    }
    return host().hooks().on_authenticate(
        0, [this](const keel::AuthRequest& request) { return here().authenticate(request); });
  }

  // Whoever waits is let in or refused before an upgrade or unload; that takes 4.5 s at most.
  void drain(keel::DrainReason why, std::uint32_t, keel::DrainDone done) override {
    if (why == keel::DrainReason::stop) return done();
    auto shared = std::make_shared<keel::DrainDone>(std::move(done));
    for (std::uint32_t shard = 0; shard < askers_.size(); ++shard) {
      host().shards().post(shard, [this, shard, shared] { askers_[shard]->hold(shared); }).ignore();
    }
  }

  void stop() override {
    askers_.clear();
    report_.reset();
  }

  keel::Health health() override {
    if (!report_ || report_->breakers_open() == 0) return {};
    return {keel::Health::degraded,
            keel::concat("a web server does not work: ", report_->last_failure())};
  }

 private:
  Asker& here() { return *askers_[host().shards().current()]; }

  Setup setup_;
  std::unique_ptr<Report> report_;
  std::vector<std::unique_ptr<Asker>> askers_;
};

}  // namespace
}  // namespace auth_http

KEEL_PLUGIN(auth_http::AuthHttp, "emqx_auth_http", "1.0.0",
            "A web server decides who may connect, publish and subscribe");
