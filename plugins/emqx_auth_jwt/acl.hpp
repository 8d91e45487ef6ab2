// What a token's acl claim lets its client do. Values; any thread.
//
// Two forms: {"pub": [filters], "sub": [filters], "all": [filters]}, and a list of
// {"permission": "allow"|"deny", "action": "publish"|"subscribe"|"all", "topic": filter} of which
// the first that fits decides. What nothing allows is denied.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_auth_jwt/asker.hpp"
#include "emqx_auth_jwt/json_text.hpp"

namespace jwt {

enum class Action : std::uint8_t { publish = 1, subscribe = 2, all = 3 };

struct AclRule {
  bool allow = true;
  Action action = Action::all;
  std::string filter = {};
  friend bool operator==(const AclRule&, const AclRule&) = default;
};

class Acl {
 public:
  static constexpr std::size_t kMaxRules = 256;
  static constexpr std::size_t kMaxText = 64 * 1024;  // of all filters together

  Acl() = default;
  explicit Acl(std::vector<AclRule> rules) : rules_(std::move(rules)) {}
  // Nothing, and in `why`: the claim is none of the two, has too much, names a filter that is none,
  // or %u or %c where the client has none that is a plain level.
  static std::optional<Acl> read(const boost::json::value& claim, const Asker& asker,
                                 std::string& why);

  // Whether a topic may be published to, or a filter subscribed to. A rule that allows must cover
  // all of a filter; for one that denies it is enough to touch it.
  bool allows(Action action, std::string_view topic) const;

  const std::vector<AclRule>& rules() const { return rules_; }

 private:
  std::vector<AclRule> rules_;
};

}  // namespace jwt
