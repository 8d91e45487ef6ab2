// What may stand between MQTT and the socket: WebSocket or TLS, from the client's side.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace keel::load {

enum class TunnelKind : std::uint8_t { none, websocket, tls };

// Of one connection. It does no I/O: what is to be sent is appended to `out`.
class Tunnel {
 public:
  virtual ~Tunnel() = default;

  virtual void begin(std::string& out) = 0;
  // True once seal() may be called.
  virtual bool ready() const = 0;
  virtual void seal(std::string_view mqtt, std::string& out) = 0;
  // Takes what the socket had; appends MQTT to `mqtt`, and what the tunnel itself has to answer to
  // `out`. Words: it cannot go on.
  virtual const char* unseal(std::string_view bytes, std::string& mqtt, std::string& out) = 0;
};

std::unique_ptr<Tunnel> make_websocket();
std::unique_ptr<Tunnel> make_tls();

// Null for `none`.
std::unique_ptr<Tunnel> make_tunnel(TunnelKind kind);

}  // namespace keel::load
