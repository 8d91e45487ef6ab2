// Tables that plugins offer one another, see services/1. [control]
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/plugin/host_object.hpp"

namespace keel::kernel {

class Services {
 public:
  struct Offer {
    const Slot* provider;
    const void* table;
    std::vector<const Slot*> users;
  };

  bool add(const std::string& id, const Slot& provider, const void* table);  // false: exists
  void remove(const std::string& id) { offers_.erase(id); }
  Offer* find(const std::string& id);
  // The plugin goes: it uses nothing any more.
  void forget_user(const Slot& user);
  // The names of those that use something of `provider`.
  std::vector<std::string> users_of(const Slot& provider) const;

 private:
  std::map<std::string, Offer> offers_;
};

}  // namespace keel::kernel
