#include "kernel/plugin/client_view.hpp"

#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {

ClientView::ClientView(const HookClient& client) {
  c.size = sizeof c;
  c.version = static_cast<std::uint8_t>(client.version);
  c.clean_start = client.clean_start ? 1 : 0;
  c.has_username = client.has_username ? 1 : 0;
  c.has_password = client.has_password ? 1 : 0;
  c.client_id = str(client.client_id);
  c.username = str(client.username);
  c.protocol = str("mqtt");
  c.keep_alive_s = client.keep_alive_s;
  c.session_expiry_s = client.session_expiry_s;
  if (!client.peer) return;
  c.peer = to_addr(client.peer->endpoint);
  if (const auto& listener = client.peer->listener) {
    c.listener = str(listener->settings.name);
    c.protocol = str(listener->protocol);
  }
  if (const auto& verified = client.peer->verified) {
    verified_ = to_verified(*verified);
    c.verified = &verified_;
  }
}

}  // namespace keel::kernel
