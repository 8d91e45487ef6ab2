// Hooks: what each point shows and answers, chains, tickets, exceptions.
#include "tests/unit/sdk/support.hpp"

using namespace keel;
using keel::test::Fixture;

TEST_CASE("message_publish: no opinion, refused, replaced, ended") {
  Fixture f;
  f.load([&](Host& host) -> Status {
    KEEL_TRY(host.hooks().on_publish(10, [t = f.tracked()](const Message& m) -> Verdict {
      if (m.topic() == "secret") return Deny{0x97};
      if (m.topic() == "stop") return Stop{};
      if (m.topic() != "shout") return Next{};
      std::string loud(m.payload());
      for (char& c : loud) c = static_cast<char>(c - 32);
      Publish changed = m.edit();
      changed.payload = loud;
      return replace(m, changed);
    }));
    return host.hooks().on_publish(0, [](const Message& m) -> Verdict {
      Publish changed = m.edit();
      changed.topic = "seen/+";
      if (m.topic() == "bad") return replace(m, changed);
      const std::string topic = concat("seen/", m.topic());
      changed.topic = topic;
      return replace(m, changed);
    });
  });
  FakeMessage message{"quiet", "abc", 1, true, "c1", "u1", 30, {{"k", "v"}}};
  FakePublishAnswer answer = f.fake.publish(message);
  CHECK(answer.message.topic == "seen/quiet");
  CHECK(answer.message.payload == "abc");
  CHECK(answer.message.qos == 1);
  CHECK(answer.message.retain);
  CHECK(answer.message.client_id == "c1");
  CHECK(answer.message.expiry_s == 30);
  REQUIRE(answer.message.user_properties.size() == 1);
  CHECK(answer.message.user_properties[0].second == "v");
  CHECK(f.fake.publish({"shout", "abc"}).message.payload == "ABC");
  answer = f.fake.publish({"secret", "x"});
  CHECK(answer.verdict == KEEL_DENY);
  CHECK(answer.reason == 0x97);
  CHECK(f.fake.publish({"stop", "x"}).message.topic == "stop");
  answer = f.fake.publish({"bad", "x"});
  CHECK(answer.verdict == KEEL_DENY);
  CHECK(f.fake.logged("cannot replace a message to bad"));
  CHECK(f.fake.messages_held() == 0);
}

TEST_CASE("an exception is NEXT where nothing is decided and DENY where it is about rights") {
  Fixture f;
  const auto bang = [](auto&&...) -> Verdict { throw std::runtime_error("bang"); };
  f.load([&](Host& host) -> Status {
    const Hooks hooks = host.hooks();
    KEEL_TRY(hooks.on_connect(0, bang));
    KEEL_TRY(hooks.on_connack(0, bang));
    KEEL_TRY(hooks.on_authenticate(
        0, [](const AuthRequest&) -> AuthVerdict { throw std::runtime_error("bang"); }));
    KEEL_TRY(hooks.on_enhanced_auth(
        0, [](const AuthRequest&) -> AuthVerdict { throw std::runtime_error("bang"); }));
    KEEL_TRY(hooks.on_authorize(0, bang));
    KEEL_TRY(hooks.on_subscribe(0, bang));
    KEEL_TRY(hooks.on_unsubscribe(0, bang));
    KEEL_TRY(hooks.on_publish(0, bang));
    return hooks.on_event(KEEL_HOOK_CLIENT_CONNECTED, [](const Event&) { throw 1; });
  });
  const FakeClient client;
  CHECK(f.fake.connect(client).verdict == KEEL_NEXT);
  CHECK(f.fake.connack(client).verdict == KEEL_NEXT);
  CHECK(f.fake.authenticate(client).verdict == KEEL_DENY);
  CHECK(f.fake.authenticate(client, "SCRAM").verdict == KEEL_DENY);
  CHECK(f.fake.authorize(client, KEEL_PUBLISH, "a").verdict == KEEL_DENY);
  CHECK(f.fake.subscribe(client, "a").verdict == KEEL_NEXT);
  CHECK(f.fake.unsubscribe(client, "a").verdict == KEEL_NEXT);
  CHECK(f.fake.publish({"a", "b"}).verdict == KEEL_NEXT);
  f.fake.notify(KEEL_HOOK_CLIENT_CONNECTED, &client);
  CHECK(f.fake.exceptions.size() == 9);
}

TEST_CASE("client_connect and client_connack can change what is asked for and answered") {
  Fixture f;
  f.load([](Host& host) -> Status {
    KEEL_TRY(host.hooks().on_connect(0, [](ConnectRequest& request) {
      CHECK(request.client().client_id() == "raw");
      CHECK(request.client().peer().text() == "127.0.0.1:50000");
      CHECK(request.will_topic() == "w");
      request.set_client_id("cooked");
      request.set_username("u");
      request.set_keep_alive(10);
      request.set_session_expiry(20);
      request.set_receive_maximum(30);
      request.set_maximum_packet_size(40);
      request.set_topic_alias_maximum(50);
    }));
    return host.hooks().on_connack(0, [](ConnackRequest& request) -> Verdict {
      CHECK(request.session_present());
      CHECK(request.reason() == 0);
      CHECK(request.client().version() == 5);
      request.set_reason_string("go away");
      request.set_response_information("here");
      request.add_user_property("k", "v");
      return Deny{0x8a};
    });
  });
  FakeClient client{.client_id = "raw", .version = 5};
  const FakeConnectAnswer connect = f.fake.connect(client, "w");
  CHECK(connect.verdict == KEEL_NEXT);
  CHECK(connect.client_id == "cooked");
  CHECK(connect.username == "u");
  CHECK(connect.edits.edits == 127);
  CHECK(connect.edits.keep_alive_s == 10);
  CHECK(connect.edits.topic_alias_maximum == 50);
  const FakeConnackAnswer connack = f.fake.connack(client, 0, true);
  CHECK(connack.verdict == KEEL_DENY);
  CHECK(connack.reason == 0x8a);
  CHECK(connack.reason_string == "go away");
  CHECK(connack.response_information == "here");
  REQUIRE(connack.user_properties.size() == 1);
}

TEST_CASE("client_subscribe can change a filter, client_unsubscribe too") {
  Fixture f;
  f.load([](Host& host) -> Status {
    const auto rewrite = [](FilterRequest& request) -> Verdict {
      if (request.filter() == "no") return Deny{0x9e};
      request.set_filter(concat("tenant/", request.filter()));
      request.set_qos(request.qos() > 1 ? 1 : request.qos());
      request.set_no_local(true);
      CHECK(request.no_local());
      return Next{};
    };
    KEEL_TRY(host.hooks().on_subscribe(0, rewrite));
    return host.hooks().on_unsubscribe(0, rewrite);
  });
  const FakeFilterAnswer answer = f.fake.subscribe({}, "a/#", 2);
  CHECK(answer.filter == "tenant/a/#");
  CHECK(answer.qos == 1);
  CHECK(f.fake.subscribe({}, "no").reason == 0x9e);
  CHECK(f.fake.unsubscribe({}, "b").filter == "tenant/b");
}

TEST_CASE("authenticate: decided at once") {
  Fixture f;
  f.load([](Host& host) -> Status {
    return host.hooks().on_authenticate(0, [](const AuthRequest& request) -> AuthVerdict {
      if (request.client().username() == "root" && request.password() == "pw") {
        return Allow{.superuser = true, .expiry_s = 60, .mountpoint = "m/"};
      }
      if (request.client().username().empty()) return Next{};
      return Deny{0x86};
    });
  });
  FakeAnswer answer = f.fake.authenticate({.username = "root", .password = "pw"});
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(answer.superuser);
  CHECK(answer.expiry_s == 60);
  CHECK(answer.mountpoint == "m/");
  answer = f.fake.authenticate({.username = "root", .password = "wrong"});
  CHECK(answer.verdict == KEEL_DENY);
  CHECK(answer.reason == 0x86);
  CHECK(f.fake.authenticate({}).verdict == KEEL_NEXT);
}

TEST_CASE("authenticate: decided later, by a job") {
  Fixture f;
  f.load([&](Host& host) -> Status {
    KEEL_TRY(host.hooks().on_authenticate(5, [&host](const AuthRequest& request) -> AuthVerdict {
      const Ticket ticket = request.ticket();
      const Status queued = host.workers().run(
          [password = std::string(request.password())] {
            if (password == "boom") throw std::runtime_error("boom");
            return password == "right";
          },
          [ticket](Result<bool> right) {
            if (right && *right) return ticket.allow({.superuser = true}).ignore();
            if (right) return ticket.next().ignore();
            ticket.deny(0x88).ignore();
          });
      return queued ? AuthVerdict(Pending{}) : AuthVerdict(Deny{0x88});
    }));
    return host.hooks().on_authenticate(0, [](const AuthRequest&) { return Deny{0x86}; });
  });
  const auto ask = [&](const char* password) {
    const FakeAnswer answer = f.fake.authenticate({.username = "u", .password = password});
    CHECK(answer.verdict == KEEL_PENDING);
    return answer.ticket;
  };
  const keel_handle right = ask("right"), wrong = ask("wrong"), boom = ask("boom");
  CHECK(f.fake.answer(right).verdict == KEEL_PENDING);
  CHECK(f.fake.jobs() == 3);
  f.fake.run_jobs();
  CHECK(f.fake.answer(right).verdict == KEEL_ALLOW);
  CHECK(f.fake.answer(right).superuser);
  CHECK(f.fake.answer(wrong).reason == 0x86);  // the hook behind said so
  CHECK(f.fake.answer(boom).reason == 0x88);
  CHECK(f.fake.exceptions == std::vector<std::string>{"boom"});

  f.fake.fail_next("worker.run", KEEL_E_LIMIT);
  CHECK(f.fake.authenticate({.username = "u", .password = "right"}).reason == 0x88);

  const keel_handle late = ask("right");
  f.fake.advance(5000);
  CHECK(f.fake.answer(late).verdict == KEEL_DENY);
  f.fake.run_jobs();
  CHECK(f.fake.answer(late).verdict == KEEL_DENY);

  const keel_handle left = ask("right");  // its job is cancelled by the unload
  CHECK(f.fake.unload());
  CHECK(f.fake.answer(left).verdict == KEEL_DENY);
}

TEST_CASE("a ticket may be answered before the hook has returned") {
  Fixture f;
  f.load([](Host& host) -> Status {
    return host.hooks().on_authorize(0, [](const AuthorizeRequest& request) -> Verdict {
      CHECK(request.publishing());
      CHECK(request.qos() == 1);
      CHECK(request.ticket().allow());
      CHECK(request.ticket().deny() == KEEL_E_STALE);
      return Pending{};
    });
  });
  CHECK(f.fake.authorize({}, KEEL_PUBLISH, "a", 1).verdict == KEEL_ALLOW);
  CHECK(Ticket().deny() == KEEL_E_INVAL);
}

TEST_CASE("enhanced authentication goes to and fro") {
  Fixture f;
  f.load([](Host& host) -> Status {
    return host.hooks().on_enhanced_auth(0, [](const AuthRequest& request) -> AuthVerdict {
      if (request.method() != "PING") return Next{};
      if (request.data() == "one") return Continue{"two"};
      if (request.data() == "later") return Pending{};
      return Allow{.data = "done"};
    });
  });
  FakeAnswer answer = f.fake.authenticate({}, "PING", "one");
  CHECK(answer.verdict == KEEL_CONTINUE);
  CHECK(answer.data == "two");
  answer = f.fake.authenticate({}, "PING", "two");
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(answer.data == "done");
  CHECK(f.fake.authenticate({}, "PONG", "x").verdict == KEEL_NEXT);
  const keel_handle ticket = f.fake.authenticate({}, "PING", "later").ticket;
  CHECK(Ticket(f.host().core(), ticket).answer(Continue{"go on"}));
  CHECK(f.fake.answer(ticket).data == "go on");
}

TEST_CASE("hooks are asked by priority, then in the order they were added") {
  Fixture f;
  std::string order;
  f.load([&](Host& host) -> Status {
    for (const auto& [name, priority] :
         std::vector<std::pair<char, int>>{{'c', 0}, {'a', 10}, {'e', -5}, {'d', 0}, {'b', 10}}) {
      KEEL_TRY(host.hooks().on_publish(priority,
                                       [&order, name = name](const Message&) { order += name; }));
    }
    return {};
  });
  f.fake.publish({"x", "y"});
  CHECK(order == "abcde");
}

TEST_CASE("events show what they are about, and can be sampled") {
  Fixture f;
  std::vector<std::string> seen;
  f.load([&](Host& host) -> Status {
    const auto note = [&seen](const Event& event) {
      seen.push_back(concat(event.point(), ' ', event.client() ? event.client()->client_id() : "-",
                            ' ', event.topic(), ' ', event.reason(), ' ', event.reason_code(), ' ',
                            event.qos(), ' ', event.message() ? event.message()->payload() : "-"));
    };
    KEEL_TRY(host.hooks().on_event(KEEL_HOOK_CLIENT_DISCONNECTED, note));
    KEEL_TRY(host.hooks().on_event(KEEL_HOOK_MESSAGE_DELIVERED, note, 0, 10));
    CHECK(host.hooks().on_event(KEEL_HOOK_MESSAGE_PUBLISH, note).code() == KEEL_E_INVAL);
    return {};
  });
  const FakeClient client{.client_id = "c1"};
  f.fake.notify(KEEL_HOOK_CLIENT_DISCONNECTED, &client, "", "keepalive_timeout", 0x8d);
  const FakeMessage message{"t", "p"};
  for (int i = 0; i < 30; ++i) {
    f.fake.notify(KEEL_HOOK_MESSAGE_DELIVERED, nullptr, "t", "success", 0, &message, 1);
  }
  REQUIRE(seen.size() == 4);
  CHECK(seen[0] == "10 c1  keepalive_timeout 141 0 -");
  CHECK(seen[1] == "17 - t success 0 1 p");
}

TEST_CASE("messages can be kept beyond the call") {
  Fixture f;
  MessageRef kept;
  f.load([&](Host& host) -> Status {
    return host.hooks().on_publish(0, [&](const Message& m) {
      Result<MessageRef> ref = m.share();
      REQUIRE(ref);
      kept = std::move(*ref);
    });
  });
  f.fake.publish({"a", "b"});
  CHECK(f.fake.messages_held() == 1);
  std::string seen;
  CHECK(kept.view([&](const Message& m) { seen = concat(m.topic(), '=', m.payload()); }));
  CHECK(seen == "a=b");
  MessageRef second = kept.share();
  kept = {};
  CHECK(f.host().broker().publish(second));
  CHECK(f.fake.published.at(0).payload == "b");
  second = MessageRef();
  CHECK(f.fake.messages_held() == 0);
  CHECK(MessageRef().view([](const Message&) {}) == KEEL_E_INVAL);
  CHECK(f.host().hooks().forget_decisions());
  CHECK(f.fake.decisions_forgotten == 1);
}

TEST_CASE("rechecks are remembered and answered") {
  Fixture f;
  f.load();
  std::string seen;
  const auto ask = [&](const char* client_id) {
    CHECK(f.host().hooks().recheck(
        client_id, [&, t = f.tracked()](std::uint64_t asked, std::uint64_t removed) {
          CHECK(f.fake.current() == KEEL_SHARD_CONTROL);
          seen += concat(asked, '/', removed, ' ');
        }));
  };
  f.fake.recheck_asked = 100;
  f.fake.recheck_removed = 3;
  ask("");
  CHECK(seen.empty());  // not at once
  f.fake.run();
  CHECK(seen == "100/3 ");
  CHECK(f.fake.decisions_forgotten == 1);

  f.fake.hold_rechecks = true;
  ask("one");
  ask("two");
  f.fake.run();
  CHECK(seen == "100/3 ");
  CHECK(f.fake.finish_recheck(5, 1));
  CHECK(seen == "100/3 5/1 ");
  REQUIRE(f.fake.rechecks.size() == 3);
  CHECK(f.fake.rechecks[0].client_id.empty());
  CHECK(f.fake.rechecks[1].client_id == "one");
  CHECK(f.fake.rechecks[1].done);
  CHECK(f.fake.rechecks[2].client_id == "two");
  CHECK(!f.fake.rechecks[2].done);

  CHECK(f.fake.unload());  // cancels the last one: the lambda goes without a call
  CHECK(seen == "100/3 5/1 ");
  CHECK(f.fake.rechecks[2].done);
  CHECK(f.alive == 0);
  CHECK(!f.fake.finish_recheck(0, 0));
}

TEST_CASE("a recheck can fail at once, or be unknown to an older kernel") {
  Fixture f;
  SUBCASE("refused") {
    f.load();
    f.fake.fail_next("auth.recheck", KEEL_E_LIMIT);
    CHECK(f.host().hooks().recheck("", [t = f.tracked()](std::uint64_t, std::uint64_t) {}).code() ==
          KEEL_E_LIMIT);
  }
  SUBCASE("unknown") {
    f.fake.resize_table(KEEL_EXT_AUTH, offsetof(keel_ext_auth, recheck));
    f.load();
    CHECK(f.host().hooks().recheck("", [t = f.tracked()](std::uint64_t, std::uint64_t) {}).code() ==
          KEEL_E_UNSUPPORTED);
  }
  CHECK(f.alive == 0);
  CHECK(f.fake.rechecks.empty());
}

TEST_CASE("hooks see what a client proved") {
  Fixture f;
  f.load([&](Host& host) -> Status {
    return host.hooks().on_authenticate(0, [](const AuthRequest& request) -> AuthVerdict {
      if (request.client().verified().cn() == "device-7") return Allow{};
      return Next{};
    });
  });
  CHECK(f.fake.authenticate({.verified = FakeVerified{.cn = "device-7"}}).verdict == KEEL_ALLOW);
  CHECK(f.fake.authenticate({}).verdict == KEEL_NEXT);
}
