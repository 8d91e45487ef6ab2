#include "emqx_acl/request.hpp"

#include <algorithm>

namespace emqx_acl {
namespace {

Name name(std::string_view text, bool there) {
  if (!there) return {};
  const bool fits = !text.empty() && text.find_first_of("/+#") == std::string_view::npos;
  return {text, fits ? Name::State::usable : Name::State::unusable};
}

}  // namespace

Names::Names(const Who& who)
    : user(name(who.username, who.has_username)),
      client(name(who.client_id, true)),
      cn(who.away ? Name{{}, Name::State::unknown} : name(who.cn, !who.cn.empty())) {}

Topic::Topic(std::string_view text) : text_(text) {
  const auto depth = static_cast<std::size_t>(std::count(text.begin(), text.end(), '/')) + 1;
  std::string_view* at = few_.data();
  if (depth > few_.size()) {
    many_.resize(depth);
    at = many_.data();
  }
  levels_ = {at, depth};
  for (std::size_t i = 0; i < depth; ++i) {
    const std::size_t slash = text.find('/');
    at[i] = text.substr(0, slash);
    if (slash != std::string_view::npos) text.remove_prefix(slash + 1);
  }
}

}  // namespace emqx_acl
