// The plugin on a kernel in memory: settings, decisions, reloads and commands.
#include <doctest/doctest.h>

#include <keel/fake.hpp>
#include <keel/test/process.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace {

constexpr std::string_view kRules = R"([[rule]]
permit = "allow"
user = "ann"
topics = ["home/%u/#", "sensors/#"]

[[rule]]
permit = "deny"
all = true
topics = ["home/#", "$SYS/#"]

[[rule]]
permit = "allow"
address = "127.0.0.1"
topics = ["local/#"]
)";

// A host with the plugin and a file of its own.
struct Loaded {
  explicit Loaded(std::string_view rules = kRules, bool load = true) {
    write(rules);
    host.set("acl.file", file);
    if (!load) return;
    const keel::Status status = host.load(keel_plugin_entry_v1);
    REQUIRE_MESSAGE(status, status.text());
  }
  void write(std::string_view text) const { keel::test::write_file(file, text); }
  // `ctl <line>`, until it is answered.
  keel::FakeOutput ctl(std::string_view line) {
    const keel::FakeOutput asked = host.ctl(line);
    if (asked.exit != KEEL_EXIT_LATER) return asked;
    host.run_jobs();
    return host.ctl_answer(asked.reply);
  }
  std::int32_t may_publish(const keel::FakeClient& client, const std::string& topic) {
    return host.authorize(client, KEEL_PUBLISH, topic).verdict;
  }
  std::int32_t may_subscribe(const keel::FakeClient& client, const std::string& filter) {
    return host.authorize(client, KEEL_SUBSCRIBE, filter).verdict;
  }

  keel::test::TempDir dir;
  std::string file = dir.path("acl.conf");
  keel::FakeHost host;
};

const keel::FakeClient kAnn{.client_id = "c1", .username = "ann", .peer = "10.0.0.1:5000"};
const keel::FakeClient kBob{.client_id = "c2", .username = "bob", .peer = "10.0.0.2:5000"};
const keel::FakeClient kLocal{.client_id = "c3"};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("rules decide, and where none does others are asked") {
  Loaded acl;
  CHECK(acl.may_publish(kAnn, "home/ann/lamp") == KEEL_ALLOW);
  CHECK(acl.may_publish(kAnn, "home/bob/lamp") == KEEL_DENY);
  CHECK(acl.may_publish(kBob, "home/bob/lamp") == KEEL_DENY);
  CHECK(acl.may_publish(kBob, "elsewhere") == KEEL_NEXT);
  CHECK(acl.may_publish(kLocal, "local/x") == KEEL_ALLOW);
  CHECK(acl.may_publish(kBob, "local/x") == KEEL_NEXT);
  CHECK(acl.may_subscribe(kAnn, "home/ann/#") == KEEL_ALLOW);
  CHECK(acl.may_subscribe(kAnn, "home/+/lamp") == KEEL_DENY);
  CHECK(acl.may_subscribe(kAnn, "#") == KEEL_DENY);
  CHECK(acl.may_subscribe(kBob, "local/#") == KEEL_NEXT);
  CHECK(acl.host.metric("acl_rules") == 3);
  CHECK(acl.host.metric("acl_decisions_total", R"(decision="allow")") == 3);
  CHECK(acl.host.metric("acl_decisions_total", R"(decision="deny")") == 4);
  CHECK(acl.host.metric("acl_decisions_total", R"(decision="none")") == 3);
  CHECK(acl.host.health().first == KEEL_HEALTH_GOOD);
  CHECK(contains(acl.host.health().second, "3 rules of /tmp/"));
  CHECK(acl.host.misuse().empty());
  CHECK(acl.host.unload());
}

TEST_CASE("QoS and retain reach the rules") {
  Loaded acl(
      "[[rule]]\npermit = 'deny'\nall = true\naction = 'publish'\nretain = true\n"
      "[[rule]]\npermit = 'allow'\nall = true\nqos = 1\n");
  CHECK(acl.host.authorize(kBob, KEEL_PUBLISH, "a", 1, true).verdict == KEEL_DENY);
  CHECK(acl.host.authorize(kBob, KEEL_PUBLISH, "a", 1, false).verdict == KEEL_ALLOW);
  CHECK(acl.host.authorize(kBob, KEEL_SUBSCRIBE, "a", 2).verdict == KEEL_NEXT);
}

TEST_CASE("loading applies the rules to who is there already") {
  Loaded acl;
  REQUIRE(acl.host.rechecks.size() == 1);
  CHECK(acl.host.rechecks[0].client_id.empty());
}

TEST_CASE("a session whose client is away keeps what its address allowed") {
  Loaded acl(
      "[[rule]]\npermit = 'allow'\naddress = '10.0.0.0/8'\n[[rule]]\npermit = 'deny'\nall = "
      "true\n");
  keel::FakeClient away{.client_id = "c"};
  away.peer = away.listener = "";
  CHECK(acl.may_subscribe(away, "a") == KEEL_ALLOW);
  away.listener = "mqtt-sn";  // connected, through a gateway that knows no address
  CHECK(acl.may_subscribe(away, "a") == KEEL_DENY);
}

TEST_CASE("no file, no plugin") {
  SUBCASE("missing") {
    Loaded acl(kRules, false);
    acl.host.set("acl.file", "none.conf");
    const keel::Status status = acl.host.load(keel_plugin_entry_v1);
    CHECK_FALSE(status);
    CHECK(status.text() ==
          "start: acl.file: /etc/keel/none.conf: cannot be read: No such file or directory; put "
          "the rules "
          "there, or "
          "let acl.file name the file");
  }
  SUBCASE("wrong") {
    Loaded acl("[[rule]]\npermit = 'perhaps'\nall = true\n", false);
    const keel::Status status = acl.host.load(keel_plugin_entry_v1);
    CHECK_FALSE(status);
    CHECK(contains(status.text(), "acl.conf:2:10: rule 1: permit is \"allow\" or \"deny\""));
  }
}

TEST_CASE("the key of EMQ X names the file, too") {
  Loaded acl("not TOML", false);
  const std::string other = acl.dir.path("emqx.conf");
  keel::test::write_file(other, "{deny, all}.\n");
  acl.host.set("acl_file", other);
  REQUIRE(acl.host.load(keel_plugin_entry_v1));
  CHECK(acl.may_publish(kBob, "a") == KEEL_DENY);
  CHECK(contains(acl.host.health().second, "emqx.conf (Erlang terms)"));
}

TEST_CASE("ctl acl reload") {
  Loaded acl;
  acl.host.recheck_asked = 100;
  acl.host.recheck_removed = 3;
  acl.write("{allow, {user, \"bob\"}, publish, [\"home/#\"]}.\n");
  CHECK(acl.may_publish(kBob, "home/bob/lamp") == KEEL_DENY);
  SUBCASE("as text") {
    const keel::FakeOutput done = acl.ctl("acl reload");
    CHECK(done.exit == KEEL_EXIT_OK);
    CHECK(done.output == keel::concat("1 rule of ", acl.file,
                                      " (Erlang terms) in force\n100 subscriptions checked, 3 "
                                      "removed\n"));
  }
  SUBCASE("as JSON") {
    CHECK(acl.ctl("acl reload --json").output ==
          keel::concat("{\"file\":\"", acl.file,
                       "\",\"format\":\"erlang\",\"rules\":1,\"checked\":100,\"removed\":3}\n"));
  }
  CHECK(acl.host.rechecks.size() == 2);
  CHECK(acl.may_publish(kBob, "home/bob/lamp") == KEEL_ALLOW);
  CHECK(acl.may_publish(kAnn, "home/ann/lamp") == KEEL_NEXT);
  CHECK(acl.host.metric("acl_rules") == 1);
  CHECK(acl.host.handles("hook") == 1);
  CHECK(acl.host.misuse().empty());
}

TEST_CASE("a bad file leaves the old rules in force") {
  Loaded acl;
  acl.write("{allow, all}.\n{allow, every, publish, [\"a\"]}.\n");
  const keel::FakeOutput done = acl.ctl("acl reload");
  CHECK(done.exit == KEEL_EXIT_ERROR);
  CHECK(done.output.starts_with(acl.file + ":2:9: rule 2: who is all"));
  CHECK(contains(done.output, "The rules of before stay in force.\n"));
  CHECK(acl.may_publish(kBob, "home/bob/lamp") == KEEL_DENY);
  CHECK(acl.host.rechecks.size() == 1);
  CHECK(acl.host.metric("acl_reload_failures_total") == 1);
  CHECK(acl.host.health().first == KEEL_HEALTH_DEGRADED);
  CHECK(contains(acl.host.health().second, "acl.conf:2:9"));
  // Also by way of the settings.
  const keel::Status applied = acl.host.reload({});
  CHECK_FALSE(applied);
  CHECK(acl.may_publish(kBob, "home/bob/lamp") == KEEL_DENY);
  // And a good one ends it.
  acl.write("{allow, all}.\n");
  CHECK(acl.ctl("acl reload").exit == KEEL_EXIT_OK);
  CHECK(acl.host.health().first == KEEL_HEALTH_GOOD);
  CHECK(acl.may_publish(kBob, "home/bob/lamp") == KEEL_ALLOW);
}

TEST_CASE("one reload at a time, and none that never ends") {
  Loaded acl;
  const keel::FakeOutput first = acl.host.ctl("acl reload");
  CHECK(first.exit == KEEL_EXIT_LATER);
  const keel::FakeOutput second = acl.host.ctl("acl reload");
  CHECK(second.exit == KEEL_EXIT_ERROR);
  CHECK(contains(second.output, "being read already"));
  acl.host.run_jobs();
  CHECK(acl.host.ctl_answer(first.reply).exit == KEEL_EXIT_OK);
  acl.host.fail_next("worker.run", KEEL_E_LIMIT);
  CHECK(acl.host.ctl("acl reload").exit == KEEL_EXIT_ERROR);
  CHECK(acl.ctl("acl reload").exit == KEEL_EXIT_OK);
  // Unloaded in the middle: by the reading, by the recheck.
  CHECK(acl.host.ctl("acl reload").exit == KEEL_EXIT_LATER);
  CHECK(acl.host.unload());
}

TEST_CASE("a reload that was overtaken changes nothing") {
  Loaded acl;
  const keel::FakeOutput asked = acl.host.ctl("acl reload");
  const std::string other = acl.dir.path("other.conf");
  keel::test::write_file(other, "{deny, all}.\n");
  CHECK(acl.host.reload({{"acl.file", other}}));
  acl.host.run_jobs();
  const keel::FakeOutput done = acl.host.ctl_answer(asked.reply);
  CHECK(done.exit == KEEL_EXIT_ERROR);
  CHECK(contains(done.output, "meanwhile"));
  CHECK(acl.may_publish(kAnn, "home/ann/lamp") == KEEL_DENY);
  CHECK(contains(acl.ctl("acl show").output, other));
}

TEST_CASE("an unload ends a recheck that is under way") {
  Loaded acl;
  acl.host.hold_rechecks = true;
  const keel::FakeOutput asked = acl.host.ctl("acl reload");
  acl.host.run_jobs();
  CHECK(acl.host.ctl_answer(asked.reply).exit == KEEL_EXIT_LATER);
  CHECK(acl.host.unload());
  CHECK(acl.host.ctl_answer(asked.reply).exit == KEEL_EXIT_ERROR);
}

TEST_CASE("a kernel that cannot recheck forgets what it decided") {
  Loaded acl(kRules, false);
  acl.host.resize_table(KEEL_EXT_AUTH, offsetof(keel_ext_auth, recheck));
  REQUIRE(acl.host.load(keel_plugin_entry_v1));
  CHECK(acl.host.decisions_forgotten == 1);
  const keel::FakeOutput done = acl.ctl("acl reload");
  CHECK(done.exit == KEEL_EXIT_OK);
  CHECK(contains(done.output, "live subscriptions were not checked"));
  CHECK(acl.host.decisions_forgotten == 2);
  CHECK(contains(acl.ctl("acl reload --json").output, R"("checked":null)"));
}

TEST_CASE("ctl plugins reload takes another file") {
  Loaded acl;
  const std::string other = acl.dir.path("other.conf");
  keel::test::write_file(other, "[[rule]]\npermit = 'deny'\nall = true\n");
  CHECK(acl.host.reload({{"acl.file", other}}));
  CHECK(acl.may_publish(kAnn, "home/ann/lamp") == KEEL_DENY);
  CHECK(acl.host.rechecks.size() == 2);
  CHECK(contains(acl.ctl("acl show").output, other));
  CHECK_FALSE(acl.host.reload({{"acl.file", acl.dir.path("missing")}}));
  CHECK(acl.may_publish(kAnn, "home/ann/lamp") == KEEL_DENY);
}

TEST_CASE("ctl acl show") {
  Loaded acl;
  CHECK(
      acl.ctl("acl show").output ==
      keel::concat("3 rules of ", acl.file, " (TOML)\n",
                   R"(1  acl.conf:1  allow user "ann" publish and subscribe "home/%u/#", )",
                   R"("sensors/#")",
                   "\n2  acl.conf:6  deny all publish and subscribe \"home/#\", \"$SYS/#\"\n"
                   "3  acl.conf:11  allow address 127.0.0.1 publish and subscribe \"local/#\"\n"));
  const std::string json = acl.ctl("acl show --json").output;
  CHECK(json.starts_with(keel::concat("{\"file\":\"", acl.file, "\",\"format\":\"toml\",")));
  CHECK(contains(json, R"({"number":2,"line":6,"permit":"deny","text":"deny all publish and )"));
}

TEST_CASE("ctl acl explain: a client that is connected") {
  Loaded acl;
  acl.host.clients = {kAnn, kBob};
  CHECK(acl.ctl("acl explain c1 publish home/ann/lamp --qos 1").output ==
        "client \"c1\", publish to \"home/ann/lamp\", QoS 1: allowed\n"
        "by rule 1  acl.conf:1  allow user \"ann\" publish and subscribe \"home/%u/#\", "
        "\"sensors/#\"\n"
        "because\n"
        "  the user is \"ann\"\n"
        "  its topic \"home/%u/#\", here \"home/ann/#\", matches the topic\n");
  CHECK(acl.ctl("acl explain c2 subscribe $share/g/#").output ==
        "client \"c2\", subscribe to \"#\", QoS 0: denied\n"
        "by rule 2  acl.conf:6  deny all publish and subscribe \"home/#\", \"$SYS/#\"\n"
        "because\n"
        "  it is about everybody\n"
        "  its topic \"home/#\" has topics in common with the filter\n");
  const keel::FakeOutput none = acl.ctl("acl explain c2 publish elsewhere");
  CHECK(none.exit == KEEL_EXIT_OK);
  CHECK(contains(none.output, "no rule decides"));
  CHECK(contains(none.output, "mqtt.acl_nomatch"));
  const keel::FakeOutput gone = acl.ctl("acl explain c9 publish a");
  CHECK(gone.exit == KEEL_EXIT_ERROR);
  CHECK(contains(gone.output, "Client \"c9\" is not connected."));
}

TEST_CASE("ctl acl explain: a client that is thought up, JSON, and mistakes") {
  Loaded acl;
  acl.host.clients = {kBob};
  CHECK(contains(acl.ctl("acl explain c2 publish local/x --address 127.0.0.1").output,
                 "allowed\nby rule 3  acl.conf:11  "));
  CHECK(acl.ctl("acl explain c9 publish sensors/x --user ann --json").output ==
        keel::concat(R"({"decision":"allow","rule":{"number":1,"line":1,"permit":"allow","text":)",
                     R"("allow user \"ann\" publish and subscribe \"home/%u/#\", \"sensors/#\""},)",
                     R"("file":")", acl.file,
                     R"(","why":["the user is \"ann\"","its topic \"sensors/#\" matches the )",
                     "topic\"]}\n"));
  CHECK(acl.ctl("acl explain c9 publish elsewhere --user ann --json").output ==
        "{\"decision\":\"none\"}\n");
  CHECK(acl.ctl("acl explain c9 publish a/#").exit == KEEL_EXIT_ERROR);
  for (const char* line : {"acl", "acl explain", "acl explain c9", "acl explain c9 publish",
                           "acl reload now", "acl show all", "acl list"}) {
    CAPTURE(line);
    const keel::FakeOutput usage = acl.ctl(line);
    CHECK(usage.exit == KEEL_EXIT_USAGE);
    CHECK(contains(usage.output, "acl explain <ClientId>"));
  }
  acl.host.fail_next("clients.find", KEEL_E_LIMIT);
  CHECK(acl.ctl("acl explain c2 publish a").exit == KEEL_EXIT_ERROR);
}

TEST_CASE("a client's own words do not reach the screen as they are") {
  Loaded acl("[[rule]]\npermit = 'allow'\nall = true\ntopics = '%u/#'\n");
  acl.host.clients = {{.client_id = "c", .username = "a\x1b[2J\n\"b"}};
  const std::string out =
      acl.host.ctl({"acl", "explain", "c", "publish", "a\x1b[2J\n\"b/x"}).output;
  INFO(out);
  CHECK(contains(out, R"(here "a\x1b[2J\x0a\"b/#")"));
  CHECK_FALSE(contains(out, "\x1b"));
}

TEST_CASE("an upgrade reads the file anew") {
  Loaded acl;
  acl.write("{deny, all}.\n");
  CHECK(acl.host.upgrade(keel_plugin_entry_v1));
  CHECK(acl.may_publish(kAnn, "home/ann/lamp") == KEEL_DENY);
  acl.write("{deny, all");
  CHECK_FALSE(acl.host.upgrade(keel_plugin_entry_v1));
  CHECK(acl.host.unload());
}
