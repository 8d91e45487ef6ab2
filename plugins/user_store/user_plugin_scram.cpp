// The plugin's part in enhanced authentication. All on the client's shard: nothing of it is slow.
#include "user_store/crypto.hpp"
#include "user_store/text.hpp"
#include "user_store/user_plugin.hpp"

namespace user_store {
namespace {

constexpr std::string_view kMethod = "SCRAM-SHA-256";
constexpr std::size_t kNonceBytes = 24;

// What tells one connection from another.
std::string connection_of(const keel::Client& client) {
  return keel::concat(client.client_id(), '\n', client.peer(), '\n', client.listener());
}

}  // namespace

keel::Status UserPlugin::add_scram() {
  exchanges_ = std::vector<ScramExchanges>(host().shards().count());
  const keel::Metrics metrics = host().metrics();
  constexpr const char* kName = "auth_scram_total";
  constexpr const char* kHelp = "SCRAM exchanges by result";
  KEEL_TRY(metrics.counter(kName, kHelp, "result=\"allowed\"").into(scram_allowed_));
  KEEL_TRY(metrics.counter(kName, kHelp, "result=\"refused\"").into(scram_refused_));
  const keel::Hooks hooks = host().hooks();
  KEEL_TRY(hooks.on_enhanced_auth(
      0, [this](const keel::AuthRequest& request) { return scram(request); }));
  return hooks.on_event(KEEL_HOOK_CLIENT_DISCONNECTED, [this](const keel::Event& event) {
    if (!event.client()) return;
    exchanges_[host().shards().current()].forget(connection_of(*event.client()));
  });
}

keel::AuthVerdict UserPlugin::scram(const keel::AuthRequest& request) {
  if (request.method() != kMethod) return keel::Next{};
  const std::string connection = connection_of(request.client());
  if (request.data().starts_with("c=")) return scram_finish(request, connection);
  return scram_begin(request, connection);
}

keel::AuthVerdict UserPlugin::scram_begin(const keel::AuthRequest& request,
                                          const std::string& connection) {
  ScramExchange exchange;
  const ScramExchange::First first = exchange.begin(request.data());
  if (!first.problem.empty()) return scram_refused(request, first.problem);
  // Access rules know the client by the user name of CONNECT: it must be the one that is proved.
  if (!request.client().has_username() || request.client().username() != first.name) {
    return scram_refused(request, "CONNECT must have the user name that SCRAM proves");
  }
  std::string challenge =
      exchange.challenge(scram_verifier(first.name), to_base64(random_bytes(kNonceBytes)));
  ScramExchanges& mine = exchanges_[host().shards().current()];
  if (!mine.put(connection, std::move(exchange), host().clock().mono_ms())) {
    return keel::Deny{kServerBusy};
  }
  return keel::Continue{std::move(challenge)};
}

keel::AuthVerdict UserPlugin::scram_finish(const keel::AuthRequest& request,
                                           const std::string& connection) {
  ScramExchanges& mine = exchanges_[host().shards().current()];
  const auto exchange = mine.take(connection, host().clock().mono_ms());
  if (!exchange) return scram_refused(request, "no exchange is under way, or it took too long");
  std::optional<std::string> server_final = exchange->finish(request.data());
  if (!server_final) return scram_refused(request, "the proof is wrong");
  if (scram_verifier(exchange->name()).stored_key != exchange->stored_key()) {
    return scram_refused(request, "the user was changed meanwhile");
  }
  scram_allowed_.add();
  return keel::Allow{.data = std::move(*server_final)};
}

// For names that nobody has, and users whose password SCRAM cannot prove, one that nothing fits.
ScramVerifier UserPlugin::scram_verifier(const std::string& name) const {
  const std::optional<std::string> value = store_.find(name);
  if (value) {
    if (auto verifier = ScramVerifier::parse(UserValue(*value).scram())) return *verifier;
    host().log().info("user ", escape(name),
                      " has no SCRAM verifier (a hash was imported, or SCRAM "
                      "was off): it gets one when it logs in with its password, or by `ctl ",
                      flavor_.command, " update`");
  }
  return ScramVerifier::fake(store_.file().secret(), name, scram_iterations_);
}

keel::AuthVerdict UserPlugin::scram_refused(const keel::AuthRequest& request,
                                            std::string_view why) const {
  scram_refused_.add();
  host().log().info("client ", escape(request.client().client_id()), " at ",
                    request.client().peer(), ": SCRAM refused: ", why);
  return keel::Deny{kBadPassword};
}

}  // namespace user_store
