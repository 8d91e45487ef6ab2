// emqx_auth_clientid: clients prove who they are by client id and password. All but the settings is
// in plugins/user_store.
#include "user_store/user_plugin.hpp"

namespace {

constexpr user_store::Flavor kFlavor{.prefix = "auth.client",
                                     .key = "clientid",
                                     .command = "clientid",
                                     .noun = "client id",
                                     .file = "clientids.txt",
                                     .by_client_id = true,
                                     .scram = false};

class AuthClientid final : public user_store::UserPlugin {
 public:
  explicit AuthClientid(keel::Host& host) : UserPlugin(host, kFlavor) {}

  static constexpr keel::Setting settings[] = {USER_STORE_SETTINGS("auth.client", "clientid")};
};

}  // namespace

KEEL_PLUGIN(AuthClientid, "emqx_auth_clientid", "1.0.0",
            "Authentication by client id and password");
