#include "emqx_ws/listener.hpp"

namespace ws {

keel::Status Listener::open(keel::Host& host) {
  const SettingsPtr wanted = settings();
  const keel::Tls tls = wanted->tls();
  keel::TcpListenOptions options{.address = wanted->address};
  options.name = wanted->name;
  options.proto = wanted->secure ? "mqtt:wss" : "mqtt:ws";
  options.tls = wanted->secure ? &tls : nullptr;
  options.proxy_protocol = wanted->proxy_protocol;
  options.allow_anonymous = wanted->allow_anonymous;
  options.backlog = wanted->backlog;
  options.max_connections = wanted->max_connections;
  options.connect_rate = wanted->connect_rate;
  options.send_timeout_ms = wanted->send_timeout_ms;
  const keel::Status status =
      host.tcp()
          .listen(options, [current = current_, accept = accept_, plugin = plugin_](
                               const keel::TcpInfo&) { return accept(plugin, current->get()); })
          .into(socket_);
  if (status) return status;
  return host.config().fail(keel::concat(wanted->prefix, ".bind").c_str(), status.text());
}

}  // namespace ws
