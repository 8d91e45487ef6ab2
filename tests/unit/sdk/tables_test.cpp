// The remaining tables: publishing, clients, workers, descriptors, commands, metrics, services.
#include "tests/unit/sdk/support.hpp"

using namespace keel;
using keel::test::Fixture;

TEST_CASE("publishing, and what is retained") {
  Fixture f;
  f.load();
  const Property properties[] = {user_property("k", "v"),
                                 text_property(KEEL_PROP_CONTENT_TYPE, "text/plain"),
                                 number_property(KEEL_PROP_PAYLOAD_FORMAT, 1)};
  f.host().publish({.topic = "a/b",
                    .payload = "1",
                    .qos = 1,
                    .retain = true,
                    .expiry_s = 9,
                    .properties = properties});
  REQUIRE(f.fake.published.size() == 1);
  const FakeMessage& message = f.fake.published[0];
  CHECK(message.qos == 1);
  CHECK(message.retain);
  CHECK(message.expiry_s == 9);
  CHECK(message.texts.size() == 2);
  CHECK(message.numbers.size() == 1);
  f.host().publish({.topic = "a/#", .payload = "1"});
  CHECK(f.fake.logged("cannot publish to a/#"));
  f.fake.fail_next("broker.publish", KEEL_E_LIMIT, 2);
  CHECK(f.host().broker().publish({.topic = "x", .payload = "y"}) == KEEL_E_LIMIT);
  f.host().publish({.topic = "x", .payload = "y"});
  CHECK(f.fake.logged("cannot publish to x: limit reached"));
  CHECK(f.host().broker().publish({.topic = "$SYS/x", .payload = "y"}) == KEEL_E_DENIED);

  f.fake.retained["a/c"] = {"a/c", "2"};
  f.fake.retained["b"] = {"b", "3"};
  std::string seen;
  f.fake.on(0, [&] {
    CHECK(f.host().broker().retained(
        "a/+",
        [&, t = f.tracked()](const Message& m) { seen += concat(m.topic(), m.payload(), ' '); },
        [&](bool cancelled) { seen += cancelled ? "cancelled" : "done"; }));
    CHECK(seen.empty());
    f.fake.match_count = 3;
    CHECK(*f.host().broker().match_count("a/b") == 3);
  });
  f.fake.run();
  CHECK(seen == "a/b1 a/c2 done");
  CHECK(f.host().broker().retained_clear("a/c"));
  CHECK(f.fake.retained.size() == 2);
  CHECK(f.host().broker().version() == "0.0.0-fake");
  CHECK(f.host().broker().node_name() == "keel@fake");
}

TEST_CASE("the fake's filters match as MQTT's do") {
  for (const auto& [filter, topic, expected] :
       std::vector<std::tuple<const char*, const char*, bool>>{{"a/b", "a/b", true},
                                                               {"a/+", "a/b", true},
                                                               {"a/+", "a", false},
                                                               {"a/#", "a", true},
                                                               {"a/#", "a/b/c", true},
                                                               {"#", "a/b", true},
                                                               {"#", "$SYS/x", false},
                                                               {"+/b", "a/b", true},
                                                               {"+", "a/b", false},
                                                               {"a/+/c", "a//c", true},
                                                               {"a/b/c", "a/b", false},
                                                               {"$SYS/#", "$SYS/x", true}}) {
    CHECK_MESSAGE(fake::matches(filter, topic) == expected, concat(filter, ' ', topic));
  }
}

TEST_CASE("clients are found, listed and ended") {
  Fixture f;
  f.load();
  f.fake.clients = {{.client_id = "a"}, {.client_id = "b"}};
  std::string seen;
  CHECK(f.host().clients().find("b", [&, t = f.tracked()](const Client* client) {
    seen += concat(client ? client->client_id() : "none", ' ');
  }));
  CHECK(
      f.host().clients().find("c", [&](const Client* client) { seen += client ? "?" : "none "; }));
  CHECK(f.host().clients().each(
      [&, t = f.tracked()](const Client& client) {
        seen += client.client_id();
        throw std::runtime_error("each");
      },
      [&] { seen += " end"; }));
  f.fake.run();
  CHECK(seen == "b none ab end");
  CHECK(f.fake.exceptions.size() == 2);
  CHECK(f.host().clients().kick("a", 0x98));
  CHECK(f.fake.kicked.at(0).first == "a");
  CHECK(f.host().clients().kick_user("alice"));
  CHECK(f.host().clients().kick_user("bob", 0x87));
  REQUIRE(f.fake.kicked_users.size() == 2);
  CHECK(f.fake.kicked_users[0] == std::pair<std::string, std::uint8_t>("alice", 0));
  CHECK(f.fake.kicked_users[1] == std::pair<std::string, std::uint8_t>("bob", 0x87));
}

TEST_CASE("a client shows what it proved") {
  Fixture f;
  f.fake.clients = {{.client_id = "a", .verified = FakeVerified{.cn = "device-7"}},
                    {.client_id = "b"}};
  std::string seen;
  f.load();
  CHECK(f.host().clients().each(
      [&](const Client& client) { seen += concat(client.verified().cn(), ';'); }, [] {}));
  f.fake.run();
  CHECK(seen == "device-7;;");
}

TEST_CASE("work is done elsewhere and answered on the shard that asked") {
  Fixture f;
  f.load();
  std::string log;
  const Workers workers = f.host().workers();
  f.fake.on(1, [&] {
    CHECK(
        workers.run([] { return 6 * 7; },
                    [&, t = f.tracked()](int n) { log += concat(n, '@', f.fake.current(), ' '); }));
    CHECK(workers.run([&, t = f.tracked()] { log += "work "; }, [&] { log += "done "; }));
    CHECK(workers.run([] { return std::string("text"); },
                      [&](Result<std::string> text) { log += *text + ' '; }, kControl));
    CHECK(workers.run([] { throw std::runtime_error("job"); },
                      [&](const Status& status) { log += concat(status, ' '); }));
    CHECK(workers.run([]() -> int { throw std::runtime_error("job"); }, [&](int) { log += "?"; }));
  });
  CHECK(f.fake.jobs() == 5);
  f.fake.run_jobs(1);
  CHECK(log == "42@1 ");
  f.fake.run_jobs();
  CHECK(log == "42@1 work done text the work threw an exception ");
  CHECK(f.fake.exceptions.size() == 2);

  log.clear();
  CHECK(workers.run([&] { log += "?"; }, [&, t = f.tracked()] { log += "?"; }));
  CHECK(workers.run([] { return 1; }, [&, t = f.tracked()](Result<int> n) { log += n.text(); }));
  CHECK(f.fake.unload());
  CHECK(log == "cancelled: the plugin is being unloaded");
}

TEST_CASE("descriptors are watched") {
  Fixture f;
  f.load();
  Watch watch;
  std::uint32_t seen = 0;
  f.fake.on(1, [&] {
    REQUIRE(f.host()
                .descriptors()
                .watch(7, KEEL_FD_READ,
                       [&, t = f.tracked()](std::uint32_t events) {
                         seen = events;
                         if (events & KEEL_FD_ERROR) watch = {};
                       })
                .into(watch));
    CHECK(f.host().descriptors().watch(7, KEEL_FD_READ, [](std::uint32_t) {}).code() ==
          KEEL_E_EXISTS);
  });
  f.fake.ready(7, KEEL_FD_WRITE);
  CHECK(seen == 0);
  f.fake.on(1, [&] { CHECK(watch.modify(KEEL_FD_READ | KEEL_FD_WRITE)); });
  f.fake.ready(7, KEEL_FD_WRITE);
  CHECK(seen == KEEL_FD_WRITE);
  f.fake.ready(7, KEEL_FD_ERROR);
  CHECK(f.alive == 0);
  f.fake.on(0, [&] {
    REQUIRE(f.host()
                .descriptors()
                .watch(8, KEEL_FD_READ, [t = f.tracked()](std::uint32_t) {})
                .into(watch));
  });
  watch = {};  // from the control thread: the shard does it
  f.fake.run();
  CHECK(f.alive == 0);
}

TEST_CASE("commands are run for operators") {
  Fixture f;
  Command command;
  f.load([&](Host& host) -> Status {
    KEEL_TRY(host.ctl()
                 .add("hello", {{"hello count", "Counts"}, {"hello bye", "Ends"}},
                      [&, t = f.tracked()](CtlCall& call) {
                        if (call.size() == 0) return KEEL_EXIT_USAGE;
                        if (call[0] == "throw") throw std::runtime_error("cmd");
                        if (call[0] == "bye") command = {};
                        call.print(call.json() ? "{}" : "n ", call[0], call[9], '\n');
                        return KEEL_EXIT_OK;
                      })
                 .into(command));
    CHECK(host.ctl().add("hello", {}, [](CtlCall&) { return 0; }).code() == KEEL_E_EXISTS);
    return {};
  });
  CHECK(f.fake.ctl("hello count").output == "n count\n");
  CHECK(f.fake.ctl("hello count --json").output == "{}count\n");
  CHECK(f.fake.ctl("hello").exit == KEEL_EXIT_USAGE);
  CHECK(f.fake.ctl("hello").output.find("hello bye  # Ends") != std::string::npos);
  CHECK(f.fake.ctl("nothing").exit == KEEL_EXIT_USAGE);
  const FakeOutput thrown = f.fake.ctl("hello throw");
  CHECK(thrown.exit == KEEL_EXIT_ERROR);
  CHECK(thrown.output == "the plugin threw an exception; see the log\n");
  CHECK(f.fake.ctl("hello bye").output == "n bye\n");
  CHECK(f.alive == 0);
  CHECK(f.fake.ctl("hello count").exit == KEEL_EXIT_USAGE);
}

namespace {
// A host whose plugin has the command "work": the test says what its function does.
struct WorkFixture : Fixture {
  WorkFixture() {
    load([this](Host& host) -> Status {
      return host.ctl().add("work", {{"work", "Works"}}, [this](CtlCall& call) {
        reply = call.reply();
        return work(call);
      });
    });
  }
  std::function<int(CtlCall&)> work = [](CtlCall&) { return KEEL_EXIT_LATER; };
  CtlReply reply;
};
}  // namespace

TEST_CASE("a command can be answered later") {
  WorkFixture f;
  SUBCASE("when the work is done") {
    f.work = [&f](CtlCall& call) {
      call.print("hashing\n");
      static_cast<void>(f.host().workers().run([] {}, [&f] { CHECK(f.reply.ok("added\n")); }));
      return KEEL_EXIT_LATER;
    };
    const FakeOutput asked = f.fake.ctl({"work"});
    CHECK(asked.exit == KEEL_EXIT_LATER);
    CHECK(asked.output == "hashing\n");
    REQUIRE(asked.reply != 0);
    CHECK(f.fake.ctl_answer(asked.reply).exit == KEEL_EXIT_LATER);
    f.fake.run_jobs();
    const FakeOutput answer = f.fake.ctl_answer(asked.reply);
    CHECK(answer.exit == KEEL_EXIT_OK);
    CHECK(answer.output == "hashing\nadded\n");
    CHECK(f.reply.ok("again").code() == KEEL_E_STALE);
    CHECK(f.fake.ctl_answer(asked.reply).output == "hashing\nadded\n");
  }
  SUBCASE("before its function returned, and then at once") {
    f.work = [&f](CtlCall& call) {
      CHECK(f.reply.fail("no such user\n"));
      call.print("looking\n");
      return KEEL_EXIT_LATER;
    };
    const FakeOutput answer = f.fake.ctl({"work"});
    CHECK(answer.exit == KEEL_EXIT_ERROR);
    CHECK(answer.output == "looking\nno such user\n");
    CHECK(answer.reply == 0);
  }
  SUBCASE("by a post, and then ctl() has it") {
    f.work = [&f](CtlCall&) {
      CHECK(f.host().shards().post(0, [&f] { CHECK(f.reply.prompt("Password: ")); }));
      return KEEL_EXIT_LATER;
    };
    const FakeOutput answer = f.fake.ctl("work");
    CHECK(answer.exit == KEEL_EXIT_PROMPT);
    CHECK(answer.output == "Password: ");
  }
  SUBCASE("within a minute") {
    const keel_handle asked = f.fake.ctl({"work"}).reply;
    f.fake.advance(59'999);
    CHECK(f.fake.ctl_answer(asked).exit == KEEL_EXIT_LATER);
    f.fake.advance(1);
    CHECK(f.reply.ok("late").code() == KEEL_E_STALE);
    CHECK(f.fake.ctl_answer(asked).exit == KEEL_EXIT_ERROR);
    CHECK(f.fake.ctl_answer(asked).output == "plugin plugin did not answer within 60 s\n");
  }
  SUBCASE("not when nobody waits any more") {
    f.fake.ctl_hang_up(f.fake.ctl({"work"}).reply);
    CHECK(f.reply.ok("alone").code() == KEEL_E_STALE);
  }
  SUBCASE("not when the function has answered itself") {
    f.work = [](CtlCall&) { return KEEL_EXIT_OK; };
    CHECK(f.fake.ctl({"work"}).exit == KEEL_EXIT_OK);
    CHECK(f.reply.ok("twice").code() == KEEL_E_STALE);
  }
  SUBCASE("not with an exit that ends nothing") {
    const keel_handle asked = f.fake.ctl({"work"}).reply;
    const auto& table =
        *static_cast<const keel_ext_ctl*>(f.host().c()->get_extension(f.host().c(), KEEL_EXT_CTL));
    CHECK(table.finish(f.host().c(), asked, KEEL_EXIT_LATER, {}) == KEEL_E_INVAL);
    CHECK(table.finish(f.host().c(), asked, KEEL_EXIT_USAGE, {}) == KEEL_E_INVAL);
    CHECK(table.finish(f.host().c(), asked + 1, KEEL_EXIT_OK, {}) == KEEL_E_STALE);
    CHECK(CtlReply().ok("").code() == KEEL_E_INVAL);
  }
  SUBCASE("not by a plugin that was unloaded") {
    const keel_handle asked = f.fake.ctl({"work"}).reply;
    CHECK(f.fake.unload());
    CHECK(f.fake.ctl_answer(asked).exit == KEEL_EXIT_ERROR);
    CHECK(f.fake.ctl_answer(asked).output == "plugin plugin was unloaded before it answered\n");
  }
}

TEST_CASE("a command can ask a question, and words may hold anything") {
  WorkFixture f;
  f.work = [](CtlCall& call) {
    if (call.size() == 0) {
      call.print("Password: ");
      return KEEL_EXIT_PROMPT;
    }
    call.print('[', call[0], ']', call.json() ? " json" : "");
    return KEEL_EXIT_OK;
  };
  CHECK(f.fake.ctl({"work"}).exit == KEEL_EXIT_PROMPT);
  CHECK(f.fake.ctl({"work"}).output == "Password: ");
  CHECK(f.fake.ctl({"work", "two words"}).output == "[two words]");
  CHECK(f.fake.ctl({"work", "--json", "--", "--json"}).output == "[--json] json");
  CHECK(f.fake.ctl({"work", "--", "--"}).output == "[--]");
}

TEST_CASE("metrics count, are set, observed and read") {
  Fixture f;
  Counter lines;
  Gauge level;
  Histogram sizes;
  Metric depth;
  f.load([&](Host& host) -> Status {
    const Metrics metrics = host.metrics();
    KEEL_TRY(metrics.counter("lines_total", "Lines", "kind=\"a\"").into(lines));
    KEEL_TRY(metrics.gauge("level", "Level").into(level));
    const double bounds[] = {1, 10};
    KEEL_TRY(metrics.histogram("sizes", "Sizes", bounds).into(sizes));
    KEEL_TRY(metrics.gauge_of("depth", "Depth", [t = f.tracked()] { return 4; }).into(depth));
    KEEL_TRY(metrics.gauge_of("bad", "Throws", []() -> double { throw std::runtime_error("g"); }));
    CHECK(metrics.counter("lines", "no _total").code() == KEEL_E_INVAL);
    return {};
  });
  lines.add();
  lines.add(4);
  level.set(10);
  level.add(-3);
  sizes.observe(2.5);
  CHECK(f.fake.metric("lines_total", "kind=\"a\"") == 5);
  CHECK(f.fake.metric("level") == 7);
  CHECK(f.fake.metric("sizes") == 2.5);
  CHECK(f.fake.metric("depth") == 4);
  CHECK(f.fake.metric("bad") == 0);
  CHECK(f.fake.exceptions.size() == 1);
  CHECK(f.fake.metric("none") == -1);
  depth.reset();
  lines.reset();
  CHECK(f.fake.metric("lines_total") == -1);
  CHECK(f.alive == 0);
}

TEST_CASE("services, the clock, shards and the plugin's directory") {
  struct Geo {
    std::uint32_t size;
    int (*where)();
  };
  static const Geo mine{sizeof(Geo), [] { return 1; }}, theirs{sizeof(Geo), [] { return 2; }};
  Fixture f(3);
  f.fake.services["them.geo/1"] = &theirs;
  Service service;
  f.load([&](Host& host) -> Status {
    KEEL_TRY(host.services().provide("me.geo/1", &mine).into(service));
    CHECK(host.services().provide("me.geo/1", &mine).code() == KEEL_E_EXISTS);
    const auto found = host.services().find<Geo>("them.geo/1");
    REQUIRE(found);
    CHECK((*found)->where() == 2);
    CHECK(host.services().release("them.geo/1"));
    CHECK(host.services().find<Geo>("nobody/1").code() == KEEL_E_NOENT);
    CHECK(*host.state_dir() == f.fake.state_dir);
    CHECK(host.clock().wall_ms() == f.fake.wall_ms);
    CHECK(host.shards().count() == 3);
    CHECK(host.shards().current() == kControl);
    CHECK(host.shards().home("client") < 3);
    return {};
  });
  const std::int64_t before = f.host().clock().mono_ms();
  f.fake.advance(1234);
  CHECK(f.host().clock().mono_ms() == before + 1234);
  service.reset();
  CHECK(f.fake.handles() == 0);
}

TEST_CASE("the log formats only what is written") {
  Fixture f;
  f.load();
  struct Costly {
    int& used;
    void append_to(std::string& out) const {
      ++used;
      out += "costly";
    }
  };
  int used = 0;
  f.fake.log_level = KEEL_LOG_WARNING;
  f.host().log().debug(Costly{used});
  f.host().log().info(Costly{used});
  f.host().log().notice(Costly{used});
  CHECK(used == 0);
  f.host().log().warning("a ", Costly{used});
  f.host().log().error("b");
  CHECK(used == 1);
  REQUIRE(f.fake.log().size() == 2);
  CHECK(f.fake.log()[0].text == "a costly");
  CHECK(f.fake.log()[1].level == KEEL_LOG_ERROR);
}
