// What hooks see and decide, at every point, over real connections.
#include <doctest/doctest.h>

#include <stdexcept>

#include "broker_host.hpp"
#include "keel/ext/hooks.h"

namespace keel::test {
namespace {

std::string text(keel_str from) { return std::string(view(from)); }

// A plugin that runs.
struct HookChainsFixture {
  explicit HookChainsFixture(std::uint32_t shards = 2) : host(shards) {}
  Slot& start(const std::string& name, const std::function<void(Slot&)>& acquire) {
    Slot& slot = host.plugin(name);
    acquire(slot);
    host.run(slot);
    return slot;
  }
  Notes notes;
  BrokerHost host;
};

TEST_CASE("hooks come into force with their plugin, by priority, then by load order") {
  HookChainsFixture f;
  const auto noting = [&f](std::string word) {
    return OnAuth([&f, word](const keel_auth_request*, keel_handle, keel_auth_answer*) {
      f.notes.add(word);
      return KEEL_NEXT;
    });
  };
  Slot& a = f.host.plugin("a");
  f.host.hook(a, KEEL_HOOK_CLIENT_AUTHENTICATE, 0, noting("a"));
  const keel_handle low = f.host.hook(a, KEEL_HOOK_CLIENT_AUTHENTICATE, -5, noting("a-low"));
  CHECK(MqttClient(f.host).connect({.id = "c"}).reason() == Reason::success);
  CHECK(f.notes.take().empty());
  CHECK(f.host.runtime->hooks().list().empty());
  f.host.run(a);
  Slot& b = f.start("b", [&](Slot& slot) {
    f.host.hook(slot, KEEL_HOOK_CLIENT_AUTHENTICATE, 10, noting("b-high"));
    f.host.hook(slot, KEEL_HOOK_CLIENT_AUTHENTICATE, 0, noting("b"));
  });
  CHECK(MqttClient(f.host).connect({.id = "c"}).reason() == Reason::success);
  CHECK(f.notes.take() == Strings{"b-high", "a", "b", "a-low"});

  const auto list = f.host.runtime->hooks().list();
  REQUIRE(list.size() == 4);
  CHECK(list[0].point == "client_authenticate");
  CHECK(list[0].plugin == "b");
  CHECK(list[0].priority == 10);
  CHECK(f.host.runtime->hooks().count(a) == 2);

  SUBCASE("removed and added while the plugin runs: at once") {
    CHECK(tables::hooks.remove(a.host(), low) == KEEL_OK);
    CHECK(tables::hooks.remove(a.host(), low) == KEEL_E_STALE);
    f.host.hook(a, KEEL_HOOK_CLIENT_AUTHENTICATE, 20, noting("a-top"));
    CHECK(MqttClient(f.host).connect({.id = "c"}).reason() == Reason::success);
    CHECK(f.notes.take() == Strings{"a-top", "b-high", "a", "b"});
  }
  SUBCASE("gone with their plugin") {
    f.host.unload(b);
    CHECK(MqttClient(f.host).connect({.id = "c"}).reason() == Reason::success);
    CHECK(f.notes.take() == Strings{"a", "a-low"});
  }
}

TEST_CASE("what add refuses") {
  HookChainsFixture f;
  Slot& slot = f.host.plugin("a");
  const OnPublish fn = [](const keel_message_view*, keel_publish_answer*) { return KEEL_NEXT; };
  keel_handle handle = 0;
  for (const std::uint32_t point : {0u, 20u, ~0u})
    CHECK(f.host.add_hook(slot, point, 0, fn, &handle) == KEEL_E_INVAL);
  CHECK(f.host.add_hook(slot, KEEL_HOOK_MESSAGE_PUBLISH, 0, fn, nullptr) == KEEL_E_INVAL);
  CHECK(tables::hooks.add(slot.host(), KEEL_HOOK_MESSAGE_PUBLISH, 0, 0, nullptr, nullptr,
                          &handle) == KEEL_E_INVAL);
  f.host.on_shard(0, [&] {
    CHECK(f.host.add_hook(slot, KEEL_HOOK_MESSAGE_PUBLISH, 0, fn, &handle) == KEEL_E_STATE);
  });
  CHECK(tables::hooks.remove(slot.host(), 12345) == KEEL_E_STALE);
  const keel_handle mine = f.host.hook(slot, KEEL_HOOK_MESSAGE_PUBLISH, 0, fn);
  Slot& other = f.host.plugin("b");
  CHECK(tables::hooks.remove(other.host(), mine) == KEEL_E_DENIED);
}

TEST_CASE("authenticate: every verdict") {
  struct Case {
    std::int32_t verdict;
    std::uint8_t reason;
    bool password;
    Reason expected;
    bool next_asked;
  };
  const int kThrow = -1;
  const Case cases[] = {
      {KEEL_ALLOW, 0, true, Reason::success, false},
      {KEEL_DENY, 0, true, Reason::bad_user_name_or_password, false},
      {KEEL_DENY, 0, false, Reason::not_authorized, false},
      {KEEL_DENY, 0x8A, true, Reason::banned, false},
      {KEEL_DENY, 0x10, true, Reason::bad_user_name_or_password, false},
      {KEEL_NEXT, 0, false, Reason::success, true},
      {KEEL_NEXT, 0, true, Reason::bad_user_name_or_password, true},
      {KEEL_STOP, 0, false, Reason::success, false},
      {KEEL_CONTINUE, 0, true, Reason::bad_user_name_or_password, false},
      {KEEL_REPLACE, 0, false, Reason::not_authorized, false},
      {99, 0, true, Reason::bad_user_name_or_password, false},
      {kThrow, 0, false, Reason::not_authorized, false},
  };
  HookChainsFixture f;
  std::atomic<const Case*> now{nullptr};
  Slot& slot = f.start("judge", [&](Slot& s) {
    f.host.hook(s, KEEL_HOOK_CLIENT_AUTHENTICATE, 1,
                OnAuth([&](const keel_auth_request*, keel_handle, keel_auth_answer* answer) {
                  const Case& asked = *now.load();
                  if (asked.verdict == kThrow) throw std::runtime_error("thrown on purpose");
                  answer->reason = asked.reason;
                  return asked.verdict;
                }));
    f.host.hook(s, KEEL_HOOK_CLIENT_AUTHENTICATE, 0,
                OnAuth([&](const keel_auth_request*, keel_handle, keel_auth_answer*) {
                  f.notes.add("next");
                  return KEEL_NEXT;
                }));
  });
  for (const Case& each : cases) {
    CAPTURE(each.verdict);
    CAPTURE(each.password);
    now = &each;
    MqttClient client(f.host);
    wire::ConnectSpec spec{.id = "c"};
    if (each.password) spec.user = "u", spec.password = "p";
    CHECK(client.connect(spec).reason() == each.expected);
    CHECK(f.notes.take().size() == (each.next_asked ? 1 : 0));
  }
  CHECK(slot.exceptions() == 1);
  CHECK(slot.calls(CallSite::client_authenticate).exceptions == 1);
  CHECK(slot.last_error().find("thrown on purpose") != std::string::npos);
}

TEST_CASE("authenticate: what it is shown, and what it may grant") {
  HookChainsFixture f;
  f.start("judge", [&](Slot& slot) {
    f.host.hook(slot, KEEL_HOOK_CLIENT_AUTHENTICATE, 0,
                OnAuth([&](const keel_auth_request* asked, keel_handle, keel_auth_answer* answer) {
                  const keel_client& client = *asked->client;
                  f.notes.add(fmt::format(
                      "{} {} {} {} {} v{} clean={} user={} password={} keepalive={} ip={} tls={}",
                      text(client.client_id), text(client.username), text(asked->password),
                      text(client.listener), text(client.protocol), client.version,
                      client.clean_start, client.has_username, client.has_password,
                      client.keep_alive_s, client.peer.family, client.verified != nullptr));
                  answer->superuser = 1;
                  put(answer->mountpoint, "mount");
                  put(answer->mountpoint, "ed/");
                  return KEEL_ALLOW;
                }));
    f.host.hook(slot, KEEL_HOOK_CLIENT_AUTHORIZE, 0,
                OnAuthorize([](const keel_authorize_request*, keel_handle) { return KEEL_DENY; }));
    f.host.hook(slot, KEEL_HOOK_MESSAGE_PUBLISH, 0,
                OnPublish([&](const keel_message_view* message, keel_publish_answer*) {
                  f.notes.add(fmt::format("{} by {} {}", text(message->topic),
                                          text(message->client_id), text(message->username)));
                  return KEEL_NEXT;
                }));
  });
  MqttClient client(f.host, Version::v311);
  CHECK(client.connect({.id = "c", .keep_alive = 77, .user = "u", .password = "secret"}).reason() ==
        Reason::success);
  CHECK(client.publish("t") == Reason::success);
  CHECK(f.notes.take() ==
        Strings{"c u secret mqtt mqtt v4 clean=1 user=1 password=1 keepalive=77 ip=4 tls=false",
                "mounted/t by c u"});
}

TEST_CASE("enhanced authentication goes back and forth") {
  HookChainsFixture f;
  f.start("scram", [&](Slot& slot) {
    f.host.hook(slot, KEEL_HOOK_CLIENT_ENHANCED_AUTH, 0,
                OnAuth([&](const keel_auth_request* asked, keel_handle, keel_auth_answer* answer) {
                  f.notes.add(text(asked->auth_method) + ":" + text(asked->auth_data));
                  if (text(asked->auth_data) == "one") {
                    put(answer->data, "more?");
                    return KEEL_CONTINUE;
                  }
                  put(answer->data, "done");
                  return text(asked->auth_data) == "two" ? KEEL_ALLOW : KEEL_DENY;
                }));
  });
  MqttClient client(f.host);
  client.begin_connect({.id = "c", .auth_method = "M", .auth_data = "one"});
  const wire::Received more = client.expect(PacketType::auth);
  CHECK(more.string(Property::auth_data) == "more?");
  client.send(wire::auth(Reason::continue_authentication, "M", "two"));
  const wire::Received connack = client.expect(PacketType::connack);
  CHECK(connack.reason() == Reason::success);
  CHECK(connack.string(Property::auth_data) == "done");
  CHECK(MqttClient(f.host).connect({.id = "d", .auth_method = "M", .auth_data = "x"}).reason() ==
        Reason::not_authorized);
  CHECK(f.notes.take() == Strings{"M:one", "M:two", "M:x"});
}

TEST_CASE("authorize: every verdict, remembered, forgotten") {
  struct Case {
    std::int32_t verdict;
    bool allowed, next_asked;
  };
  const int kThrow = -1;
  // With mqtt.acl_nomatch_allow, the default, nobody's opinion is a yes.
  const Case cases[] = {{KEEL_ALLOW, true, false},     {KEEL_DENY, false, false},
                        {KEEL_NEXT, true, true},       {KEEL_STOP, true, false},
                        {KEEL_CONTINUE, false, false}, {77, false, false},
                        {kThrow, false, false}};
  HookChainsFixture f;
  std::atomic<std::int32_t> verdict{0};
  Slot& slot = f.start("acl", [&](Slot& s) {
    f.host.hook(s, KEEL_HOOK_CLIENT_AUTHORIZE, 1,
                OnAuthorize([&](const keel_authorize_request* asked, keel_handle) {
                  f.notes.add(fmt::format("{} {} {} qos={} retain={}",
                                          asked->action == KEEL_PUBLISH ? "publish" : "subscribe",
                                          text(asked->topic), text(asked->client->client_id),
                                          asked->qos, asked->retain));
                  if (verdict == kThrow) throw 1;
                  return verdict.load();
                }));
    f.host.hook(s, KEEL_HOOK_CLIENT_AUTHORIZE, 0,
                OnAuthorize([&](const keel_authorize_request*, keel_handle) {
                  f.notes.add("next");
                  return KEEL_NEXT;
                }));
  });
  MqttClient client(f.host);
  client.connect({.id = "c"});
  std::string topic = "t";
  for (const Case& each : cases) {
    CAPTURE(each.verdict);
    verdict = each.verdict;
    topic += "/x";
    const std::string asked = "publish " + topic + " c qos=1 retain=0";
    CHECK(is_error(client.publish(topic)) != each.allowed);
    CHECK(f.notes.take() == (each.next_asked ? Strings{asked, "next"} : Strings{asked}));
    CHECK(is_error(client.publish(topic)) != each.allowed);
    CHECK(f.notes.take().empty());
  }
  CHECK(slot.exceptions() == 1);
  verdict = KEEL_DENY;
  CHECK(client.subscribe({.filter = "f/#", .qos = 2}).reason() == Reason::not_authorized);
  CHECK(f.notes.take() == Strings{"subscribe f/# c qos=2 retain=0"});
  verdict = KEEL_ALLOW;
  CHECK(tables::auth.forget_decisions(slot.host()) == KEEL_OK);
  f.host.turns(1);
  CHECK(client.subscribe({.filter = "f/#", .qos = 2}).reason() == Reason::granted_qos2);
}

TEST_CASE("publish: every verdict") {
  struct Case {
    std::int32_t verdict;
    std::uint8_t reason;
    bool replacement;
    Reason expected;
    Strings received, next_saw;
  };
  const int kThrow = -1;
  const Reason ok = Reason::success;
  const Case cases[] = {
      {KEEL_NEXT, 0, false, ok, {"a"}, {"a"}},
      {KEEL_ALLOW, 0, false, ok, {"a"}, {}},
      {KEEL_STOP, 0, false, ok, {"a"}, {}},
      {KEEL_REPLACE, 0, true, ok, {"b"}, {"b"}},
      {KEEL_REPLACE, 0, false, ok, {"a"}, {"a"}},
      {KEEL_NEXT, 0, true, ok, {"a"}, {"a"}},
      {KEEL_DENY, 0, false, Reason::not_authorized, {}, {}},
      {KEEL_DENY, 0x97, true, Reason::quota_exceeded, {}, {}},
      {KEEL_PENDING, 0, false, ok, {"a"}, {"a"}},
      {55, 0, false, ok, {"a"}, {"a"}},
      {kThrow, 0, false, ok, {"a"}, {"a"}},
  };
  HookChainsFixture f;
  std::atomic<const Case*> now{nullptr};
  f.start("filter", [&](Slot& slot) {
    f.host.hook(
        slot, KEEL_HOOK_MESSAGE_PUBLISH, 1,
        OnPublish([&](const keel_message_view* message, keel_publish_answer* answer) {
          const Case& asked = *now.load();
          if (asked.verdict == kThrow) throw std::runtime_error("no");
          if (asked.replacement) {
            keel_message_view changed = *message;
            changed.payload = str("b");
            CHECK(tables::message.create(slot.host(), &changed, &answer->replacement) == KEEL_OK);
          }
          answer->reason = asked.reason;
          return asked.verdict;
        }));
    f.host.hook(slot, KEEL_HOOK_MESSAGE_PUBLISH, 0,
                OnPublish([&](const keel_message_view* message, keel_publish_answer*) {
                  f.notes.add(text(message->payload));
                  return KEEL_NEXT;
                }));
  });
  MqttClient client(f.host);
  client.connect({.id = "c"});
  client.subscribe({.filter = "t"});
  for (const Case& each : cases) {
    CAPTURE(each.verdict);
    now = &each;
    client.begin_publish({.topic = "t", .payload = "a", .qos = 1, .id = 7});
    Strings received;
    wire::Received got = client.next();
    for (; got.type == PacketType::publish; got = client.next()) received.push_back(got.payload);
    CHECK(got.reason() == each.expected);
    for (const std::string& late : client.payloads()) received.push_back(late);
    CHECK(received == each.received);
    CHECK(f.notes.take() == each.next_saw);
  }
}

TEST_CASE("connect: edits go on to the next hook and into CONNACK; a denial is told") {
  HookChainsFixture f;
  f.start("edit", [&](Slot& slot) {
    f.host.hook(slot, KEEL_HOOK_CLIENT_CONNECT, 2,
                OnConnect([&](const keel_client* client, keel_str will, keel_connect_answer* a) {
                  f.notes.add(text(client->client_id) + " will=" + text(will));
                  if (text(client->client_id) == "bad") {
                    a->reason = 0x8A;
                    return KEEL_DENY;
                  }
                  CHECK(a->keep_alive_s == 60);
                  a->edits = KEEL_EDIT_KEEP_ALIVE | KEEL_EDIT_CLIENT_ID | KEEL_EDIT_USERNAME;
                  a->keep_alive_s = 33;
                  put(a->client_id, "renamed");
                  put(a->username, "somebody");
                  return KEEL_NEXT;
                }));
    f.host.hook(slot, KEEL_HOOK_CLIENT_CONNECT, 1,
                OnConnect([&](const keel_client* client, keel_str, keel_connect_answer*) {
                  f.notes.add(fmt::format("{} {} {}", text(client->client_id),
                                          text(client->username), client->keep_alive_s));
                  return KEEL_STOP;
                }));
    f.host.hook(slot, KEEL_HOOK_CLIENT_CONNECT, 0,
                OnConnect([&](const keel_client*, keel_str, keel_connect_answer*) -> std::int32_t {
                  f.notes.add("behind a stop");
                  return KEEL_NEXT;
                }));
    f.host.hook(slot, KEEL_HOOK_CLIENT_AUTHENTICATE, 0,
                OnAuth([&](const keel_auth_request* asked, keel_handle, keel_auth_answer*) {
                  f.notes.add(text(asked->client->client_id) + " " + text(asked->client->username));
                  return KEEL_ALLOW;
                }));
  });
  MqttClient client(f.host);
  const wire::Received connack = client.connect(
      {.id = "first", .keep_alive = 60, .will = wire::WillSpec{.topic = "w", .payload = "gone"}});
  CHECK(connack.reason() == Reason::success);
  CHECK(connack.number(Property::server_keep_alive) == 33);
  CHECK(f.notes.take() == Strings{"first will=w", "renamed somebody 33", "renamed somebody"});
  CHECK(MqttClient(f.host).connect({.id = "bad", .keep_alive = 60}).reason() == Reason::banned);
}

TEST_CASE("connack: texts and properties; a denial while nothing is decided") {
  HookChainsFixture f;
  f.start("greet", [&](Slot& slot) {
    f.host.hook(slot, KEEL_HOOK_CLIENT_CONNACK, 0,
                OnConnack([&](const keel_client* client, std::uint8_t reason, std::int32_t present,
                              keel_connack_answer* answer) {
                  f.notes.add(fmt::format("{} {} {}", text(client->client_id), reason, present));
                  put(answer->reason_string, "hello");
                  answer->add_user_property(answer->ctx, str("k"), str("v"));
                  answer->add_user_property(answer->ctx, str("k"), str(std::string(70'000, 'x')));
                  if (text(client->client_id) != "full") return KEEL_NEXT;
                  answer->reason = 0x89;
                  return KEEL_DENY;
                }));
  });
  MqttClient client(f.host);
  const wire::Received connack = client.connect({.id = "c"});
  CHECK(connack.string(Property::reason_string) == "hello");
  CHECK(connack.string(Property::user_property) == "k=v");
  CHECK(MqttClient(f.host).connect({.id = "full"}).reason() == Reason::server_busy);
  CHECK(f.notes.take() == Strings{"c 0 0", "full 0 0"});
}

TEST_CASE("subscribe and unsubscribe: filters are changed and denied one by one") {
  HookChainsFixture f;
  f.start("rewrite", [&](Slot& slot) {
    const OnFilter fn = [&](const keel_client*, keel_str filter, keel_filter_answer* answer) {
      f.notes.add(text(filter));
      if (text(filter) == "denied") {
        answer->reason = 0x97;
        return KEEL_DENY;
      }
      if (text(filter) == "old") put(answer->filter, "new");
      answer->qos = 1;
      return KEEL_NEXT;
    };
    f.host.hook(slot, KEEL_HOOK_CLIENT_SUBSCRIBE, 1, fn);
    f.host.hook(slot, KEEL_HOOK_CLIENT_UNSUBSCRIBE, 0, fn);
    f.host.hook(
        slot, KEEL_HOOK_CLIENT_SUBSCRIBE, 0,
        OnFilter([&](const keel_client* client, keel_str filter, keel_filter_answer* a) {
          f.notes.add(fmt::format("{} {} {}", text(client->client_id), text(filter), a->qos));
          if (text(filter) == "throws") throw 1;
          a->qos = 9;  // no such thing: stays
          return KEEL_NEXT;
        }));
  });
  MqttClient client(f.host);
  client.connect({.id = "c"});
  CHECK(client.subscribe({.filter = "old", .qos = 2}).reason() == Reason::granted_qos1);
  CHECK(f.notes.take() == Strings{"old", "c new 1"});
  CHECK(client.subscribe({.filter = "denied"}).reason() == Reason::quota_exceeded);
  CHECK(client.subscribe({.filter = "throws", .qos = 2}).reason() == Reason::granted_qos1);
  client.begin_publish({.topic = "new", .payload = "1"});
  client.begin_publish({.topic = "old", .payload = "2"});
  CHECK(client.payloads() == Strings{"1"});
  client.send(wire::unsubscribe("old", 9, Version::v5));
  CHECK(client.expect(PacketType::unsuback).reason() == Reason::success);
  client.begin_publish({.topic = "new", .payload = "3"});
  CHECK(client.silent());
}

TEST_CASE("events: one client's life, and one in three of its deliveries") {
  HookChainsFixture f;
  f.start("watch", [&](Slot& slot) {
    const OnEvent fn = [&](const keel_event* event) {
      f.notes.add(
          fmt::format("{} {} {} {}", site_name(static_cast<CallSite>(event->point)),
                      event->client ? text(event->client->client_id) : "-", text(event->topic),
                      event->message ? text(event->message->payload) : text(event->reason)));
    };
    for (std::uint32_t point = KEEL_HOOK_CLIENT_CONNECTED; point < KEEL_HOOK_MESSAGE_DELIVERED;
         ++point)
      f.host.hook(slot, point, 0, fn);
    f.host.hook(slot, KEEL_HOOK_MESSAGE_DELIVERED, 0, fn, 3);
    f.host.hook(slot, KEEL_HOOK_MESSAGE_DROPPED, 0,
                OnEvent([](const keel_event*) { throw std::runtime_error("ignored"); }));
  });
  MqttClient client(f.host);
  client.connect({.id = "c"});
  client.subscribe({.filter = "t"});
  for (int i = 0; i < 7; ++i) client.begin_publish({.topic = "t", .payload = std::to_string(i)});
  CHECK(client.payloads().size() == 7);
  client.begin_publish({.topic = "nobody", .payload = "x"});
  CHECK(client.silent());
  client.send(wire::disconnect(Version::v5));
  CHECK(client.at_end());
  REQUIRE(f.host.eventually([&] { return f.notes.size() >= 8; }));
  const Strings notes = f.notes.take();
  CHECK(notes == Strings{"session_created c  success", "client_connected c  success",
                         "session_subscribed c t success", "message_delivered c t 2",
                         "message_delivered c t 5", "client_disconnected c  normal",
                         "session_unsubscribed c t session_terminated",
                         "session_terminated c  disconnected"});
}

}  // namespace
}  // namespace keel::test
