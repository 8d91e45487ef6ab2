#include "user_store/user_plugin.hpp"

#include <memory>

#include "user_store/crypto.hpp"
#include "user_store/text.hpp"

namespace user_store {
namespace {

// Asked when no other plugin knew the client either.
constexpr std::int32_t kLast = -1'000'000;

}  // namespace

UserPlugin::UserPlugin(keel::Host& host, const Flavor& flavor)
    : Plugin(host),
      flavor_(flavor),
      store_([&host](std::function<void()> job) {
        return static_cast<bool>(host.workers().run(std::move(job), [] {}));
      }),
      checks_(host, store_),
      commands_(host, flavor_, store_, checks_, settings_users_) {}

keel::Status UserPlugin::start() {
  keel::Status status = begin();
  if (!status) store_.close();  // its lock is for the version that takes over again
  return status;
}

keel::Status UserPlugin::begin() {
  if (!crypto_ready()) return keel::Status::error("libsodium finds no source of random numbers");
  KEEL_TRY(read_settings());
  keel::Result<std::string> path = store_path();
  if (!path) return path.status();
  const std::int64_t since = host().clock().mono_ms();
  KEEL_TRY(store_.open(*path));
  if (!store_.file().notice().empty()) host().log().warning(store_.file().notice());
  host().log().info(store_.table().size(), " entries read from ", *path, " in ",
                    host().clock().mono_ms() - since, " ms");
  KEEL_TRY(checks_.start());
  KEEL_TRY(host().metrics().gauge_of("auth_users", "Entries of the store",
                                     [this] { return store_.table().size(); }));
  KEEL_TRY(commands_.start());
  KEEL_TRY(add_hooks());
  return scram_iterations_ != 0 ? add_scram() : keel::Status();
}

keel::Result<std::string> UserPlugin::store_path() const {
  const std::string set = host().config().text(key("file").c_str());
  if (!set.empty()) return host().config().path(set);
  keel::Result<std::string> dir = host().state_dir();
  if (!dir) return dir;
  return keel::concat(*dir, '/', flavor_.file);
}

keel::Status UserPlugin::read_settings() {
  const keel::Config config = host().config();
  const auto number_of = [&](const char* name) {
    return static_cast<std::uint32_t>(config.integer(key(name).c_str()));
  };
  const std::string how = config.text(key("password_hash").c_str());
  const auto foreign = ForeignHash::parse(how);
  if (!foreign) {
    return config.fail(key("password_hash").c_str(),
                       "is none of plain, md5, sha, sha256, sha512, bcrypt, salt,<h>, <h>,salt, "
                       "pbkdf2,<h>,<iterations>,<bytes>");
  }
  keel::Result<SettingsUsers::List> users = read_users();
  if (!users) return users.status();
  changed_users_ = settings_users_.set(*users);
  for (auto& [name, password] : *users) wipe(password);
  commands_.set_foreign_hash(*foreign);
  const bool scram = flavor_.scram && config.boolean(key("scram").c_str());
  scram_iterations_ = scram ? number_of("scram_iterations") : 0;
  checks_.set_limits(
      {.pending = number_of("max_pending"),
       .parallel = number_of("parallel"),
       .cost = {config.size(key("argon2_memory").c_str()), number_of("argon2_passes")},
       .scram_iterations = scram_iterations_});
  checks_.cache().set_limits(
      {.entries = number_of("cache_size"), .ttl_ms = config.duration_ms(key("cache_ttl").c_str())});
  return {};
}

keel::Result<SettingsUsers::List> UserPlugin::read_users() const {
  const keel::Config config = host().config();
  SettingsUsers::List users;
  for (const std::string& number : config.keys(flavor_.prefix)) {
    const std::string name_key = key(keel::concat(number, '.', flavor_.key)),
                      password_key = key(number + ".password");
    const std::string name = config.text(name_key.c_str());
    const std::string password = config.text(password_key.c_str());
    if (name.empty() && password.empty()) continue;  // a key such as auth.user.file
    if (name.empty()) return config.fail(password_key.c_str(), "has no " + name_key + " beside it");
    if (password.empty())
      return config.fail(name_key.c_str(), "has no " + password_key + " beside it");
    if (const std::string wrong = name_problem(name); !wrong.empty()) {
      return config.fail(name_key.c_str(), wrong);
    }
    users.emplace_back(name, password);
  }
  return users;
}

keel::Status UserPlugin::apply(std::span<const std::string_view>) {
  KEEL_TRY(read_settings());
  commands_.disconnect_all(std::move(changed_users_));
  return {};
}

void UserPlugin::stop() {
  checks_.stop();
  store_.close();
  exchanges_.clear();
  scram_allowed_ = {};
  scram_refused_ = {};
}

// What is being written, upgraded hashes included, is on the disk before the next one reads it.
void UserPlugin::drain(keel::DrainReason, std::uint32_t, keel::DrainDone done) {
  const auto kept = std::make_shared<keel::DrainDone>(std::move(done));
  store_.submit({.kind = UserStore::Change::Kind::wait,
                 .done = [kept](UserStore::Outcome, std::string_view) { (*kept)(); }});
}

keel::Health UserPlugin::health() {
  const std::string trouble = store_.trouble();
  if (!trouble.empty()) return {keel::Health::degraded, trouble};
  const std::size_t pending = checks_.pending();
  const std::string text =
      keel::concat(store_.table().size(), " entries, ", pending, " checks wait");
  if (pending >= checks_.limits().pending) return {keel::Health::degraded, text + ": too many"};
  return {keel::Health::good, text};
}

keel::Status UserPlugin::add_hooks() {
  const keel::Hooks hooks = host().hooks();
  KEEL_TRY(hooks.on_authenticate(
      0, [this](const keel::AuthRequest& request) { return authenticate(request); }));
  if (host().config().boolean(key("hide_unknown").c_str())) {
    KEEL_TRY(hooks.on_authenticate(
        kLast, [this](const keel::AuthRequest& request) { return refuse_unknown(request); }));
  }
  return hooks.on_event(KEEL_HOOK_CLIENT_CONNECTED, [this](const keel::Event& event) {
    if (event.client()) checks_.connected(event.client()->client_id());
  });
}

std::optional<std::string_view> UserPlugin::name_of(const keel::AuthRequest& request) const {
  const keel::Client client = request.client();
  if (!client.has_password()) return std::nullopt;
  if (flavor_.by_client_id) return client.client_id();
  return client.has_username() ? std::optional(client.username()) : std::nullopt;
}

keel::AuthVerdict UserPlugin::authenticate(const keel::AuthRequest& request) {
  const auto name = name_of(request);
  if (!name) return keel::Next{};
  switch (settings_users_.check(*name, request.password())) {
    case SettingsUsers::Match::right:
      checks_.counters().allowed.add();
      return keel::Allow{};
    case SettingsUsers::Match::wrong:
      return checks_.ask(Checks::Against::nothing, *name, request);
    case SettingsUsers::Match::unknown:
      break;
  }
  const std::optional<std::string> value = store_.find(*name);
  if (!value) {
    checks_.counters().unknown.add();
    return keel::Next{};
  }
  if (checks_.remembered(*name, *value, request.password())) {
    checks_.counters().cached.add();
    checks_.counters().allowed.add();
    return keel::Allow{};
  }
  return checks_.ask(Checks::Against::store, *name, request);
}

// The kernel would refuse it now anyway: credentials that nobody knows. But at once, which tells
// that there is no such name.
keel::AuthVerdict UserPlugin::refuse_unknown(const keel::AuthRequest& request) {
  const auto name = name_of(request);
  if (!name) return keel::Next{};
  return checks_.ask(Checks::Against::nothing, *name, request);
}

}  // namespace user_store
