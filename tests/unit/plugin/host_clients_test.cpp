// clients/1: who is connected, asked from anywhere, told on the control thread.
#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "broker_host.hpp"
#include "keel/ext/clients.h"
#include "keel/ext/stream.h"

namespace keel::test {
namespace {

const keel_ext_clients& clients() { return tables::clients; }

// What a lookup is told.
struct ToldOfClients {
  std::thread::id control = std::this_thread::get_id();
  Strings ids;
  std::string about, protocol;
  int calls = 0, last = 0;

  static void on_clients(void* ctx, const keel_client* shown, std::uint32_t n, std::int32_t last) {
    auto& mine = *static_cast<ToldOfClients*>(ctx);
    CHECK(std::this_thread::get_id() == mine.control);
    CHECK(mine.last == 0);
    ++mine.calls;
    mine.last += last;
    for (std::uint32_t i = 0; i < n; ++i) {
      const keel_client& client = shown[i];
      mine.ids.emplace_back(view(client.client_id));
      mine.protocol = view(client.protocol);
      mine.about = fmt::format("{} {} v{} clean={} user={} password={} keepalive={} ip={}",
                               view(client.username), view(client.listener), client.version,
                               client.clean_start, client.has_username, client.has_password,
                               client.keep_alive_s, client.peer.family);
    }
  }
};

struct HostClientsFixture {
  HostClientsFixture() : slot(host.plugin("who")) { host.run(slot); }
  keel_status find(std::string_view id, ToldOfClients& told) {
    return clients().find(slot.host(), str(id), ToldOfClients::on_clients, &told);
  }
  keel_status each(ToldOfClients& told) {
    return clients().each(slot.host(), ToldOfClients::on_clients, &told);
  }
  // Whatever name and password they come with.
  void admit_everybody() {
    Slot& auth = host.plugin("auth");
    host.hook(auth, KEEL_HOOK_CLIENT_AUTHENTICATE, 0,
              OnAuth([](const keel_auth_request*, keel_handle, keel_auth_answer*) {
                return KEEL_ALLOW;
              }));
    host.run(auth);
  }
  BrokerHost host;
  Slot& slot;
};

TEST_CASE("one client is found from any thread, or it is said that there is none") {
  HostClientsFixture f;
  f.admit_everybody();
  MqttClient client(f.host, Version::v311);
  client.connect({.id = "c", .keep_alive = 30, .user = "u", .password = "p"});
  ToldOfClients here, there, elsewhere, nobody;
  CHECK(f.find("c", here) == KEEL_OK);
  CHECK(f.find("d", nobody) == KEEL_OK);
  CHECK(here.calls == 0);  // later
  f.host.on_shard(0, [&] { CHECK(f.find("c", there) == KEEL_OK); });
  std::thread([&] { CHECK(f.find("c", elsewhere) == KEEL_OK); }).join();
  REQUIRE(f.host.eventually(
      [&] { return here.last + there.last + elsewhere.last + nobody.last == 4; }));
  for (const ToldOfClients* told : {&here, &there, &elsewhere}) {
    CHECK(told->calls == 1);
    CHECK(told->ids == Strings{"c"});
    CHECK(told->protocol == "mqtt");
    CHECK(told->about == "u mqtt v4 clean=1 user=1 password=1 keepalive=30 ip=4");
  }
  CHECK(nobody.calls == 1);
  CHECK(nobody.ids.empty());
  CHECK(clients().find(f.slot.host(), {}, ToldOfClients::on_clients, &nobody) == KEEL_E_INVAL);
  CHECK(clients().find(f.slot.host(), str("c"), nullptr, nullptr) == KEEL_E_INVAL);
  CHECK(f.slot.quiet());
}

TEST_CASE("a gateway's client is found with its own protocol") {
  HostClientsFixture f;
  Slot& gateway = f.host.plugin("gateway");
  f.host.run(gateway);
  const std::string id = f.host.id_on(1);
  Notes opened;
  keel_session_callbacks callbacks{};
  callbacks.size = sizeof callbacks;
  callbacks.opened = [](void* ctx, keel_handle, std::uint8_t reason, std::int32_t) {
    static_cast<Notes*>(ctx)->add(std::to_string(reason));
  };
  callbacks.deliver = [](void*, keel_handle, const keel_delivery*, std::uint32_t) {};
  callbacks.suback = [](void*, keel_handle, std::uint64_t, const std::uint8_t*, std::uint32_t) {};
  callbacks.published = [](void*, keel_handle, std::uint64_t, std::uint8_t) {};
  callbacks.closed = [](void*, keel_handle, std::uint8_t, keel_str) {};
  keel_session_request request{};
  request.size = sizeof request;
  request.flags = KEEL_SESSION_LOOPBACK_ONLY | KEEL_SESSION_CLEAN;
  request.client_id = str(id);
  request.listener_name = str("sn:udp");
  request.protocol = str("mqtt-sn");
  keel_handle session = 0;
  f.host.on_shard(0, [&] {
    CHECK(tables::session.open(gateway.host(), &request, &callbacks, &opened, &session) == KEEL_OK);
  });
  REQUIRE(f.host.eventually([&] { return opened.size() == 1; }));
  CHECK(opened.take() == Strings{"0"});
  ToldOfClients told;
  CHECK(f.find(id, told) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return told.last == 1; }));
  CHECK(told.protocol == "mqtt-sn");
  CHECK(told.about.starts_with(" sn:udp v5 "));
}

TEST_CASE("all clients come in slices, the end is told once") {
  HostClientsFixture f;
  ToldOfClients empty;
  CHECK(f.each(empty) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return empty.last == 1; }));
  CHECK(empty.calls == 1);

  constexpr int kMany = 120;
  std::vector<std::unique_ptr<MqttClient>> all;
  Strings expected;
  for (int i = 0; i < kMany; ++i) {
    all.push_back(std::make_unique<MqttClient>(f.host));
    expected.push_back("client" + std::to_string(i));
    all.back()->connect({.id = expected.back()});
  }
  ToldOfClients told;
  CHECK(f.each(told) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return told.last == 1; }));
  CHECK(told.calls >= 3);
  std::ranges::sort(told.ids);
  std::ranges::sort(expected);
  CHECK(told.ids == expected);
  CHECK(clients().each(f.slot.host(), nullptr, nullptr) == KEEL_E_INVAL);
}

TEST_CASE("a client is kicked, and told why") {
  HostClientsFixture f;
  MqttClient first(f.host), second(f.host);
  first.connect({.id = "first"});
  second.connect({.id = "second"});
  CHECK(clients().kick(f.slot.host(), str("first"), 0) == KEEL_OK);
  CHECK(clients().kick(f.slot.host(), str("second"), 0x97) == KEEL_OK);
  CHECK(clients().kick(f.slot.host(), str("nobody"), 0) == KEEL_OK);
  CHECK(clients().kick(f.slot.host(), {}, 0) == KEEL_E_INVAL);
  CHECK(first.expect(PacketType::disconnect).reason() == Reason::administrative_action);
  CHECK(second.expect(PacketType::disconnect).reason() == Reason::quota_exceeded);
  CHECK(first.at_end());
}

TEST_CASE("what a client proved is shown with it") {
  HostClientsFixture f;
  keel_verified proved{};
  proved.size = sizeof proved;
  proved.cn = str("device-7");
  proved.san = str("device-7.example");
  proved.dn = str("CN=device-7,O=x");
  proved.psk_identity = str("psk");
  keel_stream_options options{};
  options.size = sizeof options;
  options.verified = &proved;
  options.loopback_only = 1;
  keel_stream_callbacks callbacks{};
  callbacks.size = sizeof callbacks;
  callbacks.output = [](void*, keel_handle, const keel_str*, std::uint32_t) {};
  keel_handle stream = 0;
  f.host.on_shard(0, [&] {
    REQUIRE(tables::stream.open(f.slot.host(), &options, &callbacks, nullptr, &stream) == KEEL_OK);
    const std::string hello = wire::connect({.id = "c"}, Version::v5);
    std::uint64_t backlog = 0;
    REQUIRE(tables::stream.feed(f.slot.host(), stream, str(hello), &backlog) == KEEL_OK);
  });
  struct Proof {
    std::string text;
    int found = 0, answers = 0;
  } proof;
  const auto note = [](void* ctx, const keel_client* clients, std::uint32_t n, std::int32_t) {
    auto& mine = *static_cast<Proof*>(ctx);
    ++mine.answers;
    for (std::uint32_t i = 0; i < n && clients[i].verified; ++i, ++mine.found) {
      const keel_verified& shown = *clients[i].verified;
      mine.text = fmt::format("{} {} {} {}", view(shown.cn), view(shown.san), view(shown.dn),
                              view(shown.psk_identity));
    }
  };
  REQUIRE(f.host.eventually([&] { return f.host.realm.total(Gauge::connections) == 1; }));
  CHECK(clients().find(f.slot.host(), str("c"), note, &proof) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return proof.answers == 1; }));
  CHECK(proof.found == 1);
  CHECK(proof.text == "device-7 device-7.example CN=device-7,O=x psk");
  f.host.on_shard(0, [&] { CHECK(tables::stream.close(f.slot.host(), stream) == KEEL_OK); });
}

TEST_CASE("everybody of a name is kicked, on all shards, in slices") {
  HostClientsFixture f;
  f.admit_everybody();
  std::vector<std::unique_ptr<MqttClient>> all;
  for (int i = 0; i < 60; ++i) {
    all.push_back(std::make_unique<MqttClient>(f.host));
    all.back()->connect({.id = "c" + std::to_string(i), .user = i % 3 ? "alice" : "alic"});
  }
  CHECK(clients().kick_user(f.slot.host(), str("alice"), 0x87) == KEEL_OK);
  CHECK(clients().kick_user(f.slot.host(), str("nobody"), 0) == KEEL_OK);
  CHECK(clients().kick_user(f.slot.host(), {}, 0) == KEEL_E_INVAL);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 3 == 0)
      CHECK(all[i]->silent());
    else
      CHECK(all[i]->expect(PacketType::disconnect).reason() == Reason::not_authorized);
  }
  f.slot.set_accepting(false);
  CHECK(clients().kick_user(f.slot.host(), str("alice"), 0) == KEEL_E_STATE);
  f.slot.set_accepting(true);
}

TEST_CASE("asked while starting: told when it runs, or that it never will") {
  HostClientsFixture f;
  Slot& starting = f.host.plugin("starting");
  ToldOfClients all, one;
  CHECK(clients().each(starting.host(), ToldOfClients::on_clients, &all) == KEEL_OK);
  CHECK(clients().find(starting.host(), str("c"), ToldOfClients::on_clients, &one) == KEEL_OK);
  f.host.turns(5);
  CHECK(all.calls + one.calls == 0);
  SUBCASE("it runs") {
    f.host.run(starting);
    REQUIRE(f.host.eventually([&] { return all.last + one.last == 2; }));
  }
  SUBCASE("it does not") {
    f.host.unload(starting);
    CHECK(all.last == 1);
    CHECK(one.last == 1);
    CHECK(all.ids.empty());
  }
}

TEST_CASE("a lookup ends once, empty, when the plugin goes first; then nothing is answered") {
  HostClientsFixture f;
  MqttClient client(f.host);
  client.connect({.id = "c"});
  ToldOfClients one, all;
  CHECK(f.find("c", one) == KEEL_OK);
  CHECK(f.each(all) == KEEL_OK);
  f.slot.set_accepting(false);
  CHECK(f.find("c", one) == KEEL_E_STATE);
  CHECK(f.each(all) == KEEL_E_STATE);
  CHECK(clients().kick(f.slot.host(), str("c"), 0) == KEEL_E_STATE);
  f.slot.revoke(f.host.runtime->control_thread());
  f.host.unload(f.slot);
  CHECK(one.last == 1);
  CHECK(one.ids.empty());
  CHECK(all.last == 1);
  CHECK(all.ids.empty());
}

}  // namespace
}  // namespace keel::test
