// @NAME@: decides by user name and password who may connect.
#include <keel/plugin.hpp>
#include <map>
#include <string>

namespace {

// Takes as long whatever the words have in common.
bool same(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

class Authenticator final : public keel::Plugin {
 public:
  static constexpr keel::Setting settings[] = {
      keel::string("users.*", nullptr, "The password of a user").secret(),
  };

  using Plugin::Plugin;

  keel::Status start() override {
    users_.clear();
    for (const std::string& name : host().config().keys("users")) {
      users_[name] = host().config().text(keel::concat("users.", name).c_str());
    }
    return host().hooks().on_authenticate(
        0, [this](const keel::AuthRequest& request) { return check(request); });
  }

 private:
  // Runs on every shard, several at a time, and must not block. For what takes time, such as asking
  // a server: answer keel::Pending{} and let request.ticket() tell later.
  keel::AuthVerdict check(const keel::AuthRequest& request) const {
    const auto user = users_.find(request.client().username());
    if (user == users_.end()) return keel::Next{};
    if (!same(user->second, request.password())) return keel::Deny{0x86};
    return keel::Allow{};
  }

  std::map<std::string, std::string, std::less<>> users_;
};

}  // namespace

KEEL_PLUGIN(Authenticator, "@NAME@", KEEL_PLUGIN_VERSION, "Checks user names and passwords");
