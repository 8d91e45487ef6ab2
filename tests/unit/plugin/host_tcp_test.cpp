#include <doctest/doctest.h>
#include <sys/socket.h>

#include <thread>

#include "keel/ext/tcp.h"
#include "tcp_peer.hpp"

namespace keel::test {
namespace {

const keel_ext_tcp& tcp() { return tables::tcp; }

TEST_CASE("a listener accepts once the plugin runs; bytes go both ways") {
  TcpFixture f;
  REQUIRE(f.plugin.listen() == KEEL_OK);
  TcpPeer early(f.plugin.port());
  REQUIRE(early.send("early"));
  f.host.turns();
  CHECK(f.plugin.opened == 0);
  f.run();
  CHECK(early.receive(5) == "early");
  TcpPeer late(f.plugin.port());
  REQUIRE(late.send("late"));
  CHECK(late.receive(4) == "late");
  CHECK(f.plugin.opened == 2);
  CHECK(f.plugin.listener_name == "gate:default");
  CHECK(f.plugin.peer.family == KEEL_ADDR_IP4);
  f.host.turns();
  CHECK(f.slot->bytes_in == 9);
  const auto all = f.host.listeners.list();
  REQUIRE(all.size() == 1);
  CHECK(all[0].name == "gate:default");
  CHECK(all[0].proto == "gate:tcp");
  CHECK(all[0].current == 2);
  late.close();
  REQUIRE(f.host.eventually([&] { return f.plugin.closed == 1; }));
  CHECK(f.plugin.reason == KEEL_CLOSE_PEER);
  CHECK(f.slot->bytes_out >= 4);
  CHECK(f.host.eventually([&] { return f.host.listeners.list()[0].current == 1; }));
}

TEST_CASE("what data does not consume is shown again with more behind it") {
  TcpFixture f;
  std::vector<std::string> shown;
  f.plugin.on_data = [&](TcpPlugin::Conn& conn, std::string_view bytes) -> std::size_t {
    shown.emplace_back(bytes);
    if (bytes.size() < 4) return 0;
    f.plugin.write(conn.handle, bytes.substr(0, 4));
    return 4;
  };
  f.listen_and_run();
  TcpPeer peer(f.plugin.port());
  REQUIRE(peer.send("ab"));
  REQUIRE(f.host.eventually([&] { return f.plugin.calls == 1; }));
  REQUIRE(peer.send("cdef"));
  CHECK(peer.receive(4) == "abcd");
  REQUIRE(peer.send("gh"));
  CHECK(peer.receive(4) == "efgh");
  f.host.turns();
  CHECK(shown == std::vector<std::string>{"ab", "abcdef", "efgh"});
  CHECK(f.slot->bytes_in == 8);
}

TEST_CASE("a plugin that consumes nothing does not make the broker hoard") {
  TcpFixture f;
  f.plugin.on_data = [](TcpPlugin::Conn&, std::string_view) { return std::size_t{0}; };
  f.listen_and_run();
  TcpPeer peer(f.plugin.port());
  const std::string much(256 * 1024, 'x');
  for (int i = 0; i < 64 && peer.send(much); ++i) {
  }
  REQUIRE(f.host.eventually([&] { return f.plugin.closed == 1; }));
  CHECK(f.plugin.reason == KEEL_CLOSE_ERROR);
  CHECK(contains(f.plugin.detail, "unconsumed"));
}

TEST_CASE("an exception in a callback ends the connection, nothing else") {
  TcpFixture f;
  f.plugin.on_data = [](TcpPlugin::Conn&, std::string_view bytes) -> std::size_t {
    if (bytes == "throw") throw std::runtime_error("as told");
    return bytes.size();
  };
  f.listen_and_run();
  TcpPeer peer(f.plugin.port());
  REQUIRE(peer.send("throw"));
  CHECK(peer.at_end());
  REQUIRE(f.host.eventually([&] { return f.plugin.closed == 1; }));
  CHECK(f.plugin.reason == KEEL_CLOSE_ERROR);
  CHECK(contains(f.plugin.detail, "exception"));
  CHECK(f.slot->exceptions() == 1);
  f.plugin.on_opened = [](TcpPlugin::Conn&) { throw 1; };
  TcpPeer second(f.plugin.port());
  CHECK(second.at_end());
  // `closed` comes without a context, at which this plugin throws.
  REQUIRE(f.host.eventually([&] { return f.slot->exceptions() == 3; }));
}

TEST_CASE("output: 4 MiB may wait, then it is refused until drained tells to go on") {
  TcpFixture f;
  f.listen_and_run();
  TcpPeer peer(f.plugin.port());
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 1; }));
  const std::string chunk(1 << 20, 'y');
  std::size_t written = 0;
  f.there([&] {
    keel_status status = KEEL_OK;
    while ((status = f.plugin.write(f.plugin.last, chunk)) == KEEL_OK) written += chunk.size();
    CHECK(status == KEEL_E_LIMIT);
    CHECK(contains(error_text(), "drained"));
    std::uint64_t pending = 0;
    CHECK(tcp().pending(f.slot->host(), f.plugin.last, &pending) == KEEL_OK);
    CHECK(pending == written);
  });
  CHECK(written == 5 << 20);
  CHECK(f.plugin.drained == 0);
  CHECK(peer.receive(written).size() == written);
  REQUIRE(f.host.eventually([&] { return f.plugin.drained == 1; }));
  f.there([&] {
    std::uint64_t pending = 1;
    CHECK(tcp().pending(f.slot->host(), f.plugin.last, &pending) == KEEL_OK);
    CHECK(pending == 0);
    CHECK(tcp().notify_drained(f.slot->host(), f.plugin.last) == KEEL_OK);
  });
  REQUIRE(f.host.eventually([&] { return f.plugin.drained == 2; }));
}

TEST_CASE("write takes pieces, write_message slices of a message that it keeps") {
  TcpFixture f;
  f.listen_and_run();
  TcpPeer peer(f.plugin.port());
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 1; }));
  const std::string payload(100'000, 'p');
  MessagePtr message = Message::create({.topic = "a/topic", .payload = payload});
  auto* const opaque =
      reinterpret_cast<keel_message*>(const_cast<Message*>(message.get()));  // NOLINT
  f.there([&] {
    const keel_str pieces[] = {str("one "), str(""), str("two ")};
    CHECK(tcp().write(f.slot->host(), f.plugin.last, pieces, 3) == KEEL_OK);
    CHECK(tcp().write(f.slot->host(), f.plugin.last, nullptr, 0) == KEEL_OK);
    CHECK(tcp().write(f.slot->host(), f.plugin.last, nullptr, 1) == KEEL_E_INVAL);
    const auto slice = [&](std::string_view bytes) {
      return tcp().write_message(f.slot->host(), f.plugin.last, opaque, str(bytes));
    };
    CHECK(slice(message->topic()) == KEEL_OK);
    CHECK(slice(message->payload().substr(1)) == KEEL_OK);
    CHECK(slice(payload) == KEEL_E_INVAL);
    CHECK(slice({message->payload().data(), payload.size() + 1}) == KEEL_E_INVAL);
    CHECK(tcp().write_message(f.slot->host(), f.plugin.last, nullptr, str("x")) == KEEL_E_INVAL);
    message = MessagePtr();
  });
  CHECK(peer.receive(8) == "one two ");
  CHECK(peer.receive(7) == "a/topic");
  CHECK(peer.receive(payload.size() - 1) == payload.substr(1));
}

TEST_CASE("pause holds data back, resume shows it") {
  TcpFixture f;
  f.listen_and_run();
  f.plugin.on_opened = [&](TcpPlugin::Conn& conn) {
    CHECK(tcp().pause(f.slot->host(), conn.handle) == KEEL_OK);
  };
  TcpPeer peer(f.plugin.port());
  REQUIRE(peer.send("held"));
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 1; }));
  f.host.turns(10);
  CHECK(f.plugin.calls == 0);
  f.there([&] { CHECK(tcp().resume(f.slot->host(), f.plugin.last) == KEEL_OK); });
  CHECK(peer.receive(4) == "held");
}

TEST_CASE("shutdown sends what waits, close does not; both tell closed on a later turn") {
  TcpFixture f;
  f.listen_and_run();
  const std::string chunk(1 << 20, 'z');
  SUBCASE("shutdown") {
    f.plugin.on_data = [&](TcpPlugin::Conn& conn, std::string_view bytes) {
      f.plugin.write(conn.handle, chunk);
      CHECK(tcp().shutdown(f.slot->host(), conn.handle) == KEEL_OK);
      CHECK(f.plugin.write(conn.handle, "more") == KEEL_E_STATE);
      CHECK(contains(error_text(), "closed"));
      CHECK(f.plugin.closed == 0);
      return bytes.size();
    };
    TcpPeer peer(f.plugin.port());
    REQUIRE(peer.send("go"));
    CHECK(peer.receive(chunk.size() + 1) == chunk);
  }
  SUBCASE("close from within data") {
    f.plugin.on_data = [&](TcpPlugin::Conn& conn, std::string_view) {
      f.plugin.write(conn.handle, chunk);
      CHECK(tcp().close(f.slot->host(), conn.handle) == KEEL_OK);
      CHECK(tcp().close(f.slot->host(), conn.handle) == KEEL_OK);
      CHECK(f.plugin.closed == 0);
      return std::size_t{0};
    };
    TcpPeer peer(f.plugin.port());
    REQUIRE(peer.send("go"));
    CHECK(peer.receive(chunk.size()).size() < chunk.size());
  }
  SUBCASE("close from within opened") {
    f.plugin.on_opened = [&](TcpPlugin::Conn& conn) {
      CHECK(tcp().close(f.slot->host(), conn.handle) == KEEL_OK);
    };
    TcpPeer peer(f.plugin.port());
    peer.send("go");
    CHECK(peer.at_end());
  }
  REQUIRE(f.host.eventually([&] { return f.plugin.closed == 1; }));
  CHECK(f.plugin.reason == KEEL_CLOSE_LOCAL);
  f.there([&] {
    CHECK(tcp().close(f.slot->host(), f.plugin.last) == KEEL_E_STALE);
    CHECK(f.plugin.write(f.plugin.last, "x") == KEEL_E_STALE);
  });
}

TEST_CASE("handles: stale ones, another plugin's, the wrong thread") {
  TcpFixture f;
  f.listen_and_run();
  TcpPeer peer(f.plugin.port());
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 1; }));
  const keel_handle conn = f.plugin.last;
  auto stranger = f.host.plugin("stranger");
  keel_addr addr{};
  f.there([&] {
    const keel_str piece = str("x");
    CHECK(tcp().write(stranger->host(), conn, &piece, 1) == KEEL_E_DENIED);
    CHECK(tcp().close(stranger->host(), conn) == KEEL_E_DENIED);
    CHECK(tcp().write(f.slot->host(), conn + 1, &piece, 1) == KEEL_E_STALE);
    CHECK(tcp().write(f.slot->host(), f.plugin.listener, &piece, 1) == KEEL_E_STALE);
    CHECK(tcp().close_listener(f.slot->host(), f.plugin.listener) == KEEL_E_STATE);
    CHECK(f.plugin.listen() == KEEL_E_STATE);
    CHECK(tcp().local(f.slot->host(), f.plugin.listener, &addr) == KEEL_OK);  // [any]
    std::uint32_t port = 0;
    CHECK(tcp().info(
              f.slot->host(), conn,
              [](void* ctx, const keel_tcp_info* info) {
                *static_cast<std::uint32_t*>(ctx) = info->local.port;
                CHECK(view(info->listener) == "gate:default");
              },
              &port) == KEEL_OK);
    CHECK(port == addr.port);
  });
  f.host.on_shard(1 - f.shard_of(conn), [&] { CHECK(f.plugin.write(conn, "x") == KEEL_E_STATE); });
  CHECK(f.plugin.write(conn, "x") == KEEL_E_STATE);
  std::thread([&] {
    CHECK(tcp().close(f.slot->host(), conn) == KEEL_E_STATE);
    CHECK(tcp().local(f.slot->host(), f.plugin.listener, &addr) == KEEL_OK);
  }).join();
  CHECK(tcp().local(stranger->host(), f.plugin.listener, &addr) == KEEL_E_DENIED);
  CHECK(tcp().local(f.slot->host(), conn, &addr) == KEEL_E_STALE);
  CHECK(tcp().adopt(f.slot->host(), conn, nullptr, nullptr) == KEEL_E_INVAL);
  const keel_tcp_callbacks called = TcpPlugin::callbacks();
  CHECK(tcp().adopt(f.slot->host(), conn, &called, nullptr) == KEEL_E_STALE);
  CHECK(contains(error_text(), "nothing is being upgraded"));
}

TEST_CASE("listeners that cannot be are refused with cause and remedy") {
  TcpFixture f;
  CHECK(f.plugin.listen("nonsense") == KEEL_E_INVAL);
  REQUIRE(f.plugin.listen() == KEEL_OK);
  TcpPlugin second(*f.slot);
  CHECK(second.listen() == KEEL_E_IO);
  CHECK(contains(error_text(), "choose another name"));
  second.name = "gate:second";
  CHECK(second.listen("127.0.0.1:" + std::to_string(f.plugin.port())) == KEEL_E_IO);
  CHECK(!error_text().empty());
  keel_tls_options tls{};
  CHECK(second.listen("127.0.0.1:0", &tls) == KEEL_E_INVAL);  // no size
  tls.size = sizeof tls;
  tls.section = str("nowhere");
  CHECK(second.listen("127.0.0.1:0", &tls) == KEEL_E_INVAL);
  CHECK(contains(error_text(), "[tls.nowhere]"));
  tls.section = {};
  tls.verify = 9;
  CHECK(second.listen("127.0.0.1:0", &tls) == KEEL_E_INVAL);
  tls.verify = 0;
  tls.certfile = str("missing.pem");
  tls.keyfile = str("missing.key");
  CHECK(second.listen("127.0.0.1:0", &tls) == KEEL_E_IO);
  CHECK_MESSAGE(contains(error_text(), "/tmp/missing.pem"), error_text());
  keel_tcp_listen_options none{};
  keel_tcp_callbacks called = TcpPlugin::callbacks();
  keel_handle out = 0;
  CHECK(tcp().listen(f.slot->host(), &none, &called, nullptr, &out) == KEEL_E_INVAL);
  none.size = sizeof none;
  none.address = str("127.0.0.1:0");
  called.data = nullptr;
  CHECK(tcp().listen(f.slot->host(), &none, &called, nullptr, &out) == KEEL_E_INVAL);
  CHECK(contains(error_text(), "`data`"));
  f.run();
}

TEST_CASE("who gets in without credentials: as told, else by the address") {
  struct Case {
    const char* address;
    std::uint32_t flags;
    bool admitted;
  };
  for (const Case& each :
       {Case{"127.0.0.1:0", 0, true}, Case{"127.0.0.1:0", KEEL_TCP_REFUSE_ANONYMOUS, false},
        Case{"127.0.0.1:0", KEEL_TCP_ADMIT_ANONYMOUS, true}, Case{"0.0.0.0:0", 0, false},
        Case{"0.0.0.0:0", KEEL_TCP_REFUSE_ANONYMOUS, false},
        Case{"0.0.0.0:0", KEEL_TCP_ADMIT_ANONYMOUS | KEEL_TCP_PROXY_PROTOCOL, true}}) {
    CAPTURE(each.address);
    CAPTURE(each.flags);
    TcpFixture f;
    f.plugin.flags = each.flags;
    REQUIRE(f.plugin.listen(each.address) == KEEL_OK);
    f.run();
    CHECK(f.host.listeners.list()[0].admits_anonymous == each.admitted);
  }
  TcpFixture f;
  f.plugin.flags = KEEL_TCP_ADMIT_ANONYMOUS | KEEL_TCP_REFUSE_ANONYMOUS;
  CHECK(f.plugin.listen() == KEEL_E_INVAL);
  f.plugin.flags = 8;
  CHECK(f.plugin.listen() == KEEL_E_INVAL);
}

TEST_CASE("closing a listener leaves its connections") {
  TcpFixture f;
  f.listen_and_run();
  const std::uint16_t port = f.plugin.port();
  TcpPeer peer(port);
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 1; }));
  CHECK(tcp().close_listener(f.slot->host(), f.plugin.listener) == KEEL_OK);
  CHECK(tcp().close_listener(f.slot->host(), f.plugin.listener) == KEEL_E_STALE);
  TcpPeer refused(port);
  CHECK(refused.fd() < 0);
  REQUIRE(peer.send("still"));
  CHECK(peer.receive(5) == "still");
  CHECK(f.host.listeners.list().empty());
  REQUIRE(f.plugin.listen("127.0.0.1:" + std::to_string(port)) == KEEL_OK);
  TcpPeer again(port);
  REQUIRE(again.send("again"));
  CHECK(again.receive(5) == "again");
}

TEST_CASE("unloading tells every connection, then closes it") {
  TcpFixture f;
  f.listen_and_run();
  std::vector<std::unique_ptr<TcpPeer>> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(std::make_unique<TcpPeer>(f.plugin.port()));
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 20; }));
  f.plugin.on_closed = [&](TcpPlugin::Conn& conn) {
    CHECK(f.plugin.write(conn.handle, "x") != KEEL_OK);
  };
  f.end();
  CHECK(f.plugin.closed == 20);
  CHECK(f.plugin.reason == KEEL_CLOSE_UNLOAD);
  for (auto& peer : peers) CHECK(peer->at_end());
  CHECK(f.plugin.listen() == KEEL_E_STATE);
  CHECK(f.plugin.connect(1) == KEEL_E_STATE);
  CHECK(f.host.listeners.list().empty());
}

TEST_CASE("unloading under load ends cleanly each time") {
  for (int round = 0; round < 20; ++round) {
    TcpFixture f;
    f.listen_and_run();
    const std::uint16_t port = f.plugin.port();
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i)
      clients.emplace_back([port] {
        for (int k = 0; k < 50; ++k) {
          TcpPeer peer(port);
          if (peer.fd() < 0 || !peer.send("hello") || peer.receive(5) != "hello") return;
        }
      });
    REQUIRE(f.host.eventually([&] { return f.plugin.opened > round; }));
    f.end();
    for (auto& client : clients) client.join();
    CHECK(f.plugin.opened == f.plugin.closed);
  }
}

TEST_CASE("shards that stop destroy the links; unloading then still tells") {
  NetHost host;
  auto slot = host.plugin();
  TcpPlugin plugin(*slot);
  REQUIRE(plugin.listen() == KEEL_OK);
  host.run(*slot);
  TcpPeer peer(plugin.port());
  REQUIRE(host.eventually([&] { return plugin.opened == 1; }));
  host.shards.stop();
  CHECK(plugin.closed == 0);
  CHECK(peer.at_end());
  slot->set_accepting(false);
  host.runtime->barrier([&](HostThread& thread) { slot->revoke(thread); });
  slot->revoke(host.runtime->control_thread());
  CHECK(plugin.closed == 1);
  CHECK(host.runtime->handles().size() == 0);
}

// ---- connect()

TEST_CASE("connect makes connections, to a listener of our own") {
  TcpFixture f;
  TcpPlugin client(*f.slot);
  client.echo = false;
  REQUIRE(f.plugin.listen() == KEEL_OK);
  client.shard = 1;
  client.on_opened = [&](TcpPlugin::Conn& conn) {
    CHECK(HandleParts::thread(conn.handle) == 1);
    CHECK(client.write(conn.handle, "ping") == KEEL_OK);
  };
  REQUIRE(client.connect(f.plugin.port()) == KEEL_OK);  // in start(): made when it runs
  f.host.turns();
  CHECK(client.opened == 0);
  f.run();
  REQUIRE(f.host.eventually_on(1, [&] {
    return client.opened == 1 && !client.conns.empty() &&
           client.conns.begin()->second->seen == "ping";
  }));
  CHECK(client.peer.port == f.plugin.port());
  CHECK(client.listener_name.empty());
  f.host.on_shard(1, [&] { CHECK(tcp().close(f.slot->host(), client.made) == KEEL_OK); });
  REQUIRE(f.host.eventually([&] { return client.closed == 1 && f.plugin.closed == 1; }));
  CHECK(client.reason == KEEL_CLOSE_LOCAL);
}

TEST_CASE("connect that fails says why, with the context it was given") {
  TcpFixture f;
  f.listen_and_run();
  const std::uint16_t port = f.plugin.port();
  REQUIRE(tcp().close_listener(f.slot->host(), f.plugin.listener) == KEEL_OK);
  TcpPlugin client(*f.slot);
  REQUIRE(client.connect(port) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return client.closed == 1; }));
  CHECK(client.opened == 0);
  CHECK(client.reason == KEEL_CLOSE_ERROR);
  CHECK(contains(client.detail, "refused"));
  CHECK(client.connect(0) == KEEL_E_INVAL);
  CHECK(client.connect(1, nullptr, "") == KEEL_E_INVAL);
  CHECK(client.connect(1, nullptr, std::string(300, 'a')) == KEEL_E_INVAL);
  client.shard = 9;
  CHECK(client.connect(port) == KEEL_E_INVAL);
  f.end();
}

TEST_CASE("connect can be closed and unloaded before it is through") {
  TcpFixture f;
  REQUIRE(f.plugin.listen() == KEEL_OK);  // accepts nobody before it runs
  TcpPlugin client(*f.slot), other(*f.slot), third(*f.slot);
  REQUIRE(client.connect(f.plugin.port()) == KEEL_OK);
  REQUIRE(other.connect(f.plugin.port()) == KEEL_OK);
  f.host.on_shard(0, [&] {
    CHECK(client.write(client.made, "x") == KEEL_E_STATE);
    CHECK(contains(error_text(), "not open yet"));
    CHECK(tcp().close(f.slot->host(), client.made) == KEEL_OK);
  });
  CHECK(client.closed == 0);
  SUBCASE("then run") {
    f.run();
    REQUIRE(f.host.eventually([&] { return client.closed == 1 && other.opened == 1; }));
    CHECK(client.reason == KEEL_CLOSE_LOCAL);
    f.host.on_shard(0, [&] {
      CHECK(third.connect(f.plugin.port()) == KEEL_OK);
      CHECK(tcp().close(f.slot->host(), third.made) == KEEL_OK);
      CHECK(third.closed == 0);
    });
    REQUIRE(f.host.eventually([&] { return third.closed == 1; }));
    CHECK(third.opened == 0);
    CHECK(third.reason == KEEL_CLOSE_LOCAL);
    f.end();
    CHECK(other.reason == KEEL_CLOSE_UNLOAD);
  }
  SUBCASE("then unload") {
    f.host.unload(*f.slot);
    CHECK(other.closed == 1);
    CHECK(other.reason == KEEL_CLOSE_UNLOAD);
  }
}

struct PskServer {
  static std::int32_t lookup(void* ctx, keel_str identity, keel_sink key) {
    ++*static_cast<std::atomic<int>*>(ctx);
    if (view(identity) != "sensor") return 0;
    put(key, std::string_view("\x01\x02\x03\x04", 4));
    return 1;
  }
};

TEST_CASE("TLS with pre-shared keys: the plugin is asked, the identity is told") {
  TcpFixture f;
  std::atomic<int> asked{0};
  keel_tls_options server{};
  server.size = sizeof server;
  server.psk_lookup = PskServer::lookup;
  server.psk_ctx = &asked;
  server.max_version = str("1.2");
  char file[] = "/tmp/keel-host-tcp-XXXXXX";
  const int fd = ::mkstemp(file);
  REQUIRE(::write(fd, "sensor:01020304\n", 16) == 16);
  ::close(fd);
  keel_tls_options client_tls{};
  client_tls.size = sizeof client_tls;
  client_tls.verify = KEEL_TLS_VERIFY_NONE;
  client_tls.pskfile = str(std::string_view(file));
  client_tls.max_version = str("1.2");
  REQUIRE_MESSAGE(f.plugin.listen("127.0.0.1:0", &server) == KEEL_OK, error_text());
  f.run();
  TcpPlugin client(*f.slot);
  client.echo = false;
  client.on_opened = [&](TcpPlugin::Conn& conn) { client.write(conn.handle, "secret"); };
  for (int i = 1; i <= 2; ++i) {  // the second one finds the context loaded
    REQUIRE_MESSAGE(client.connect(f.plugin.port(), &client_tls) == KEEL_OK, error_text());
    REQUIRE(f.host.eventually([&] { return client.opened + client.closed == i; }));
    CHECK_MESSAGE(client.opened == i, client.detail);
    REQUIRE(f.host.eventually([&] { return f.slot->bytes_in >= 12 * std::uint64_t(i); }));
  }
  CHECK(asked == 2);
  CHECK(f.plugin.identity == "sensor");
  ::unlink(file);
  client_tls.pskfile = str("/tmp/there-is-no-such-file");
  TcpPlugin failing(*f.slot);
  REQUIRE(failing.connect(f.plugin.port(), &client_tls) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return failing.closed == 1; }));
  CHECK(failing.reason == KEEL_CLOSE_TLS);
  CHECK(contains(failing.detail, "there-is-no-such-file"));
  f.end();
  CHECK(client.closed == 2);
}

// ---- upgrades
}  // namespace
}  // namespace keel::test
