// What the settings say, as a whole. Read on the control thread; immutable from then on, replaced
// by a reload; any thread.
#pragma once

#include <cstdint>
#include <keel/address.hpp>
#include <keel/config.hpp>
#include <keel/tls.hpp>
#include <keel/udp.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emqx_sn/client.hpp"

namespace sn {

// What of a DTLS peer's identity becomes the user name of its clients.
enum class Identity : std::uint8_t { none, psk, cn };

struct DtlsSettings {
  std::string section;  // of keel.conf; else the files
  std::string certfile, keyfile, key_password, cafile, pskfile, psk_hint, ciphers;
  keel::Verify verify = keel::Verify::none;
  std::uint32_t max_sessions = 0, session_timeout_s = 0;
  Identity identity = Identity::none;

  keel::Tls tls() const;  // views into this
  friend bool operator==(const DtlsSettings&, const DtlsSettings&) = default;
};

// One address to listen on.
struct ListenerSettings {
  std::string name;     // "sn:default", "sn:1" of mqtt.sn.listener.1, "sn:dtls"
  std::string key;      // where it stands, to report what is wrong with it: "mqtt.sn.port"
  std::string address;  // as UdpOptions take it
  std::uint32_t recv_buffer = 0;
  std::optional<DtlsSettings> dtls;  // none: plain

  // For a bind on every shard; `tls` is dtls->tls(), or null. Views into this.
  keel::UdpOptions options(const keel::Tls* tls) const;
  // Whether a socket bound for `other` will do.
  friend bool operator==(const ListenerSettings&, const ListenerSettings&) = default;
};

// How the gateway makes itself known.
struct DiscoverySettings {
  std::uint32_t period_s = 900;                 // 0: nothing is advertised
  bool broadcast = true;                        // to the broadcast addresses of the interfaces,
  std::vector<keel::Address> instead = {};      // or, where there are any, to these; port 0
  std::optional<keel::Address> multicast = {};  // and to this group, which is joined; port 0
};

struct GatewaySettings {
  std::vector<ListenerSettings> listeners;  // at least one
  std::uint8_t gateway_id = 1;
  std::optional<bool> allow_anonymous;            // unset: on loopback only
  std::optional<std::string> username, password;  // of all clients; password never without username
  bool qos_neg1 = false;                          // mqtt.sn.enable_qos3
  bool forwarder = true;                          // encapsulated messages are read
  bool rebind = true;                             // a sleeping client may poll from another address
  std::uint32_t max_connections = 100'000;  // of clients that are not away; more are refused with 1
  std::uint32_t connect_rate = 0;           // CONNECTs per second of clients that are new; 0: any
  bool persist = true;                      // clients are known again after a restart of the broker
  DiscoverySettings discovery;
  std::shared_ptr<const ClientSettings> clients;
};
using SettingsPtr = std::shared_ptr<const GatewaySettings>;

// An error has been reported with its place in the file. [control]
keel::Result<SettingsPtr> read_settings(const keel::Config& config);

}  // namespace sn
