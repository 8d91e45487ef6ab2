// `ctl jwt ...` [control]
#pragma once

#include <functional>

#include "emqx_auth_jwt/options.hpp"

namespace jwt {

keel::Status add_commands(keel::Host& host, std::function<PolicyPtr()> policy);

}  // namespace jwt
