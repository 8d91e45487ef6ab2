// emqx_auth_username: clients prove who they are by user name and password, or by SCRAM-SHA-256.
// All but the settings is in plugins/user_store.
#include "user_store/user_plugin.hpp"

namespace {

constexpr user_store::Flavor kFlavor{.prefix = "auth.user",
                                     .key = "username",
                                     .command = "users",
                                     .noun = "user",
                                     .file = "users.txt",
                                     .by_client_id = false,
                                     .scram = true};

class AuthUsername final : public user_store::UserPlugin {
 public:
  explicit AuthUsername(keel::Host& host) : UserPlugin(host, kFlavor) {}

  static constexpr keel::Setting settings[] = {
      USER_STORE_SETTINGS("auth.user", "username"),
      keel::boolean("auth.user.scram", false, "Offers SCRAM-SHA-256, and stores what that needs"),
      keel::integer("auth.user.scram_iterations", 100'000, "What a guess of a SCRAM password costs")
          .between(4096, 10'000'000),
  };
};

}  // namespace

KEEL_PLUGIN(AuthUsername, "emqx_auth_username", "1.0.0",
            "Authentication by user name and password");
