// For the system test: lets every client in that gives a user name; "root" is a super user.
#include <keel/plugin.hpp>

namespace {

class Admit final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  keel::Status start() override {
    return host().hooks().on_authenticate(
        0, [](const keel::AuthRequest& request) -> keel::AuthVerdict {
          if (!request.client().has_username()) return keel::Next{};
          return keel::Allow{.superuser = request.client().username() == "root"};
        });
  }
};

}  // namespace

KEEL_PLUGIN(Admit, "acl_admit", "1.0.0", "Lets everybody in, for tests");
