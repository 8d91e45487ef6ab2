#include "kernel/plugin/services.hpp"

#include <algorithm>

#include "kernel/plugin/slot.hpp"

namespace keel::kernel {

bool Services::add(const std::string& id, const Slot& provider, const void* table) {
  return offers_.try_emplace(id, Offer{&provider, table, {}}).second;
}

Services::Offer* Services::find(const std::string& id) {
  const auto found = offers_.find(id);
  return found != offers_.end() ? &found->second : nullptr;
}

void Services::forget_user(const Slot& user) {
  for (auto& [id, offer] : offers_) std::erase(offer.users, &user);
}

std::vector<std::string> Services::users_of(const Slot& provider) const {
  std::vector<std::string> names;
  for (const auto& [id, offer] : offers_) {
    if (offer.provider != &provider) continue;
    for (const Slot* user : offer.users)
      if (std::ranges::find(names, user->name()) == names.end()) names.push_back(user->name());
  }
  return names;
}

}  // namespace keel::kernel
