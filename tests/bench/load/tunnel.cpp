#include "tunnel.hpp"

namespace keel::load {

std::unique_ptr<Tunnel> make_tunnel(TunnelKind kind) {
  switch (kind) {
    case TunnelKind::websocket:
      return make_websocket();
    case TunnelKind::tls:
      return make_tls();
    case TunnelKind::none:
      break;
  }
  return nullptr;
}

}  // namespace keel::load
