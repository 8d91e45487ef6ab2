// Snapshots of clients and sessions for commands and tables. Views are valid during the call they
// are passed to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernel/base/endpoint.hpp"
#include "kernel/codec/packet.hpp"
#include "kernel/net/link.hpp"

namespace keel::kernel {

struct ConnectionInfo {
  std::string_view client_id, username;  // username empty: none
  std::string peer;                      // "ip:port"
  Endpoint endpoint;
  std::string_view listener;
  std::string_view protocol = "mqtt";  // what the client itself speaks
  Version version{};                   // of MQTT, also where a gateway speaks it for the client
  bool speaks_mqtt() const { return protocol == "mqtt"; }
  bool clean_start = true, has_password = false;
  std::uint16_t keep_alive_s = 0;
  std::int64_t connected_at_s = 0;               // Unix time
  std::string tls;                               // "TLSv1.3 TLS_AES_..."; empty: plain
  const PeerInfo::Verified* verified = nullptr;  // what TLS proved
  std::size_t output_bytes = 0;                  // not sent yet
  bool suspended = false;                        // it sleeps: its messages wait
};

struct SessionInfo {
  std::string_view client_id;
  bool clean_start = true, connected = false;
  std::uint32_t expiry_s = 0;
  std::size_t unsent = 0;  // of `inflight`: wait to be sent again
  std::size_t subscriptions = 0, inflight = 0, queued = 0, queued_bytes = 0, awaiting_rel = 0;
  std::uint32_t max_inflight = 0, dropped = 0, delivered = 0, enqueued = 0;
  std::int64_t created_at_s = 0;
};

struct SubscriptionInfo {
  std::string_view client_id;
  std::string filter;
  std::uint8_t qos = 0;
  bool no_local = false, retain_as_published = false;
  std::uint32_t subscription_id = 0;
};

}  // namespace keel::kernel
