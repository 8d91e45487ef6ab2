// emqx_auth_jwt: clients log in with a JSON Web Token. See README.md.
#include <keel/plugin.hpp>

#include "emqx_auth_jwt/commands.hpp"
#include "emqx_auth_jwt/gate.hpp"
#include "emqx_auth_jwt/key_set_source.hpp"

namespace {

using jwt::Options;
using jwt::Policy;
using keel::concat;
using keel::Status;

constexpr const char* kAllAlgorithms =
    "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA";

// Control thread, but for the Gate, which the shards work with.
class JwtAuth final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr std::uint32_t state_schema = 1;
  static constexpr keel::Setting settings[] = {
      keel::choice("auth.jwt.from", "password|username", "password", "Where clients put the token")
          .reloadable(),
      keel::string("auth.jwt.secret", nullptr, "Secret of HS256, HS384, HS512 tokens")
          .secret()
          .reloadable(),
      keel::string("auth.jwt.pubkey", nullptr, "File with a public key or certificate in PEM")
          .reloadable(),
      keel::string("auth.jwt.key.*.file", nullptr,
                   "A further key: file with PEM, or with the secret if algorithm is HS...")
          .reloadable(),
      keel::string("auth.jwt.key.*.secret", nullptr, "A further key: a secret")
          .secret()
          .reloadable(),
      keel::choice("auth.jwt.key.*.algorithm",
                   "HS256|HS384|HS512|RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA",
                   nullptr, "The only algorithm this key is used with; default: all of its kind")
          .reloadable(),
      keel::string("auth.jwt.key.*.kid", nullptr,
                   "Only for tokens that name this key, or none; default: for all")
          .reloadable(),
      keel::string("auth.jwt.jwks", nullptr, "A JSON Web Key Set: a file, or an http(s):// URL")
          .reloadable(),
      keel::duration("auth.jwt.jwks_refresh", "5m", "How often the key set is looked at again")
          .between(1'000, 86'400'000)
          .reloadable(),
      keel::string("auth.jwt.jwks_cacert", nullptr,
                   "Authorities (PEM) that the URL's server is checked with; default: the system's")
          .reloadable(),
      keel::strings("auth.jwt.algorithms", kAllAlgorithms, "Algorithms that tokens may use")
          .reloadable(),
      keel::strings("auth.jwt.audience", nullptr,
                    "One of these must be in aud; default: not checked")
          .reloadable(),
      keel::strings("auth.jwt.issuer", nullptr, "iss must be one of these; default: not checked")
          .reloadable(),
      keel::boolean("auth.jwt.verify_claims", true, "Whether the claims below are checked")
          .reloadable(),
      keel::string("auth.jwt.verify_claims.*", nullptr,
                   "What a claim must be; %u is the user name, %c the client id")
          .reloadable(),
      keel::duration("auth.jwt.leeway", "0s", "How far clocks may be apart for exp, nbf, iat")
          .between(0, 3'600'000)
          .reloadable(),
      keel::boolean("auth.jwt.require_exp", false, "Whether tokens without exp are refused")
          .reloadable(),
      keel::boolean("auth.jwt.disconnect_at_expiry", true,
                    "Whether the connection ends when its token expires")
          .reloadable(),
      keel::string("auth.jwt.acl_claim", "acl",
                   "Claim with what the client may publish and subscribe to; empty: none")
          .reloadable(),
      keel::boolean("auth.jwt.superuser", false,
                    "Whether is_superuser = true in a token lifts all authorization")
          .reloadable(),
      keel::size("auth.jwt.max_token_size", "8KB", "Longer tokens are refused")
          .between(256, 65'535)
          .reloadable(),
      keel::integer("auth.jwt.max_pending", 1000,
                    "Tokens that are checked or wait at one time; more are refused")
          .between(1, 10'000)
          .reloadable(),
  };

  Status start() override {
    keel::Result<Options> options = jwt::read_options(host());
    if (!options) return options.status();
    KEEL_TRY(make_source(*options).into(source_));
    if (source_ && handover_.key_set_from == source_->from()) source_->adopt(handover_.key_set);
    options_ = std::move(*options);
    make_policy();
    gate_ = std::make_unique<jwt::Gate>(host(), policy_,
                                        [this](bool none_seen) { want_keys(none_seen); });
    gate_->restore(handover_.grants);
    handover_ = {};
    KEEL_TRY(gate_->start());
    KEEL_TRY(jwt::add_commands(host(), [this] { return policy_; }));
    KEEL_TRY(add_metrics());
    if (source_ && options_.key_set_is_url()) source_->refresh();
    if (options_.from_username) {
      host().log().notice(
          "auth.jwt.from = username: tokens show wherever user names do, in the "
          "log and in ctl clients list");
    }
    return {};
  }

  Status apply(std::span<const std::string_view>) override {
    keel::Result<Options> options = jwt::read_options(host());
    if (!options) return options.status();
    const bool same = source_ && options->key_set == options_.key_set &&
                      options->key_set_ca == options_.key_set_ca &&
                      options->refresh_ms == options_.refresh_ms;
    std::shared_ptr<jwt::KeySetSource> source = source_;
    if (!same) {
      KEEL_TRY(make_source(*options).into(source));
      if (source_) source_->close();
      source_ = source;
    } else if (!options->key_set_is_url()) {
      if (const Status read = source->read_now(); !read) {
        return host().config().fail("auth.jwt.jwks", read.text());
      }
    }
    options_ = std::move(*options);
    make_policy();
    gate_->replace(policy_);
    if (source_ && options_.key_set_is_url()) {
      source_->refresh();
    } else {
      gate_->settle(0);  // for those who wait for what was there before
    }
    return {};
  }

  Status save(std::string& out) override {
    jwt::Handover state;
    if (source_ && source_->loaded()) {
      state.key_set_from = source_->from();
      state.key_set = source_->text();
    }
    if (gate_) gate_->save(state.grants);
    out = state.write();
    return {};
  }

  Status load(std::uint32_t schema, std::string_view blob) override {
    handover_ = {};
    if (schema != state_schema || !handover_.read(blob)) {
      return Status::error("it is the state of another version of the plugin");
    }
    return {};
  }

  keel::Health health() override {
    const std::size_t count = policy_->keys.keys().size();
    const std::string keys = concat(count, count == 1 ? " key" : " keys");
    if (!source_) return {keel::Health::good, keys};
    const std::string age =
        source_->loaded() ? concat("; key set read ", source_->age_s(), " s ago") : "";
    if (source_->error().empty() && source_->loaded()) return {keel::Health::good, keys + age};
    if (source_->error().empty()) return {keel::Health::degraded, "the key set is being fetched"};
    return {policy_->keys.empty() ? keel::Health::bad : keel::Health::degraded,
            concat(keys, age, "; key set ", source_->name(), ": ", source_->error())};
  }

 private:
  // Null: no key set is wanted. A file that cannot be read is a failure; a URL is fetched later.
  keel::Result<std::shared_ptr<jwt::KeySetSource>> make_source(const Options& options) {
    if (options.key_set.empty()) return std::shared_ptr<jwt::KeySetSource>();
    auto source = std::make_shared<jwt::KeySetSource>(host(), options,
                                                      [this](bool changed) { settled(changed); });
    if (!options.key_set_is_url()) {
      if (const Status read = source->read_now(); !read) {
        return host().config().fail("auth.jwt.jwks", concat(options.key_set, ": ", read.text()));
      }
    }
    return source;
  }

  void make_policy() {
    auto policy = std::make_shared<Policy>();
    policy->options = options_;
    std::vector<jwt::Key> keys = options_.keys;
    if (source_) {
      for (jwt::Key key : source_->keys()) {
        if (key.pin(options_.algorithms)) keys.push_back(std::move(key));
      }
      policy->key_set_due = !source_->loaded();
    }
    policy->keys = jwt::KeySet(std::move(keys));
    policy_ = std::move(policy);
  }

  // From a shard: a token cannot be checked with the keys there are. The first set may have come on
  // the way here, which serves those who had seen none.
  void want_keys(bool none_seen) {
    host()
        .shards()
        .post(keel::kControl,
              [this, none_seen] {
                if (source_ && none_seen && source_->loaded())
                  return gate_->settle(source_->next_request_ms());
                if (source_) return source_->request();
                gate_->settle(0);  // a reload took the key set away
              })
        .ignore();
  }

  void settled(bool changed) {
    if (!source_->error().empty()) failures_.add();
    if (changed || policy_->key_set_due) {
      make_policy();
      gate_->replace(policy_);
    }
    gate_->settle(source_->next_request_ms());
  }

  Status add_metrics() {
    const auto metrics = host().metrics();
    KEEL_TRY(metrics.gauge_of("auth_jwt_keys", "Keys in force",
                              [this] { return policy_->keys.keys().size(); }));
    KEEL_TRY(
        metrics
            .counter("auth_jwt_key_set_failures_total", "Attempts to read the key set that failed")
            .into(failures_));
    return metrics.gauge_of("auth_jwt_key_set_age_seconds",
                            "Since the key set was read with success; -1: never",
                            [this] { return source_ ? source_->age_s() : -1; });
  }

  Options options_;
  std::shared_ptr<jwt::KeySetSource> source_;  // null: no key set
  jwt::PolicyPtr policy_;                      // what shards have, or are about to
  std::unique_ptr<jwt::Gate> gate_;
  keel::Counter failures_;
  jwt::Handover handover_;  // from load() to start()
};

}  // namespace

KEEL_PLUGIN(JwtAuth, "emqx_auth_jwt", "1.0.0", "Clients log in with a JSON Web Token");
