#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "udp_peer.hpp"

namespace keel::test {
namespace {

const keel_ext_udp& udp() { return tables::udp; }

struct HostUdpFixture {
  HostUdpFixture() : slot(host.plugin()), plugin(*slot) {}
  ~HostUdpFixture() {
    end();
    CHECK(host.runtime->handles().size() == 0);
  }
  void run() {
    host.run(*slot);
    running = true;
  }
  void bind_and_run() {
    REQUIRE_MESSAGE(plugin.bind() == KEEL_OK, error_text());
    run();
  }
  void end() {
    if (std::exchange(running, false)) host.unload(*slot);
  }

  NetHost host;
  std::unique_ptr<Slot> slot;
  UdpPlugin plugin;
  bool running = false;
};

TEST_CASE("a bind reads once the plugin runs, and answers") {
  HostUdpFixture f;
  REQUIRE(f.plugin.bind() == KEEL_OK);
  UdpPeer peer(f.plugin.port());
  REQUIRE(peer.send("early"));
  f.host.turns();
  CHECK(f.plugin.datagrams == 0);
  f.run();
  CHECK(peer.receive() == "early");
  REQUIRE(peer.send(""));  // an empty datagram is one, too
  CHECK(peer.receive().empty());
  REQUIRE(f.host.eventually([&] { return f.plugin.datagrams == 2; }));
  CHECK(f.plugin.peer.family == KEEL_ADDR_IP4);
  CHECK(f.plugin.peer.port == peer.port());
  CHECK(f.plugin.verified == nullptr);
  CHECK(f.slot->bytes_in == 5);
  CHECK(f.slot->bytes_out == 5);
  const keel_udp_stats stats = f.plugin.stats();
  CHECK(stats.datagrams_in == 2);
  CHECK(stats.datagrams_out == 2);
  CHECK(stats.bytes_in == 5);
  CHECK(stats.sessions == 0);
  f.end();
  static_cast<void>(peer.send("late"));
  f.host.turns();
  CHECK(f.plugin.datagrams == 2);
}

TEST_CASE("many datagrams come in batches of 32 at most") {
  HostUdpFixture f;
  REQUIRE(f.plugin.bind() == KEEL_OK);
  f.plugin.echo = false;
  UdpPeer peer(f.plugin.port());
  for (int i = 0; i < 100; ++i) REQUIRE(peer.send("x"));
  f.run();
  REQUIRE(f.host.eventually([&] { return f.plugin.datagrams == 100; }));
  CHECK(f.plugin.largest == 32);
  CHECK(f.plugin.batches == 4);
  CHECK(f.slot->calls(CallSite::udp).calls == 4);
}

TEST_CASE("one socket per shard: a peer always meets the same one") {
  HostUdpFixture f;
  f.plugin.options.flags = KEEL_UDP_PER_SHARD;
  f.bind_and_run();
  std::vector<std::unique_ptr<UdpPeer>> peers;
  for (int i = 0; i < 32; ++i) {
    peers.push_back(std::make_unique<UdpPeer>(f.plugin.port()));
    std::vector<std::uint32_t> seen;
    for (int k = 0; k < 3; ++k) {
      REQUIRE(peers.back()->send("hello"));
      CHECK(peers.back()->receive() == "hello");
    }
    const std::lock_guard lock(f.plugin.mutex);
    const auto last = f.plugin.shards.end();
    CHECK(std::all_of(last - 3, last, [&](std::uint32_t shard) { return shard == *(last - 1); }));
  }
  const std::lock_guard lock(f.plugin.mutex);
  CHECK(std::ranges::count(f.plugin.shards, 0u) > 0);
  CHECK(std::ranges::count(f.plugin.shards, 1u) > 0);
}

TEST_CASE("sending: pieces, another shard's socket, what cannot be sent") {
  HostUdpFixture f;
  f.plugin.options.shard = 1;
  f.plugin.echo = false;
  f.bind_and_run();
  UdpPeer peer(f.plugin.port());
  REQUIRE(peer.send("hi"));
  REQUIRE(f.host.eventually([&] { return f.plugin.datagrams == 1; }));
  const keel_addr to = f.plugin.peer;
  const keel_str pieces[] = {str("one "), str("two")};
  f.host.on_shard(1, [&] {
    CHECK(udp().send(f.slot->host(), f.plugin.socket, &to, pieces, 2) == KEEL_OK);
    CHECK(f.plugin.send(to, std::string(70'000, 'x')) == KEEL_E_INVAL);
    CHECK(udp().send(f.slot->host(), f.plugin.socket, nullptr, pieces, 2) == KEEL_E_INVAL);
    CHECK(udp().send(f.slot->host(), f.plugin.socket, &to, pieces, 65) == KEEL_E_INVAL);
    CHECK(udp().close_peer(f.slot->host(), f.plugin.socket, &to) == KEEL_E_NOENT);
    keel_addr nowhere{};
    CHECK(f.plugin.send(nowhere, "x") == KEEL_E_IO);
  });
  CHECK(peer.receive() == "one two");
  f.host.on_shard(0, [&] { CHECK(f.plugin.send(to, "x") == KEEL_E_STATE); });
  CHECK(f.plugin.send(to, "x") == KEEL_E_STATE);
  CHECK(contains(error_text(), "the shard of the socket"));
  CHECK(udp().reload_tls(f.slot->host(), f.plugin.socket) == KEEL_E_IO);
  auto stranger = f.host.plugin("stranger");
  keel_addr addr{};
  CHECK(udp().local(stranger->host(), f.plugin.socket, &addr) == KEEL_E_DENIED);
  CHECK(udp().close(stranger->host(), f.plugin.socket) == KEEL_E_DENIED);
  f.host.on_shard(1, [&] {
    CHECK(udp().send(stranger->host(), f.plugin.socket, &to, pieces, 1) == KEEL_E_DENIED);
    CHECK(f.plugin.bind() == KEEL_E_STATE);
    CHECK(udp().join(f.slot->host(), f.plugin.socket, &to, 0) == KEEL_E_STATE);
  });
  std::thread([&] {
    CHECK(f.plugin.stats().datagrams_in == 1);
    CHECK(f.plugin.send(to, "x") == KEEL_E_STATE);
  }).join();
}

TEST_CASE("binds that cannot be are refused with cause and remedy") {
  HostUdpFixture f;
  CHECK(f.plugin.bind("nonsense") == KEEL_E_INVAL);
  CHECK(f.plugin.bind("unix:/tmp/x") == KEEL_E_INVAL);
  REQUIRE(f.plugin.bind("0") == KEEL_OK);  // the default address
  const std::string address = "127.0.0.1:" + std::to_string(f.plugin.port());
  UdpPlugin second(*f.slot);
  CHECK(second.bind(address) == KEEL_E_IO);
  CHECK_MESSAGE(contains(error_text(), "in use"), error_text());
  second.options.flags = KEEL_UDP_PER_SHARD;
  CHECK(second.bind(address) == KEEL_E_IO);
  second.options.flags = 64;
  CHECK(second.bind("127.0.0.1:0") == KEEL_E_INVAL);
  second.options.flags = 0;
  second.options.shard = 9;
  CHECK(second.bind("127.0.0.1:0") == KEEL_E_INVAL);
  second.options.shard = 0;
  keel_tls_options tls{};
  tls.size = sizeof tls;
  tls.section = str("gone");
  second.options.tls = &tls;
  CHECK(second.bind("127.0.0.1:0") == KEEL_E_INVAL);
  CHECK(contains(error_text(), "[tls.gone]"));
  second.options.size = 4;
  CHECK(second.bind("127.0.0.1:0") == KEEL_E_INVAL);
  CHECK(second.bind("192.0.2.1:7") != KEEL_OK);
  f.run();
}

TEST_CASE("close: from the control thread, from within a callback, from a thread of the plugin's") {
  HostUdpFixture f;
  f.plugin.options.flags = KEEL_UDP_PER_SHARD;
  f.bind_and_run();
  const std::uint16_t port = f.plugin.port();
  UdpPeer peer(port);
  SUBCASE("control: the address is free at once") {
    CHECK(udp().close(f.slot->host(), f.plugin.socket) == KEEL_OK);
    const keel_handle before = f.plugin.socket;
    REQUIRE_MESSAGE(f.plugin.bind("127.0.0.1:" + std::to_string(port)) == KEEL_OK, error_text());
    CHECK(f.plugin.socket != before);
    REQUIRE(peer.send("again"));
    CHECK(peer.receive() == "again");
    CHECK(udp().close(f.slot->host(), before) == KEEL_E_STALE);
  }
  SUBCASE("callback") {
    f.plugin.echo = false;
    f.plugin.on_datagram = [&](keel_handle socket, const keel_datagram& datagram) {
      if (f.plugin.datagrams != 0) return;  // of the same batch
      CHECK(udp().close(f.slot->host(), socket) == KEEL_OK);
      CHECK(udp().close(f.slot->host(), socket) == KEEL_E_STALE);
      CHECK(f.plugin.send(datagram.peer, "x") == KEEL_E_STALE);
    };
    for (int i = 0; i < 5; ++i) REQUIRE(peer.send("x"));
    CHECK(f.host.eventually([&] { return f.host.runtime->handles().size() == 0; }));
    CHECK(f.plugin.batches == 1);
  }
  SUBCASE("another thread") {
    std::thread([&] { CHECK(udp().close(f.slot->host(), f.plugin.socket) == KEEL_OK); }).join();
    keel_addr addr{};
    CHECK(udp().local(f.slot->host(), f.plugin.socket, &addr) == KEEL_E_STALE);
    CHECK(f.host.eventually([&] { return f.host.runtime->handles().size() == 0; }));
  }
}

TEST_CASE("joining a group brings each of its datagrams once") {
  HostUdpFixture f;
  f.plugin.options.flags = KEEL_UDP_PER_SHARD;
  f.plugin.echo = false;
  REQUIRE(f.plugin.bind("0.0.0.0:0") == KEEL_OK);
  f.run();
  const keel_addr group = to_addr(*Endpoint::parse("239.255.77.1", f.plugin.port()));
  const keel_status joined = udp().join(f.slot->host(), f.plugin.socket, &group, 1);
  if (joined != KEEL_OK) {
    MESSAGE("no multicast here: " << error_text());
    return;
  }
  CHECK(udp().join(f.slot->host(), f.plugin.socket, &group, 1) == KEEL_E_EXISTS);
  CHECK(error_text() == "udp.join: the socket is a member of 239.255.77.1 already");
  const keel_addr no_group = to_addr(*Endpoint::parse("127.0.0.1"));
  CHECK(udp().join(f.slot->host(), f.plugin.socket, &no_group, 0) == KEEL_E_IO);
}

TEST_CASE("unloading under load ends cleanly each time") {
  for (int round = 0; round < 30; ++round) {
    HostUdpFixture f;
    f.plugin.options.flags = round % 2 ? KEEL_UDP_PER_SHARD : 0;
    f.bind_and_run();
    std::atomic<bool> stop{false};
    std::thread sender([&, port = f.plugin.port()] {
      UdpPeer peer(port);
      while (!stop) static_cast<void>(peer.send("load"));
    });
    REQUIRE(f.host.eventually([&] { return f.plugin.datagrams > 20; }));
    f.end();
    const int seen = f.plugin.datagrams;
    f.host.turns();
    CHECK(f.plugin.datagrams == seen);
    stop = true;
    sender.join();
  }
}

TEST_CASE("an exception in the callback is counted, the socket goes on") {
  HostUdpFixture f;
  f.plugin.on_datagram = [](keel_handle, const keel_datagram& datagram) {
    if (view(datagram.bytes) == "throw") throw std::runtime_error("as told");
  };
  f.bind_and_run();
  UdpPeer peer(f.plugin.port());
  REQUIRE(peer.send("throw"));
  CHECK(peer.receive() == "throw");
  REQUIRE(peer.send("on"));
  CHECK(peer.receive() == "on");
  CHECK(f.slot->exceptions() == 1);
}

// ---- upgrades

struct UdpUpgrade {
  explicit UdpUpgrade(HostUdpFixture& fixture)
      : f(fixture), parking(*f.host.runtime), fresh(f.host.plugin()) {
    f.host.park(*f.slot, parking);
  }
  void finish() {
    f.host.run(*fresh);
    parking.revoke_rest();
    f.host.turns();
    std::swap(f.slot, fresh);
  }
  HostUdpFixture& f;
  Parking parking;
  std::unique_ptr<Slot> fresh;
};

TEST_CASE("an upgrade hands the socket over, with what waits in it") {
  for (const std::uint32_t flags : {0u, std::uint32_t{KEEL_UDP_PER_SHARD}}) {
    HostUdpFixture f;
    f.plugin.options.flags = flags;
    f.bind_and_run();
    const std::uint16_t port = f.plugin.port();
    UdpPeer peer(port);
    REQUIRE(peer.send("old"));
    CHECK(peer.receive() == "old");
    UdpUpgrade upgrade(f);
    REQUIRE(peer.send("waits"));
    f.host.turns();
    CHECK(f.plugin.datagrams == 1);
    UdpPlugin next(*upgrade.fresh);
    next.options.flags = flags;
    REQUIRE_MESSAGE(next.bind() == KEEL_OK, error_text());
    CHECK(next.socket == f.plugin.socket);
    CHECK(next.port() == port);
    f.host.turns();
    CHECK(next.datagrams == 0);
    upgrade.finish();
    CHECK(peer.receive() == "waits");
    CHECK(f.host.eventually([&] { return next.datagrams == 1; }));  // after its echo
    CHECK(f.plugin.datagrams == 1);
    f.end();
  }
}

TEST_CASE("an upgrade that fails gives the socket back; other options open it anew") {
  HostUdpFixture f;
  f.bind_and_run();
  const std::uint16_t port = f.plugin.port();
  const std::string address = "127.0.0.1:" + std::to_string(port);
  UdpPeer peer(port);
  SUBCASE("rolled back") {
    UdpUpgrade upgrade(f);
    REQUIRE(peer.send("waits"));
    UdpPlugin next(*upgrade.fresh);
    REQUIRE(next.bind(address) == KEEL_OK);
    f.host.unadopt(*upgrade.fresh, upgrade.parking);
    f.slot->reopen();
    REQUIRE(f.plugin.bind("127.0.0.1:0") == KEEL_OK);
    CHECK(f.plugin.port() == port);
    f.host.run(*f.slot);
    upgrade.parking.revoke_rest();
    CHECK(peer.receive() == "waits");
    CHECK(next.datagrams == 0);
    f.end();
  }
  SUBCASE("other options") {
    UdpUpgrade upgrade(f);
    UdpPlugin next(*upgrade.fresh);
    next.options.flags = KEEL_UDP_PER_SHARD;
    REQUIRE_MESSAGE(next.bind(address) == KEEL_OK, error_text());
    CHECK(next.socket != f.plugin.socket);
    CHECK(upgrade.parking.size() == 0);
    upgrade.finish();
    REQUIRE(peer.send("anew"));
    CHECK(peer.receive() == "anew");
    f.end();
  }
  SUBCASE("not taken") {
    UdpUpgrade upgrade(f);
    upgrade.finish();
    UdpPlugin next(*f.slot);
    CHECK_MESSAGE(next.bind(address) == KEEL_OK, error_text());
    f.running = true;
    f.end();
  }
}

TEST_CASE("upgrades under load lose no datagram") {
  for (const std::uint32_t flags : {0u, std::uint32_t{KEEL_UDP_PER_SHARD}}) {
    HostUdpFixture f;
    f.plugin.options.flags = flags;
    f.bind_and_run();
    const std::uint16_t port = f.plugin.port();
    std::atomic<bool> stop{false};
    std::atomic<int> lost{0}, rounds{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 3; ++i)
      clients.emplace_back([&] {
        UdpPeer peer(port);
        for (int n = 0; !stop && lost == 0; ++n) {
          const std::string text = std::to_string(n);
          for (int k = 0; k < 4; ++k) peer.send(text);
          for (int k = 0; k < 4; ++k)
            if (peer.receive() != text) ++lost;
          ++rounds;
        }
      });
    std::vector<std::unique_ptr<UdpPlugin>> versions;
    std::vector<std::unique_ptr<Slot>> leaving;
    for (int i = 0; i < 50; ++i) {
      const int seen = rounds;
      f.host.eventually([&] { return rounds > seen + 5 || lost != 0; });
      UdpUpgrade upgrade(f);
      versions.push_back(std::make_unique<UdpPlugin>(*upgrade.fresh));
      versions.back()->options.flags = flags;
      REQUIRE(versions.back()->bind("127.0.0.1:" + std::to_string(port)) == KEEL_OK);
      upgrade.finish();
      leaving.push_back(std::move(upgrade.fresh));
    }
    stop = true;
    for (auto& client : clients) client.join();
    CHECK(lost == 0);
    f.end();
  }
}

TEST_CASE("what the old version closes between the versions is not handed over") {
  HostUdpFixture f;
  f.bind_and_run();
  const std::uint16_t port = f.plugin.port();
  UdpPeer peer(port);
  {
    Parking parking(*f.host.runtime);
    f.host.runtime->barrier([&](HostThread& t) { f.slot->park(t, parking.list(t.index())); });
    f.slot->park(f.host.runtime->control_thread(), parking.list(kControlThread));
    CHECK(udp().close(f.slot->host(), f.plugin.socket) == KEEL_OK);
    f.slot->set_accepting(false);
    auto fresh = f.host.plugin();
    UdpPlugin next(*fresh);
    REQUIRE_MESSAGE(next.bind("127.0.0.1:" + std::to_string(port)) == KEEL_OK, error_text());
    CHECK(next.socket != f.plugin.socket);
    f.host.run(*fresh);
    parking.revoke_rest();
    REQUIRE(peer.send("hi"));
    CHECK(peer.receive() == "hi");
    f.host.unload(*fresh);
  }
  f.running = false;
}

// ---- DTLS

struct Keys {
  static std::int32_t lookup(void* ctx, keel_str identity, keel_sink key) {
    ++static_cast<Keys*>(ctx)->asked;
    if (view(identity) != "sensor") return 0;
    put(key, "0123456789");
    return 1;
  }
  keel_tls_options options() {
    keel_tls_options tls{};
    tls.size = sizeof tls;
    tls.psk_lookup = lookup;
    tls.psk_ctx = this;
    return tls;
  }
  std::atomic<int> asked{0};
};

TEST_CASE("DTLS: the plugin is asked for keys and told who it is") {
  HostUdpFixture f;
  Keys keys;
  const keel_tls_options tls = keys.options();
  f.plugin.options.tls = &tls;
  f.plugin.options.flags = KEEL_UDP_PER_SHARD;
  f.bind_and_run();
  DtlsPeer peer(f.plugin.port(), "sensor", "0123456789");
  REQUIRE(peer.connect());
  REQUIRE(peer.send("one"));
  CHECK(peer.receive() == "one");
  const keel_verified* const verified = f.plugin.verified;
  REQUIRE(verified != nullptr);
  REQUIRE(peer.send("two"));
  CHECK(peer.receive() == "two");
  CHECK(f.plugin.verified == verified);
  CHECK(view(verified->psk_identity) == "sensor");
  CHECK(f.plugin.opened == 1);
  CHECK(keys.asked == 1);
  CHECK(f.plugin.stats().sessions == 1);
  CHECK(f.plugin.stats().handshakes == 1);
  CHECK(udp().reload_tls(f.slot->host(), f.plugin.socket) == KEEL_OK);

  DtlsPeer stranger(f.plugin.port(), "stranger", "0123456789");
  CHECK_FALSE(stranger.connect());
  REQUIRE(f.host.eventually([&] { return f.plugin.stats().handshakes_failed == 1; }));
  const std::uint32_t home = f.plugin.shards.back();
  f.host.on_shard(home, [&] {
    const keel_addr nobody = to_addr(*Endpoint::parse("127.0.0.1", 9));
    CHECK(f.plugin.send(nobody, "x") == KEEL_E_NOENT);
    CHECK(udp().close_peer(f.slot->host(), f.plugin.socket, &nobody) == KEEL_E_NOENT);
    CHECK(udp().close_peer(f.slot->host(), f.plugin.socket, &f.plugin.peer) == KEEL_OK);
    CHECK(f.plugin.closed == 0);  // told later
  });
  REQUIRE(f.host.eventually([&] { return f.plugin.closed == 1; }));
  CHECK(peer.receive() == "(nothing)");
  CHECK(f.plugin.stats().sessions == 0);
  f.end();
}

TEST_CASE("DTLS: an upgrade keeps associations and what they sent meanwhile") {
  HostUdpFixture f;
  Keys keys, next_keys;
  const keel_tls_options tls = keys.options(), next_tls = next_keys.options();
  f.plugin.options.tls = &tls;
  f.bind_and_run();
  DtlsPeer peer(f.plugin.port(), "sensor", "0123456789");
  REQUIRE(peer.connect());
  REQUIRE(peer.send("old"));
  CHECK(peer.receive() == "old");
  UdpUpgrade upgrade(f);
  REQUIRE(peer.send("waits"));
  f.host.turns();
  UdpPlugin taken(*upgrade.fresh);
  taken.options.tls = &next_tls;
  REQUIRE_MESSAGE(taken.bind() == KEEL_OK, error_text());
  CHECK(taken.socket == f.plugin.socket);
  upgrade.finish();
  CHECK(peer.receive() == "waits");
  CHECK(taken.opened == 0);
  CHECK(taken.verified == f.plugin.verified);
  DtlsPeer late(taken.port(), "sensor", "0123456789");
  REQUIRE(late.connect());
  REQUIRE(f.host.eventually([&] { return taken.opened == 1; }));
  CHECK(keys.asked == 1);
  CHECK(next_keys.asked == 1);
  peer.goodbye();
  REQUIRE(f.host.eventually([&] { return taken.closed == 1; }));
  f.end();
}

}  // namespace
}  // namespace keel::test
