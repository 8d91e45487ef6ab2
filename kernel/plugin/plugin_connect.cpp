// How a plugin's connection is made.
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_connection.hpp"

namespace keel::kernel {

Result<ConnectTarget> connect_target(const Slot& slot, const keel_tcp_connect_options& options) {
  ConnectTarget target;
  target.options.host = view(options.host);
  target.options.port = options.port;
  target.options.server_name = view(options.server_name);
  target.options.timeout_ms = options.timeout_ms != 0 ? options.timeout_ms : 10'000;
  target.options.send_timeout_ms = slot.runtime().realm().settings()->limits.send_timeout_ms;
  if (options.host.size == 0 || options.host.size > 255 || options.port == 0)
    return Error{"a host of at most 255 bytes and a port are needed"};
  if (target.options.host.find('\0') != std::string::npos ||
      target.options.server_name.find('\0') != std::string::npos)
    return Error{"there is a zero byte in the host's name"};
  if (!options.tls) return target;
  auto tls = read_plugin_tls(slot, *options.tls);
  if (!tls) return Error{tls.error()};
  target.tls = std::move(*tls);
  return target;
}

void PluginConnection::start_connecting() {
  state_ = State::connecting;
  const ConnectTarget& target = *rare().target;
  if (!target.tls) return connect(nullptr);
  if (auto context = slot().client_tls.find(*target.tls)) return connect(std::move(context));
  load_tls();
}

// Reads files: not here. The answer finds this object by its handle, if it is still there.
void PluginConnection::load_tls() {
  auto job = [&runtime = slot().runtime(), &home = home(), handle = handle(),
              tls = *rare().target->tls] {
    TlsOptions options;
    options.role = TlsRole::client;
    options.check_server = tls.check_server;
    auto context = TlsContext::load(tls.name, tls.settings, std::move(options));
    home.post([&runtime, handle, context = std::move(context)] {
      if (HostObject* found = runtime.handles().find(handle, ObjectKind::connection))
        static_cast<PluginConnection*>(found)->on_tls(context);
    });
  };
  if (!slot().runtime().workers().submit(std::move(job)))
    fail_to_connect(KEEL_CLOSE_ERROR, "too many jobs wait for the worker threads");
}

void PluginConnection::on_tls(const Result<std::shared_ptr<TlsContext>>& context) {
  if (state_ != State::connecting) return;
  if (!context) return fail_to_connect(KEEL_CLOSE_TLS, context.error());
  slot().client_tls.keep(*rare().target->tls, *context);
  connect(*context);
}

void PluginConnection::connect(std::shared_ptr<TlsContext> tls) {
  const std::unique_ptr<ConnectTarget> target = std::move(rare().target);
  target->options.tls = std::move(tls);
  rare().connector = std::make_unique<Connector>(
      home().shard(), slot().runtime().workers(), std::move(target->options),
      [this](Link& link) {
        auto end = std::make_unique<ConnectionEnd>(link, *this);
        end_ = end.get();
        return end;
      },
      [this](const Connector::Outcome& outcome) { on_connected(outcome); });
}

// Destroys the connector, and with it the function this is called from: nothing of it is used.
void PluginConnection::on_connected(const Connector::Outcome& outcome) {
  if (!outcome.link)
    return fail_to_connect(
        outcome.cause == CloseCause::handshake ? KEEL_CLOSE_TLS : KEEL_CLOSE_ERROR, outcome.error);
  rare().connector.reset();
  if (!end_) return;  // it went at once; on_link_closed() has said so
  if (rare_->fault.empty()) rare_.reset();
  state_ = State::waiting;
  go_on();
}

void PluginConnection::fail_to_connect(std::uint32_t reason, std::string detail) {
  Rare& end = rare();
  end.connector.reset();
  end.target.reset();
  state_ = State::ended;
  end.reason = reason;
  end.detail = std::move(detail);
  if (callable()) finish();
}

}  // namespace keel::kernel
