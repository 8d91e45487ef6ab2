#include "emqx_sn/predefined.hpp"

#include <algorithm>

namespace sn {

bool Predefined::add(std::string_view client, std::uint16_t id, std::string_view topic) {
  if (id == 0 || id == 0xffff) return false;
  auto names = names_.find(client);
  if (names == names_.end()) {
    names = names_.emplace(client, decltype(names_)::mapped_type()).first;
  }
  const auto [at, fresh] = names->second.emplace(id, topic);
  if (!fresh) return at->second == topic;
  max_id_ = std::max(max_id_, id);
  return true;
}

const std::string* Predefined::name(std::string_view client, std::uint16_t id) const {
  const auto among = [&](std::string_view of) -> const std::string* {
    const auto names = names_.find(of);
    if (names == names_.end()) return nullptr;
    const auto at = names->second.find(id);
    return at == names->second.end() ? nullptr : &at->second;
  };
  const std::string* const own = client.empty() ? nullptr : among(client);
  return own ? own : among({});
}

}  // namespace sn
