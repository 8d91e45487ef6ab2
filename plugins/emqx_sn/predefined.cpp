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

std::uint16_t Predefined::id(std::string_view client, std::string_view topic) const {
  const auto among = [&](std::string_view of) -> std::uint16_t {
    const auto names = names_.find(of);
    if (names == names_.end()) return 0;
    for (const auto& [id, name] : names->second) {
      // An id that means something else to this client will not do.
      if (name == topic && *this->name(client, id) == topic) return id;
    }
    return 0;
  };
  const std::uint16_t own = client.empty() ? std::uint16_t{0} : among(client);
  return own != 0 ? own : among({});
}

}  // namespace sn
