// JSON Web Tokens: the first byte says what the rest is read as. A token, whose parts must give the
// same text again; the claims of one, whose rules must be well-formed filters; a key set; two
// filters on two lines; or the state that one version of the plugin hands to the next.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.hpp"
#include "emqx_auth_jwt/base64url.hpp"
#include "emqx_auth_jwt/claims.hpp"
#include "emqx_auth_jwt/handover.hpp"
#include "emqx_auth_jwt/key_set.hpp"
#include "emqx_auth_jwt/token.hpp"
#include "keel/topic_filter.hpp"

namespace {

using keel::concat;

void token(std::string_view text) {
  jwt::Refusal why;
  const auto read = jwt::read_token(text, 8192, why);
  if (!read) {
    FUZZ_CHECK(!why.text.empty());
    return;
  }
  FUZZ_CHECK(concat(read->signed_text, '.', jwt::to_base64url(read->signature)) == text);
  FUZZ_CHECK(read->signed_text.ends_with(concat('.', jwt::to_base64url(read->payload))));
  const auto key = jwt::Key::from_secret("nobody knows this");
  FUZZ_CHECK(!key->verify(read->algorithm, read->signed_text, read->signature.substr(1)));
}

void claims(std::string_view payload) {
  const jwt::ClaimRules rules{
      .audiences = {"mqtt"}, .issuers = {"joe"}, .required = {{"sub", "%c-%u"}}, .superuser = true};
  for (const jwt::ClaimRules& one : {rules, jwt::ClaimRules()}) {
    jwt::Refusal why;
    const auto accepted = jwt::check_claims(payload, one, {"c", "u", true}, 1'000'000'000'000, why);
    FUZZ_CHECK(accepted || !why.text.empty());
    if (!accepted || !accepted->acl) continue;
    FUZZ_CHECK(accepted->acl->rules().size() <= jwt::Acl::kMaxRules);
    for (const jwt::AclRule& rule : accepted->acl->rules()) {
      FUZZ_CHECK(keel::is_topic_filter(rule.filter));
      accepted->acl->allows(jwt::Action::subscribe, rule.filter);
    }
  }
}

void key_set(std::string_view text) {
  const auto read = jwt::read_key_set(text, jwt::Secrets::accept, "test");
  if (!read) {
    FUZZ_CHECK(!read.text().empty());
    return;
  }
  FUZZ_CHECK(!read->keys.empty() && read->keys.size() <= jwt::kMaxKeys);
  for (const jwt::Key& key : read->keys) {
    FUZZ_CHECK(!key.algorithms().empty());
    FUZZ_CHECK(!key.verify(jwt::Algorithm::es256, "text", std::string(64, 'x')));
  }
}

void filters(std::string_view text) {
  const std::size_t cut = text.find('\n');
  if (cut == std::string_view::npos) return;
  const std::string_view a = text.substr(0, cut), b = text.substr(cut + 1);
  if (!keel::is_topic_filter(a) || !keel::is_topic_filter(b)) return;
  FUZZ_CHECK(keel::filter_covers(a, a));
  FUZZ_CHECK(keel::filters_overlap(a, b) == keel::filters_overlap(b, a));
  if (keel::filter_covers(a, b)) FUZZ_CHECK(keel::filters_overlap(a, b));
  if (keel::filter_covers(a, b) && keel::filter_covers(b, a)) {
    FUZZ_CHECK(keel::filter_covers(a, "x/y") == keel::filter_covers(b, "x/y"));
  }
}

void handover(std::string_view text) {
  jwt::Handover state;
  if (state.read(text)) FUZZ_CHECK(state.write() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 64 * 1024) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 't':
      token(rest);
      break;
    case 'c':
      claims(rest);
      break;
    case 'k':
      key_set(rest);
      break;
    case 'f':
      filters(rest);
      break;
    case 'h':
      handover(rest);
      break;
    default:
      break;
  }
  return 0;
}
