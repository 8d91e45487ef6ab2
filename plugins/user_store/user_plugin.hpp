// The plugin itself, but for its name and settings: see emqx_auth_username, emqx_auth_clientid.
// Hooks run on every shard at once: what they touch is thread-safe, or one per shard.
#pragma once

#include <keel/plugin.hpp>

#include <string>
#include <vector>

#include "user_store/checks.hpp"
#include "user_store/commands.hpp"
#include "user_store/flavor.hpp"
#include "user_store/scram_exchanges.hpp"
#include "user_store/settings_users.hpp"
#include "user_store/user_store.hpp"

namespace user_store {

class UserPlugin : public keel::Plugin {
 public:
  UserPlugin(keel::Host& host, const Flavor& flavor);

  keel::Status start() override;
  void stop() override;
  keel::Status apply(std::span<const std::string_view> changed) override;
  void drain(keel::DrainReason why, std::uint32_t deadline_ms, keel::DrainDone done) override;
  keel::Health health() override;

 private:
  keel::Status begin();
  keel::Status read_settings();
  keel::Result<SettingsUsers::List> read_users() const;
  keel::Result<std::string> store_path() const;
  keel::Status add_hooks();
  keel::Status add_scram();

  // The name that a client wants to be known by; null: this plugin has nothing to say about it.
  std::optional<std::string_view> name_of(const keel::AuthRequest& request) const;
  keel::AuthVerdict authenticate(const keel::AuthRequest& request);
  keel::AuthVerdict refuse_unknown(const keel::AuthRequest& request);
  keel::AuthVerdict scram(const keel::AuthRequest& request);
  keel::AuthVerdict scram_begin(const keel::AuthRequest& request, const std::string& connection);
  keel::AuthVerdict scram_finish(const keel::AuthRequest& request, const std::string& connection);
  ScramVerifier scram_verifier(const std::string& name) const;
  keel::AuthVerdict scram_refused(const keel::AuthRequest& request, std::string_view why) const;
  std::string key(std::string_view rest) const { return keel::concat(flavor_.prefix, '.', rest); }

  const Flavor& flavor_;
  UserStore store_;
  SettingsUsers settings_users_;
  Checks checks_;
  Commands commands_;
  std::vector<std::string> changed_users_;  // of the settings, when they were read last
  std::uint32_t scram_iterations_ = 0;
  std::vector<ScramExchanges> exchanges_;  // one per shard
  keel::Counter scram_allowed_, scram_refused_;
};

}  // namespace user_store

// The settings of both; P is the prefix, K the key.
#define USER_STORE_SETTINGS(P, K)                                                                  \
  keel::string(P ".*." K, nullptr, "An entry that needs no store; the * is any word")              \
      .reloadable(),                                                                               \
      keel::string(P ".*.password", nullptr, "Its password").secret().reloadable(),                \
      keel::string(P ".password_hash", "sha256",                                                   \
                   "How exports of EMQ X were hashed: plain, md5, sha, sha256, sha512, bcrypt, "   \
                   "also salt,sha256 or sha256,salt, or pbkdf2,sha256,1000,32. For `import` "      \
                   "only: new entries are argon2id")                                               \
          .reloadable(),                                                                           \
      keel::string(P ".file", nullptr, "The store; default: in the plugin's data directory"),      \
      keel::size(P ".argon2_memory", "19MB", "What one hash needs")                                \
          .between(1 << 20, 256 << 20)                                                             \
          .reloadable(),                                                                           \
      keel::integer(P ".argon2_passes", 2, "Passes over that memory").between(1, 10).reloadable(), \
      keel::integer(P ".max_pending", 256,                                                         \
                    "Checks that wait; with more clients are told that "                           \
                    "the server is busy")                                                          \
          .between(1, 100'000)                                                                     \
          .reloadable(),                                                                           \
      keel::integer(P ".parallel", 1, "Checks that run at a time, at most one per worker")         \
          .between(1, 64)                                                                          \
          .reloadable(),                                                                           \
      keel::integer(P ".cache_size", 10'000, "Successful logins that are remembered; 0: none")     \
          .between(0, 10'000'000)                                                                  \
          .reloadable(),                                                                           \
      keel::duration(P ".cache_ttl", "5m", "How long").between(0, 86'400'000).reloadable(),        \
      keel::boolean(P ".hide_unknown", true,                                                       \
                    "Takes as long to refuse a name that nobody knows as a wrong password")
