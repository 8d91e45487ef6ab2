// TCP listeners and connections handed from one version of a plugin to the next.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <thread>

#include "keel/ext/tcp.h"
#include "tcp_peer.hpp"

namespace keel::test {
namespace {

struct TcpUpgrade {
  explicit TcpUpgrade(TcpFixture& fixture)
      : f(fixture), parking(*f.host.runtime), fresh(f.host.plugin()) {
    f.host.park(*f.slot, parking);
  }
  // The new version runs, what it did not take ends.
  void finish() {
    f.host.run(*fresh);
    parking.revoke_rest();
    f.host.turns();
    std::swap(f.slot, fresh);
  }
  TcpFixture& f;
  Parking parking;
  std::unique_ptr<Slot> fresh;
};

TEST_CASE("an upgrade hands over listener and connections, no byte is lost") {
  TcpFixture f;
  f.plugin.on_data = [&](TcpPlugin::Conn& conn, std::string_view bytes) -> std::size_t {
    if (bytes.size() < 4) return 0;  // half of it stays unread
    f.plugin.write(conn.handle, bytes);
    return bytes.size();
  };
  f.listen_and_run();
  const std::uint16_t port = f.plugin.port();
  const keel_handle listener = f.plugin.listener;
  TcpPeer peer(port), gone(port);
  REQUIRE(peer.send("ab"));
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 2 && f.plugin.calls == 1; }));
  TcpPeer orphan(port);
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 3; }));

  TcpUpgrade upgrade(f);
  CHECK(upgrade.parking.size() == 4);
  REQUIRE(peer.send("cd"));
  gone.close();
  TcpPeer waiting(port);
  REQUIRE(waiting.send("wait"));
  f.host.turns(5);
  CHECK(f.plugin.closed == 0);
  CHECK(f.plugin.calls == 1);

  TcpPlugin next(*upgrade.fresh);
  REQUIRE(next.listen("127.0.0.1:0") == KEEL_OK);  // the address as it was asked for
  CHECK(next.listener == listener);
  CHECK(next.port() == port);
  // The orphan is the last connection opened: all but it are adopted.
  TcpPlugin::Conn* const left = f.plugin.conns.at(f.plugin.last);
  f.plugin.conns.erase(f.plugin.last);
  CHECK(next.adopt_all(f.plugin) == 2);
  const keel_tcp_callbacks called = TcpPlugin::callbacks();
  CHECK(tables::tcp.adopt(upgrade.fresh->host(), next.conns.begin()->first, &called, nullptr) ==
        KEEL_E_STALE);
  f.host.turns(5);
  CHECK(next.calls == 0);
  upgrade.finish();

  CHECK(peer.receive(4) == "abcd");
  CHECK(waiting.receive(4) == "wait");
  CHECK(next.opened == 1);  // the one that waited
  CHECK(orphan.at_end());
  REQUIRE(f.host.eventually([&] { return next.closed == 1; }));
  CHECK(next.reason == KEEL_CLOSE_PEER);
  CHECK(f.plugin.closed == 0);
  delete left;
  REQUIRE(peer.send("more"));
  CHECK(peer.receive(4) == "more");
  CHECK(upgrade.fresh->handles() == decltype(upgrade.fresh->handles()){});
  f.end();
  CHECK(next.closed == 3);
}

TEST_CASE("an upgrade that fails gives everything back") {
  TcpFixture f;
  f.listen_and_run();
  const std::uint16_t port = f.plugin.port();
  TcpPeer peer(port);
  REQUIRE(peer.send("one"));
  CHECK(peer.receive(3) == "one");
  {
    TcpUpgrade upgrade(f);
    TcpPlugin next(*upgrade.fresh);
    REQUIRE(next.listen("127.0.0.1:" + std::to_string(port)) == KEEL_OK);
    CHECK(next.adopt_all(f.plugin) == 1);
    REQUIRE(peer.send("two"));
    f.host.unadopt(*upgrade.fresh, upgrade.parking);
    CHECK(upgrade.parking.size() == 2);
    f.slot->reopen();
    CHECK_MESSAGE(f.plugin.listen("127.0.0.1:0") == KEEL_OK, error_text());
    CHECK(f.plugin.adopt_all(next) == 1);
    f.host.run(*f.slot);
    upgrade.parking.revoke_rest();
    CHECK(next.calls + next.opened + next.closed == 0);
  }
  CHECK(peer.receive(3) == "two");
  TcpPeer another(port);
  REQUIRE(another.send("three"));
  CHECK(another.receive(5) == "three");
}

TEST_CASE("a listener that the new version does not take is closed, with who waits there") {
  TcpFixture f;
  f.listen_and_run();
  const std::uint16_t port = f.plugin.port();
  TcpPeer before(port);
  REQUIRE(f.host.eventually([&] { return f.plugin.opened == 1; }));
  TcpUpgrade upgrade(f);
  TcpPeer waiting(port);
  upgrade.finish();
  CHECK(before.at_end());
  CHECK(waiting.at_end());
  TcpPeer refused(port);
  CHECK(refused.fd() < 0);
  CHECK(f.plugin.closed == 0);  // it was stopped: it is not called
}

TEST_CASE("a new version may move a listener to another address, and back again") {
  TcpFixture f;
  f.listen_and_run();
  const std::uint16_t port = f.plugin.port();
  TcpPlugin next(*f.slot);
  SUBCASE("it stays") {
    TcpUpgrade upgrade(f);
    TcpPlugin moved(*upgrade.fresh);
    REQUIRE_MESSAGE(moved.listen("127.0.0.2:0") == KEEL_OK, error_text());
    CHECK(moved.port() != port);
    upgrade.finish();
    TcpPeer refused(port);
    CHECK(refused.fd() < 0);
    const auto all = f.host.listeners.list();
    REQUIRE(all.size() == 1);
    CHECK(all[0].name == "gate:default");
    f.end();
  }
  SUBCASE("it fails and is rolled back") {
    TcpUpgrade upgrade(f);
    TcpPlugin moved(*upgrade.fresh);
    REQUIRE_MESSAGE(moved.listen("127.0.0.2:0") == KEEL_OK, error_text());
    f.host.unadopt(*upgrade.fresh, upgrade.parking);
    f.slot->reopen();
    REQUIRE_MESSAGE(f.plugin.listen() == KEEL_OK, error_text());
    f.host.run(*f.slot);
    upgrade.parking.revoke_rest();
    CHECK(f.plugin.port() == port);
    const auto all = f.host.listeners.list();
    REQUIRE(all.size() == 1);
    CHECK(all[0].name == "gate:default");
    f.end();
  }
}

TEST_CASE("upgrades under load lose no connection and no byte") {
  TcpFixture f;
  f.listen_and_run();
  const std::uint16_t port = f.plugin.port();
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0}, rounds{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&, i] {
      TcpPeer lasting(port);
      for (int n = 0; !stop; ++n) {
        const std::string text = std::to_string(i) + ":" + std::to_string(n) + ";";
        if (!lasting.send(text) || lasting.receive(text.size()) != text) ++failures;
        TcpPeer brief(port);
        if (!brief.send(text) || brief.receive(text.size()) != text) ++failures;
        ++rounds;
        if (failures != 0) return;
      }
    });
  std::vector<std::unique_ptr<TcpPlugin>> versions;
  TcpPlugin* current = &f.plugin;
  std::vector<std::unique_ptr<Slot>> leaving;
  for (int i = 0; i < 40; ++i) {
    const int seen = rounds;
    f.host.eventually([&] { return rounds > seen + 3 || failures != 0; });
    TcpUpgrade upgrade(f);
    versions.push_back(std::make_unique<TcpPlugin>(*upgrade.fresh));
    REQUIRE(versions.back()->listen("127.0.0.1:" + std::to_string(port)) == KEEL_OK);
    versions.back()->adopt_all(*current);
    current = versions.back().get();
    upgrade.finish();
    leaving.push_back(std::move(upgrade.fresh));
  }
  stop = true;
  for (auto& client : clients) client.join();
  CHECK(failures == 0);
  CHECK(f.host.eventually([&] {
    const std::lock_guard lock(current->mutex);
    return current->conns.empty();
  }));
  f.end();
}

}  // namespace
}  // namespace keel::test
