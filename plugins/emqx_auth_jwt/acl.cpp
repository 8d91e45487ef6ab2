#include "emqx_auth_jwt/acl.hpp"

#include "keel/text.hpp"
#include "keel/topic_filter.hpp"

namespace jwt {

namespace {

namespace json = boost::json;
using keel::concat;

bool is_plain_level(std::string_view text) {
  return !text.empty() && text.find_first_of("/+#") == std::string_view::npos;
}

// Collects the rules of a claim; `why` says what is wrong with it.
class Reader {
 public:
  Reader(const Asker& asker, std::string& why) : asker_(asker), why_(why) {}

  bool read_lists(const json::object& lists) {
    for (const auto& [name, filters] : lists) {
      Action action{};
      if (name == "pub") {
        action = Action::publish;
      } else if (name == "sub") {
        action = Action::subscribe;
      } else if (name == "all") {
        action = Action::all;
      } else {
        return fail("it has a member that is none of pub, sub, all");
      }
      const json::array* const list = filters.if_array();
      if (!list) return fail("pub, sub and all must be lists of topic filters");
      for (const json::value& filter : *list) {
        if (!add(true, action, filter)) return false;
      }
    }
    return true;
  }

  bool read_rules(const json::array& list) {
    for (const json::value& rule : list) {
      const json::object* const members = rule.if_object();
      if (!members || members->size() != 3) {
        return fail("a rule must have permission, action and topic, and nothing else");
      }
      const json::string* const permission = text_member(*members, "permission");
      const json::string* const what = text_member(*members, "action");
      const json::value* const topic = members->if_contains("topic");
      if (!permission || (*permission != "allow" && *permission != "deny")) {
        return fail("a rule's permission is neither allow nor deny");
      }
      Action action{};
      if (!what || !topic || !read_action(*what, action)) {
        return fail("a rule's action is none of publish, subscribe, all, or it has no topic");
      }
      if (!add(*permission == "allow", action, *topic)) return false;
    }
    return true;
  }

  std::vector<AclRule> rules;

 private:
  static bool read_action(const json::string& name, Action& out) {
    if (name == "publish") return out = Action::publish, true;
    if (name == "subscribe") return out = Action::subscribe, true;
    if (name == "all") return out = Action::all, true;
    return false;
  }

  bool add(bool allow, Action action, const json::value& filter) {
    if (!filter.is_string()) return fail("a topic filter is no text");
    if (rules.size() == Acl::kMaxRules) {
      return fail(concat("it has more than ", Acl::kMaxRules, " rules"));
    }
    const std::string_view written = view(filter.get_string());
    if (written.find("%u") != std::string_view::npos &&
        !(asker_.has_username && is_plain_level(asker_.username))) {
      return fail("it names %u, and the client has no user name that is one level of a topic");
    }
    if (written.find("%c") != std::string_view::npos && !is_plain_level(asker_.client_id)) {
      return fail("it names %c, and the client id is not one level of a topic");
    }
    auto text = fill_in(written, asker_, Acl::kMaxText - text_);
    if (!text) return fail(concat("its filters have more than ", Acl::kMaxText, " bytes"));
    if (!keel::is_topic_filter(*text)) return fail("a topic filter is not well formed");
    text_ += text->size();
    rules.push_back({allow, action, std::move(*text)});
    return true;
  }

  bool fail(std::string text) {
    why_ = std::move(text);
    return false;
  }

  const Asker& asker_;
  std::string& why_;
  std::size_t text_ = 0;
};

bool includes(Action rule, Action asked) {
  return (static_cast<unsigned>(rule) & static_cast<unsigned>(asked)) != 0;
}

}  // namespace

std::optional<Acl> Acl::read(const json::value& claim, const Asker& asker, std::string& why) {
  Reader reader(asker, why);
  bool good = false;
  if (const auto* const lists = claim.if_object()) {
    good = reader.read_lists(*lists);
  } else if (const auto* const list = claim.if_array()) {
    good = reader.read_rules(*list);
  } else {
    why = "it is neither a JSON object nor a list";
  }
  if (!good) return std::nullopt;
  return Acl(std::move(reader.rules));
}

bool Acl::allows(Action action, std::string_view topic) const {
  for (const AclRule& rule : rules_) {
    if (!includes(rule.action, action)) continue;
    if (rule.allow ? keel::filter_covers(rule.filter, topic)
                   : keel::filters_overlap(rule.filter, topic))
      return rule.allow;
  }
  return false;
}

}  // namespace jwt
