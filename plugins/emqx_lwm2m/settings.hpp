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
  EndpointMatch match = EndpointMatch::none;

  keel::Tls tls() const;  // views into this
  friend bool operator==(const DtlsSettings&, const DtlsSettings&) = default;
};

struct ListenerSettings {
  std::string name;     // "lwm2m:udp", "lwm2m:dtls", "lwm2m:udp:1" of lwm2m.bind.udp.1
  std::string key;      // where it stands, to report what is wrong with it
  std::string address;  // as UdpOptions take it
  std::uint32_t recv_buffer = 0, send_buffer = 0;
  std::optional<DtlsSettings> dtls;  // none: plain
  // The one of certfile/keyfile: bad files switch it off with an error line, the rest goes on.
  bool optional_dtls = false;

  keel::UdpOptions options(const keel::Tls* tls) const;
  friend bool operator==(const ListenerSettings&, const ListenerSettings&) = default;
};

// Templates with %e (endpoint) and %a (address of the peer), whole: with the mountpoint.
struct TopicSettings {
  std::string command, response, notify, registered, updated, deregistered;
  // The pair dn/# and up/resp, up/notify; `v3_command` empty: off, or the same as `command`.
  std::string v3_command, v3_response;
  std::uint8_t qos = 0;

  friend bool operator==(const TopicSettings&, const TopicSettings&) = default;
};

struct GatewaySettings {
  std::vector<ListenerSettings> listeners;
  std::optional<std::string> username, password;  // of all devices
  TopicSettings topics;
  std::uint32_t max_devices = 1'024'000;
  std::uint32_t register_rate = 0;  // new registrations a second on a shard; 0: any
  std::uint32_t max_command_size = 16u << 20;
  bool persist = true;
  std::string xml_dir;
  std::shared_ptr<const DeviceSettings> devices;
};
using SettingsPtr = std::shared_ptr<const GatewaySettings>;

// An error has been reported with its place in the file. `definitions`: of xml_dir, loaded before.
// [control]
keel::Result<SettingsPtr> read_settings(const keel::Config& config, DefinitionsPtr definitions);

}  // namespace lwm2m
