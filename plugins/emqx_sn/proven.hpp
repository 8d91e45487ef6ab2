// Admits DTLS clients whose user name is the common name of their certificate, when nothing else
// decides: for the broker a user name without a password that nobody knows is a wrong one, but this
// one has been proved. [control]; asked on shards.
#pragma once

#include <keel/host.hpp>
#include <string_view>

#include "emqx_sn/settings.hpp"

namespace sn {

class Proven {
 public:
  // As the settings want it from now on.
  keel::Status use(keel::Host& host, const GatewaySettings& settings) {
    bool wanted = false;
    for (const ListenerSettings& listener : settings.listeners) {
      wanted = wanted || (listener.dtls && listener.dtls->identity == Identity::cn);
    }
    if (!wanted) hook_.reset();
    if (!wanted || hook_) return {};
    return host.hooks().on_authenticate(kLast, &Proven::judge).into(hook_);
  }

 private:
  static constexpr std::int32_t kLast = -1'000'000'000;

  static keel::AuthVerdict judge(const keel::AuthRequest& request) {
    const keel::Client client = request.client();
    const std::string_view cn = client.verified().cn();
    const bool proven = client.listener().starts_with("emqx_sn:dtls:") && !cn.empty() &&
                        client.username() == cn && !client.has_password();
    if (proven) return keel::Allow{};
    return keel::Next{};
  }

  keel::Hook hook_;
};

}  // namespace sn
