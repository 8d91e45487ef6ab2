// What the settings say, as a whole. Read on the control thread; immutable from then on, replaced
// by a reload; any thread.
#pragma once

#include <cstdint>
#include <keel/config.hpp>
#include <keel/tls.hpp>
#include <keel/udp.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emqx_lwm2m/device/device.hpp"

namespace lwm2m {

enum class EndpointMatch : std::uint8_t { none, cn, psk_identity };

struct DtlsSettings {
  std::string section;  // of keel.conf; else the files
  std::string certfile, keyfile, key_password, cafile, pskfile, ciphers;
  keel::Verify verify = keel::Verify::none;
  std::uint32_t max_sessions = 0, session_timeout_s = 0;
  EndpointMatch match = EndpointMatch::none;

  keel::Tls tls() const;  // views into this
  friend bool operator==(const DtlsSettings&, const DtlsSettings&) = default;
};

// One address to listen on, see keel/udp_listeners.hpp.
struct ListenerSettings {
  std::string name;     // "lwm2m:udp", "lwm2m:dtls", "lwm2m:udp:1" of lwm2m.bind.udp.1
  std::string key;      // where it stands, to report what is wrong with it
  std::string address;  // as UdpOptions take it
  std::uint32_t recv_buffer = 0;
  std::optional<DtlsSettings> dtls;  // none: plain

  // For a bind on every shard; `tls` is dtls->tls(), or null. Views into this.
  keel::UdpOptions options(const keel::Tls* tls) const;
  // Whether a socket bound for `other` will do.
  friend bool operator==(const ListenerSettings&, const ListenerSettings&) = default;
};

// Templates with %e (endpoint) and %a (address of the peer), whole: with the mountpoint. Those of
// commands have %e once, as a level of its own, and no %a. Nothing that is published on one of the
// others can arrive at those of commands.
struct TopicSettings {
  std::string command, response, notify, registered, updated, deregistered;
  // The pair dn/# and up/resp, up/notify; `v3_command` empty: off, or the same as `command`.
  std::string v3_command, v3_response;
  std::uint8_t qos = 0;

  friend bool operator==(const TopicSettings&, const TopicSettings&) = default;
};

struct GatewaySettings {
  std::vector<ListenerSettings> listeners;        // at least one
  std::optional<bool> allow_anonymous;            // unset: on loopback only
  std::optional<std::string> username, password;  // of all devices
  TopicSettings topics;
  std::uint32_t max_devices = 1'024'000;
  std::uint32_t register_rate = 0;  // new registrations a second on a shard; 0: any
  std::uint32_t max_command_size = 16u << 20;
  bool persist = true;
  std::shared_ptr<const DeviceSettings> devices;
  // What the operator should hear when these come into force, a line each.
  std::vector<std::string> notices, warnings;
};
using SettingsPtr = std::shared_ptr<const GatewaySettings>;

// lwm2m.xml_dir, absolute: what load_objects() takes. [control]
std::string xml_directory(const keel::Config& config);

// An error has been reported with its place in the file. `definitions`: of xml_directory(), loaded
// before. [control]
keel::Result<SettingsPtr> read_settings(const keel::Config& config, DefinitionsPtr definitions);

}  // namespace lwm2m
