#include "tcp_peer.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace keel::test {
namespace {

TcpPlugin::Conn& conn_of(void* ctx) { return *static_cast<TcpPlugin::Conn*>(ctx); }

void* opened(void* ctx, keel_handle handle, const keel_tcp_info* info) {
  auto& plugin = *static_cast<TcpPlugin*>(ctx);
  auto* const conn = new TcpPlugin::Conn{&plugin, handle, {}};
  {
    const std::lock_guard lock(plugin.mutex);
    plugin.conns[handle] = conn;
    plugin.listener_name = view(info->listener);
    plugin.peer = info->peer;
    if (info->verified) plugin.identity = view(info->verified->psk_identity);
  }
  plugin.last = handle;
  if (plugin.on_opened) plugin.on_opened(*conn);
  ++plugin.opened;
  return conn;
}

std::size_t data(void* ctx, keel_handle handle, keel_str bytes) {
  auto& conn = conn_of(ctx);
  TcpPlugin& plugin = *conn.plugin;
  ++plugin.calls;
  if (plugin.on_data) return plugin.on_data(conn, view(bytes));
  conn.seen += view(bytes);
  if (plugin.echo) CHECK(plugin.write(handle, view(bytes)) == KEEL_OK);
  return bytes.size;
}

void drained(void* ctx, keel_handle) {
  auto& conn = conn_of(ctx);
  if (conn.plugin->on_drained) conn.plugin->on_drained(conn);
  ++conn.plugin->drained;
}

}  // namespace

// `closed` of a connect() that failed has the context of connect(), the plugin; told apart by the
// handle.
static std::mutex connecting_mutex;
static std::map<keel_handle, TcpPlugin*> connecting;

static void closed(void* ctx, keel_handle handle, std::uint32_t reason, keel_str detail) {
  TcpPlugin* plugin = nullptr;
  {
    const std::lock_guard lock(connecting_mutex);
    const auto made = connecting.find(handle);
    if (made != connecting.end() && made->second == ctx) plugin = made->second;
  }
  TcpPlugin::Conn* conn = nullptr;
  if (!plugin) {
    if (!ctx) throw std::logic_error("closed without a context");
    conn = &conn_of(ctx);
    plugin = conn->plugin;
    if (plugin->on_closed) plugin->on_closed(*conn);
  }
  {
    const std::lock_guard lock(plugin->mutex);
    plugin->conns.erase(handle);
    plugin->detail = view(detail);
  }
  delete conn;
  plugin->reason = reason;
  ++plugin->closed;
}

TcpPlugin::~TcpPlugin() {
  for (const auto& [handle, conn] : conns) delete conn;
  const std::lock_guard lock(connecting_mutex);
  connecting.erase(made);
}

keel_tcp_callbacks TcpPlugin::callbacks() {
  return {.size = sizeof(keel_tcp_callbacks),
          .reserved = 0,
          .opened = keel::test::opened,
          .data = keel::test::data,
          .drained = keel::test::drained,
          .closed = keel::test::closed};
}

keel_status TcpPlugin::listen(std::string address, const keel_tls_options* tls) {
  keel_tcp_listen_options options{};
  options.size = sizeof options;
  options.flags = flags;
  options.address = str(address);
  options.name = str(name);
  options.proto = str("gate:tcp");
  options.tls = tls;
  const keel_tcp_callbacks called = callbacks();
  return tables::tcp.listen(slot.host(), &options, &called, this, &listener);
}

keel_status TcpPlugin::connect(std::uint16_t port, const keel_tls_options* tls, std::string host) {
  keel_tcp_connect_options options{};
  options.size = sizeof options;
  options.shard = shard;
  options.host = str(host);
  options.port = port;
  options.tls = tls;
  const keel_tcp_callbacks called = callbacks();
  const std::lock_guard lock(connecting_mutex);
  const keel_status status = tables::tcp.connect(slot.host(), &options, &called, this, &made);
  if (status == KEEL_OK) connecting[made] = this;
  return status;
}

int TcpPlugin::adopt_all(TcpPlugin& old) {
  const keel_tcp_callbacks called = callbacks();
  int n = 0;
  for (const auto& [handle, conn] : std::exchange(old.conns, {})) {
    CHECK(tables::tcp.adopt(slot.host(), handle, &called, conn) == KEEL_OK);
    conn->plugin = this;
    conns[handle] = conn;
    ++n;
  }
  return n;
}

std::uint16_t TcpPlugin::port() const {
  keel_addr addr{};
  REQUIRE(tables::tcp.local(slot.host(), listener, &addr) == KEEL_OK);
  return addr.port;
}

keel_status TcpPlugin::write(keel_handle conn, std::string_view bytes) const {
  const keel_str piece = str(bytes);
  return tables::tcp.write(slot.host(), conn, &piece, 1);
}

TcpPeer::TcpPeer(std::uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval deadline{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) close();
}

bool TcpPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string TcpPeer::receive(std::size_t size) {
  std::string got(size, '\0');
  std::size_t at = 0;
  while (at < size) {
    const ssize_t n = ::recv(fd_, got.data() + at, size - at, 0);
    if (n <= 0) break;
    at += static_cast<std::size_t>(n);
  }
  got.resize(at);
  return got;
}

void TcpPeer::end_output() { ::shutdown(fd_, SHUT_WR); }

void TcpPeer::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace keel::test
