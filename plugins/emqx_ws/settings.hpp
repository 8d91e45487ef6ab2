// What one listener is told by the settings. Read on the control thread; immutable from then on.
#pragma once

#include <keel/config.hpp>
#include <keel/settings.hpp>
#include <keel/tls.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emqx_ws/forwarded.hpp"
#include "emqx_ws/upgrade.hpp"

namespace ws {

struct ListenerSettings {
  std::string name;    // "ws:external"
  std::string prefix;  // of its keys: "listener.ws.external"
  std::string address;
  bool secure = false;
  std::string tls_section, certfile, keyfile, key_password, cafile, ciphers;
  keel::Verify verify = keel::Verify::none;
  bool proxy_protocol = false;
  std::optional<bool> allow_anonymous;  // unset: on loopback only
  std::uint32_t max_connections = 0, connect_rate = 0, backlog = 0, send_timeout_ms = 0;

  UpgradePolicy upgrade;
  TrustedProxies trusted;
  std::uint32_t upgrade_timeout_s = 10, idle_timeout_s = 60;
  std::uint64_t max_request = 8192, max_frame = 0;

  bool has_certificate() const { return !tls_section.empty() || !certfile.empty(); }
  keel::Tls tls() const;  // views into this
  // Whether a socket bound for `other` will do.
  bool same_socket(const ListenerSettings& other) const;
};
using SettingsPtr = std::shared_ptr<const ListenerSettings>;

// All listeners that the settings name, or the two that there are when they name none.
keel::Result<std::vector<SettingsPtr>> read_listeners(const keel::Config& config);
// Those of one that is not named any more but has connections.
SettingsPtr default_listener(std::string_view name);

}  // namespace ws
