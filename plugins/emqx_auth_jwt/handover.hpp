// What one version of the plugin hands to the next in an upgrade: the rules of clients that are
// connected, and the key set as it was fetched last. Values; [control].
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emqx_auth_jwt/acl.hpp"
#include "keel/address.hpp"

namespace jwt {

struct Handover {
  struct Grant {
    std::string client_id;
    keel::Address peer;
    std::vector<AclRule> rules;
  };
  std::string key_set_from = {}, key_set = {};  // empty: none
  std::vector<Grant> grants = {};

  std::string write() const;
  // False: the text is none of write()'s.
  bool read(std::string_view text);
};

}  // namespace jwt
