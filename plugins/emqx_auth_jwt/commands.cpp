#include "emqx_auth_jwt/commands.hpp"

#include <boost/json.hpp>

#include "emqx_auth_jwt/token.hpp"

namespace jwt {

namespace {

namespace json = boost::json;
using keel::concat;
using keel::CtlCall;

int print_keys(CtlCall& call, const Policy& policy) {
  json::array list;
  for (const Key& key : policy.keys.keys()) {
    if (!call.json()) {
      call.print(key.kid().empty() ? "-" : key.kid(), "  ", key.kind(), "  ",
                 key.algorithms().text(), "  ", key.source(), "\n");
      continue;
    }
    list.push_back({{"kid", key.kid()},
                    {"kind", key.kind()},
                    {"algorithms", key.algorithms().text()},
                    {"source", key.source()}});
  }
  if (call.json()) {
    call.print(json::serialize(list), "\n");
  } else if (policy.keys.empty()) {
    call.print("there are no keys", policy.key_set_due ? ": the key set was never read" : "", "\n");
  }
  return KEEL_EXIT_OK;
}

// What a token is tried with, as `jwt check` is asked.
struct Trial {
  Asker asker = {"", "", false};
  std::string_view token = {};
};

bool read_words(const CtlCall& call, Trial& trial) {
  for (std::size_t i = 1; i < call.size(); ++i) {
    const std::string_view word = call[i];
    if (word.starts_with("client=")) {
      trial.asker.client_id = word.substr(7);
    } else if (word.starts_with("user=")) {
      trial.asker.username = word.substr(5);
      trial.asker.has_username = true;
    } else if (trial.token.empty()) {
      trial.token = word;
    } else {
      return false;
    }
  }
  return true;
}

const Key* signer(const Policy& policy, const Token& token) {
  for (const Key* key : policy.keys.candidates(token.algorithm, token.kid)) {
    if (key->verify(token.algorithm, token.signed_text, token.signature)) return key;
  }
  return nullptr;
}

int refuse(CtlCall& call, const Refusal& why) {
  call.print("refused (", cause_name(why.cause), "): ", why.text, "\n");
  return KEEL_EXIT_ERROR;
}

void print_accepted(CtlCall& call, const Accepted& accepted, std::int64_t now_ms) {
  call.print("accepted");
  if (accepted.expires_ms) {
    call.print("; expires in ", (*accepted.expires_ms - now_ms) / 1000, " s");
  } else {
    call.print("; never expires");
  }
  if (accepted.superuser) call.print("; superuser");
  call.print("\n");
  if (!accepted.acl) return;
  for (const AclRule& rule : accepted.acl->rules()) {
    call.print("  ", rule.allow ? "allow " : "deny ",
               rule.action == Action::publish     ? "publish "
               : rule.action == Action::subscribe ? "subscribe "
                                                  : "all ",
               rule.filter, "\n");
  }
  call.print("  deny everything else\n");
}

int check_token(CtlCall& call, const keel::Host& host, const Policy& policy) {
  Trial trial;
  if (!read_words(call, trial)) return KEEL_EXIT_USAGE;
  if (trial.token.empty()) {
    call.print("Token: ");
    return KEEL_EXIT_PROMPT;
  }
  if (!looks_like_token(trial.token)) {
    call.print("this is no JSON Web Token; as a password it is left to other plugins\n");
    return KEEL_EXIT_ERROR;
  }
  Refusal why;
  const auto token = read_token(trial.token, policy.options.max_token, why);
  if (!token) return refuse(call, why);
  const std::string_view name = algorithm_name(token->algorithm);
  if (!policy.options.algorithms.has(token->algorithm)) {
    return refuse(call, {Cause::algorithm, concat(name, " is not among auth.jwt.algorithms")});
  }
  if (policy.keys.candidates(token->algorithm, token->kid).empty()) {
    return refuse(
        call, {Cause::key, concat("there is no key for ", name,
                                  token->kid.empty() ? "" : " and its kid", "; see ctl jwt keys")});
  }
  const Key* const key = signer(policy, *token);
  if (!key) return refuse(call, {Cause::signature, "no key that fits has signed it"});
  call.print("signed with ", name, " by the key of ", key->source(), "\n");
  const std::int64_t now = host.clock().wall_ms();
  const auto accepted = check_claims(token->payload, policy.options.claims, trial.asker, now, why);
  if (!accepted) return refuse(call, why);
  print_accepted(call, *accepted, now);
  return KEEL_EXIT_OK;
}

}  // namespace

keel::Status add_commands(keel::Host& host, std::function<PolicyPtr()> policy) {
  return host.ctl().add("jwt",
                        {{"jwt keys", "The keys that tokens are checked with"},
                         {"jwt check [client=ID] [user=NAME] [TOKEN]",
                          "Why a token is accepted or refused; without TOKEN it is asked for"}},
                        [&host, policy = std::move(policy)](CtlCall& call) -> int {
                          const PolicyPtr now = policy();
                          if (call.size() == 1 && call[0] == "keys") return print_keys(call, *now);
                          if (call.size() >= 1 && call[0] == "check")
                            return check_token(call, host, *now);
                          return KEEL_EXIT_USAGE;
                        });
}

}  // namespace jwt
