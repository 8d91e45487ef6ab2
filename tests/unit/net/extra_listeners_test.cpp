#include "kernel/net/extra_listeners.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "pki.hpp"
#include "server.hpp"

using namespace keel::test;

namespace {

// Says its version to whoever connects, then counts what comes.
class Greeter final : public LinkHandler {
 public:
  Greeter(Link& link, std::string greeting) : link_(link), greeting_(std::move(greeting)) {}
  void on_open() override {
    link_.out.append(greeting_);
    link_.touch();
  }
  std::size_t on_data(std::string_view data) override { return data.size(); }
  void on_drained() override {}
  void on_closed(CloseCause, std::string_view) override {}

 private:
  Link& link_;
  std::string greeting_;
};

ExtraListener greeter(const std::string& name, const std::string& bind,
                      const std::string& greeting) {
  ExtraListener listener;
  listener.settings.name = name;
  listener.settings.bind = bind;
  listener.proto = "mqtt:ws";
  listener.owner = "emqx_ws";
  listener.factory = [greeting](Link& link) { return std::make_unique<Greeter>(link, greeting); };
  return listener;
}

ListenerId add(Server& server, ExtraListener listener) {
  const auto id = server.listeners.extra().add(std::move(listener));
  REQUIRE_MESSAGE(id, (id ? std::string() : id.error()));
  return *id;
}

std::uint16_t port_of(Server& server, ListenerId id) {
  const auto bound = server.listeners.extra().bound(id);
  REQUIRE(bound);
  return bound->endpoint.port;
}

std::string error_of(const Result<ListenerId>& result) { return result ? "" : result.error(); }
std::string error_of(const Result<void>& result) { return result ? "" : result.error(); }

}  // namespace

TEST_CASE("a plugin's listener serves, is listed and goes") {
  Server server;
  server.listener("plain", "127.0.0.1:0");
  server.start();
  ExtraListeners& extra = server.listeners.extra();
  const ListenerId id = add(server, greeter("ws:default", "0", "hello"));
  extra.resume(id);
  const std::uint16_t port = port_of(server, id);
  Client client = Client::tcp(port);
  CHECK(client.receive(5) == "hello");
  Client other = Client::tcp(server.port("plain"));
  CHECK(other.ask("echo") == "echo");

  const ListenerStatus status = server.status("ws:default");
  CHECK(status.proto == "mqtt:ws");
  CHECK(status.owner == "emqx_ws");
  CHECK(status.running);
  CHECK(status.bound == "127.0.0.1:" + std::to_string(port));
  CHECK(status.current == 1);
  CHECK(status.accepted == 1);
  CHECK(server.status("plain").owner.empty());
  for (const auto& refused :
       {server.listeners.stop("ws:default"), server.listeners.start("ws:default")}) {
    CHECK(error_of(refused).find("belongs to plugin emqx_ws") != std::string::npos);
  }

  extra.remove(id);
  CHECK_FALSE(extra.bound(id));
  CHECK_FALSE(Client::tcp(port).connected());
  CHECK(server.status("ws:default").name.empty());
  CHECK(client.send("still here"));  // connections stay
  extra.remove(id);                  // nothing to do
  extra.resume(id);
  extra.park(id);
}

TEST_CASE("a plugin's listener that cannot be opened says why") {
  Server server;
  server.start();
  ExtraListeners& extra = server.listeners.extra();
  const ListenerId id = add(server, greeter("one", "127.0.0.1:0", "1"));
  const std::string taken = "127.0.0.1:" + std::to_string(port_of(server, id));
  CHECK(error_of(extra.add(greeter("one", "127.0.0.1:0", "1")))
            .find("there is a listener 'one' already, of plugin emqx_ws") == 0);
  CHECK(error_of(extra.add(greeter("two", taken, "2"))).find("something else listens there") !=
        std::string::npos);
  CHECK(error_of(extra.add(greeter("two", "nonsense:x", "2"))).find("listener.two.bind") == 0);
  ExtraListener secure = greeter("two", "127.0.0.1:0", "2");
  secure.settings.tls = "gone";
  CHECK(error_of(extra.add(secure)).find("there is no section [tls.gone]") != std::string::npos);
  secure.tls = TlsSettings{};
  CHECK(error_of(extra.add(secure)).find("tls.two.certfile: is missing") == 0);
  ExtraListener proxied = greeter("two", "127.0.0.1:0", "2");
  proxied.settings.proxy_from = {"10.0.0.0/99"};
  CHECK(error_of(extra.add(proxied)).find("listener.two.proxy_from") == 0);
  CHECK(error_of(extra.adopt(99, greeter("two", taken, "2"))).find("gone") != std::string::npos);
  CHECK_FALSE(extra.info(99));
}

TEST_CASE("a parked listener: who connects waits and is served by the next version") {
  Server server;
  server.start();
  ExtraListeners& extra = server.listeners.extra();
  const ListenerId id = add(server, greeter("ws", "127.0.0.1:0", "old"));
  const std::string bind = "127.0.0.1:" + std::to_string(port_of(server, id));
  // Not resumed yet: it waits from the beginning.
  Client early = Client::tcp(port_of(server, id));
  CHECK(early.connected());
  CHECK(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
  CHECK(server.status("ws").accepted == 0);
  extra.resume(id);
  CHECK(early.receive(3) == "old");

  extra.park(id);
  std::vector<Client> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(Client::tcp(port_of(server, id)));
  CHECK(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
  CHECK(server.status("ws").accepted == 1);
  CHECK(extra.parked_at("emqx_ws", bind) == id);
  CHECK(extra.parked_at("emqx_ws", "127.0.0.1:0") == id);  // as it was asked for
  CHECK_FALSE(extra.parked_at("emqx_sn", bind));
  CHECK_FALSE(extra.parked_at("emqx_ws", "127.0.0.2:0"));
  CHECK_FALSE(extra.parked_at("emqx_ws", "?"));

  ExtraListener elsewhere = greeter("ws", "127.0.0.2:0", "new");
  CHECK(error_of(extra.adopt(id, elsewhere)).find("cannot be taken over") != std::string::npos);
  ExtraListener broken = greeter("ws", bind, "new");
  broken.tls = TlsSettings{};
  CHECK_FALSE(extra.adopt(id, broken));
  REQUIRE(extra.adopt(id, greeter("ws", bind, "new")));
  CHECK(server.status("ws").accepted == 1);  // still parked
  extra.resume(id);
  CHECK_FALSE(extra.parked_at("emqx_ws", bind));
  for (Client& client : waiting) CHECK(client.receive(3) == "new");
  CHECK(server.status("ws").accepted == 21);
  CHECK(server.status("ws").current == 21);
}

TEST_CASE("parked and adopted over and over while clients connect: nobody is lost") {
  Server server;
  server.start();
  ExtraListeners& extra = server.listeners.extra();
  const ListenerId id = add(server, greeter("ws", "127.0.0.1:0", "00"));
  extra.resume(id);
  const std::uint16_t port = port_of(server, id);
  std::atomic<int> tried{0}, served{0};
  std::atomic<bool> stop{false};
  std::thread clients([&] {
    while (!stop) {
      Client client = Client::tcp(port);
      ++tried;
      if (client.receive(2).size() == 2) ++served;
      client.reset();  // leaves no socket behind that waits
    }
  });
  for (int version = 1; version < 60; ++version) {
    extra.park(id);
    const int before = tried;
    REQUIRE(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
    REQUIRE(extra.adopt(id, greeter("ws", "127.0.0.1:0", version % 2 ? "11" : "22")));
    extra.resume(id);
    REQUIRE(server.eventually([&] { return tried > before; }));
  }
  stop = true;
  clients.join();
  CHECK(served == tried);
  CHECK(server.status("ws").refused == 0);
}

TEST_CASE("the limits hold for plugins' listeners too") {
  Server server;
  server.listener("plain", "127.0.0.1:0");
  server.settings.limits.max_connections = 2;
  server.start();
  const ListenerId id = add(server, greeter("ws", "127.0.0.1:0", "hi"));
  server.listeners.extra().resume(id);
  Client first = Client::tcp(server.port("plain"));
  CHECK(first.ask("x") == "x");
  Client second = Client::tcp(port_of(server, id));
  CHECK(second.receive(2) == "hi");
  Client third = Client::tcp(port_of(server, id));
  CHECK(third.at_end());
  CHECK(server.status("ws").refused == 1);
  server.settings.limits.max_connections = 0;
  REQUIRE(server.apply());
  Client fourth = Client::tcp(port_of(server, id));
  CHECK(fourth.receive(2) == "hi");
  // And bounds of its own.
  ExtraListener narrow = greeter("narrow", "127.0.0.1:0", "hi");
  narrow.settings.max_connections = 1;
  const ListenerId one = add(server, narrow);
  server.listeners.extra().resume(one);
  Client only = Client::tcp(port_of(server, one));
  CHECK(only.receive(2) == "hi");
  Client none = Client::tcp(port_of(server, one));
  CHECK(none.at_end());
  CHECK(server.status("narrow").max == 1);
}

TEST_CASE("PROXY protocol, time-outs and stop_all on a plugin's listener") {
  Server server;
  server.settings.limits.handshake_timeout_ms = 4321;
  server.settings.limits.send_timeout_ms = 999;
  server.start();
  ExtraListeners& extra = server.listeners.extra();
  ExtraListener listener = greeter("ws", "127.0.0.1:0", "hi");
  listener.settings.proxy_protocol = true;
  std::string seen;
  listener.factory = [&seen](Link& link) {
    class Teller final : public LinkHandler {
     public:
      Teller(Link& l, std::string& s) : link_(l), seen_(s) {}
      void on_open() override {
        seen_ = link_.peer().address();
        link_.close();
      }
      std::size_t on_data(std::string_view data) override { return data.size(); }
      void on_drained() override {}
      void on_closed(CloseCause, std::string_view) override {}

     private:
      Link& link_;
      std::string& seen_;
    };
    return std::make_unique<Teller>(link, seen);
  };
  const ListenerId id = add(server, listener);
  CHECK(extra.info(id)->handshake_timeout_ms == 4321);
  CHECK(extra.info(id)->send_timeout_ms == 999);
  listener.send_timeout_ms = 77;
  REQUIRE(extra.adopt(id, listener));
  CHECK(extra.info(id)->send_timeout_ms == 77);
  server.settings.limits.handshake_timeout_ms = 1234;
  REQUIRE(server.apply());
  CHECK(extra.info(id)->handshake_timeout_ms == 1234);
  CHECK(extra.info(id)->send_timeout_ms == 77);
  extra.resume(id);
  Client client = Client::tcp(port_of(server, id));
  REQUIRE(client.send("PROXY TCP4 192.0.2.7 127.0.0.1 4711 1883\r\n"));
  CHECK(client.at_end());
  CHECK(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
  CHECK(seen == "192.0.2.7:4711");
  server.listeners.stop_all();
  CHECK_FALSE(extra.bound(id));
  CHECK_FALSE(server.status("ws").running);
  extra.resume(id);
  extra.remove(id);
}

TEST_CASE("a plugin's listener with TLS, by section and inline, reloads its certificate") {
  TempDir dir;
  const Identity ca = make_authority("CA");
  const auto write = [&](const std::string& name, const std::string& cn) {
    const Identity made = issue(ca, {.cn = cn});
    write_certificate(made, dir.file(name + ".pem"));
    write_key(made, dir.file(name + ".key"));
  };
  write("a", "first");
  write("b", "second");
  Server server;
  TlsSettings& section = server.settings.tls["t"];
  section.certfile = dir.file("a.pem");
  section.keyfile = dir.file("a.key");
  server.start();
  ExtraListener listener = greeter("wss", "127.0.0.1:0", "hi");
  SUBCASE("section") { listener.settings.tls = "t"; }
  SUBCASE("inline") { listener.tls = section; }
  const ListenerId id = add(server, listener);
  server.listeners.extra().resume(id);
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const auto name = [&] {
    Client client = Client::tcp(port_of(server, id));
    if (const std::string failed = client.start_tls(context.get()); !failed.empty()) return failed;
    CHECK(client.receive(2) == "hi");
    char text[100] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(client.ssl())),
                              NID_commonName, text, 100);
    return std::string(text);
  };
  CHECK(name() == "first");
  std::filesystem::copy_file(dir.file("b.pem"), dir.file("a.pem"),
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(error_of(server.listeners.reload_tls()).find("is not the key of") != std::string::npos);
  CHECK(name() == "first");  // what cannot be used changes nothing
  std::filesystem::copy_file(dir.file("b.key"), dir.file("a.key"),
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(error_of(server.listeners.reload_tls()) == "");
  CHECK(name() == "second");
  if (!listener.tls) {
    server.settings.tls.clear();
    CHECK(error_of(server.apply()).find("there is no section [tls.t]") != std::string::npos);
    CHECK(name() == "second");
  }
}

TEST_CASE("keys of pre-shared identities are looked up") {
  Server server;
  server.start();
  ExtraListener listener = greeter("psk", "127.0.0.1:0", "hi");
  listener.tls = TlsSettings{};
  std::vector<std::string> asked;
  listener.tls_options.psk_lookup = [&](const std::string& identity) {
    asked.push_back(identity);
    return identity == "known" ? std::optional<std::string>("0123456789abcdef") : std::nullopt;
  };
  const ListenerId id = add(server, listener);
  server.listeners.extra().resume(id);
  const auto try_as = [&](const char* identity, int version) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_cipher_list(context.get(), "PSK");
    static const char* who;
    who = identity;
    SSL_CTX_set_psk_client_callback(
        context.get(), [](SSL*, const char*, char* out, unsigned, unsigned char* key, unsigned) {
          std::strcpy(out, who);
          std::memcpy(key, "0123456789abcdef", 16);
          return 16U;
        });
    Client client = Client::tcp(port_of(server, id));
    return client.start_tls(context.get()).empty() && client.receive(2) == "hi";
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CHECK(try_as("known", version));
    CHECK_FALSE(try_as("stranger", version));
  }
  CHECK(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
  CHECK(asked.size() >= 4);
}
