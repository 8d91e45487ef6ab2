// The C side of a plugin's class: create, start, stop, destroy, its tables, exceptions everywhere.
#include "tests/unit/sdk/support.hpp"

using namespace keel;
using keel::test::Fixture;

namespace {

class Bare final : public Plugin {
 public:
  using Plugin::Plugin;
  Status start() override { return {}; }
};

int from_base = 0;
class Middle : public Plugin {
 public:
  using Plugin::Plugin;
  Health health() override {
    ++from_base;
    return {Health::degraded, "so so"};
  }
};
class Leaf final : public Middle {
 public:
  using Middle::Middle;
  static constexpr std::uint32_t state_schema = 7;
  Status start() override { return {}; }
  Status save(std::string& out) override {
    out = "blob";
    return {};
  }
};

enum class Where { nowhere, constructor, start, stop, apply, drain, save, load, health };
Where thrower = Where::nowhere;

class Thrower final : public Plugin {
 public:
  explicit Thrower(Host& from) : Plugin(from) { at(Where::constructor).ignore(); }
  static constexpr Setting settings[] = {integer("t.n", 1, "A number").reloadable()};
  Status start() override { return at(Where::start); }
  void stop() override { at(Where::stop).ignore(); }
  Status apply(std::span<const std::string_view>) override { return at(Where::apply); }
  void drain(DrainReason, std::uint32_t, DrainDone done) override {
    at(Where::drain).ignore();
    done();
  }
  Status save(std::string&) override { return at(Where::save); }
  Status load(std::uint32_t, std::string_view) override { return at(Where::load); }
  Health health() override {
    at(Where::health).ignore();
    return {};
  }

 private:
  static Status at(Where here) {
    if (thrower == here) throw std::runtime_error("thrown here");
    return {};
  }
};

class Early final : public Plugin {
 public:
  explicit Early(Host& from) : Plugin(from) {
    host().log().info("made with ", host().config().integer("e.n"));
    CHECK(host().timers().every(10, [] {}).code() == KEEL_E_STATE);
  }
  static constexpr Setting settings[] = {integer("e.n", 5, "n")};
  Status start() override { return {}; }
};

class Reader final : public Plugin {
 public:
  using Plugin::Plugin;
  static constexpr Setting settings[] = {
      port("r.port", 1884, "p"),
      boolean("r.on", false, "b"),
      number("r.factor", "1.5", "f"),
      duration("r.idle", "15m", "d"),
      size("r.size", "64KB", "s"),
      strings("r.list", nullptr, "l"),
      choice("r.mode", "a|b", "a", "c"),
      string("r.user.*.name", nullptr, "u"),
      table("r.map", "t"),
      string("r.none", nullptr, "n"),
  };
  Status start() override {
    const Config config = host().config();
    host().log().info(config.integer("r.port"), ' ', config.boolean("r.on"), ' ',
                      config.number("r.factor"), ' ', config.duration_ms("r.idle"), ' ',
                      config.size("r.size"), ' ', config.text("r.mode"));
    for (const std::string& item : config.list("r.list")) host().log().info("item ", item);
    for (const std::string& name : config.keys("r.user")) {
      host().log().info("user ", name, '=', config.text(concat("r.user.", name, ".name").c_str()));
    }
    for (const std::string& name : config.keys("r.map")) host().log().info("map ", name);
    host().log().info("none ", config.text("r.none", "nothing"), ' ', config.has("r.none"));
    host().log().info(config.path("acl.conf"));
    CHECK(config.integer("r.typo", 3) == 3);
    if (config.integer("r.port") == 1) return config.fail("r.port", "is taken");
    return {};
  }
};

// Names in the middle of keys.
class Tables final : public Plugin {
 public:
  using Plugin::Plugin;
  static constexpr Setting settings[] = {
      string("t.server.*.url", nullptr, "u").required(),
      table("t.server.*.headers", "h"),
      string("t.server.*.user.*.name", nullptr, "n"),
      table("t.claims", "c").required(),
      integer("t.limit", 1, "l"),
  };
  Status start() override {
    const Config config = host().config();
    const auto say = [&](const std::string& table) {
      std::string line = table + ':';
      for (const std::string& name : config.keys(table.c_str())) line += ' ' + name;
      host().log().info(line);
    };
    for (const char* table : {"t", "t.server", "t.server.b", "t.server.b.headers",
                              "t.server.a.headers", "t.server.a.user", "t.claims", "t.limit"}) {
      say(table);
    }
    host().log().info(config.text("t.server.b.headers.X-Key"), ' ', config.text("t.claims.a.b"));
    return {};
  }
};

}  // namespace

TEST_CASE("only what a class overrides is offered to the kernel") {
  FakeHost fake;
  REQUIRE(fake.load<Bare>());
  for (const char* id : {KEEL_EXT_PLUGIN_SETTINGS, KEEL_EXT_PLUGIN_DRAIN, KEEL_EXT_PLUGIN_STATE,
                         KEEL_EXT_PLUGIN_HEALTH, "keel.unheard.of/1"}) {
    CHECK(fake.plugin_table<void>(id) == nullptr);
  }
  CHECK(fake.unload());

  REQUIRE(fake.load<Leaf>());
  CHECK(fake.plugin_table<void>(KEEL_EXT_PLUGIN_SETTINGS) == nullptr);
  CHECK(fake.plugin_table<void>(KEEL_EXT_PLUGIN_DRAIN) == nullptr);
  REQUIRE(fake.plugin_table<void>(KEEL_EXT_PLUGIN_STATE) != nullptr);
  CHECK(fake.plugin_table<keel_ext_plugin_state>(KEEL_EXT_PLUGIN_STATE)->schema == 7);
  CHECK(fake.health() == std::pair<std::int32_t, std::string>(KEEL_HEALTH_DEGRADED, "so so"));
  CHECK(from_base == 1);
  CHECK(fake.unload());

  REQUIRE(fake.load<Thrower>());
  for (const char* id : {KEEL_EXT_PLUGIN_SETTINGS, KEEL_EXT_PLUGIN_DRAIN, KEEL_EXT_PLUGIN_STATE,
                         KEEL_EXT_PLUGIN_HEALTH}) {
    CHECK(fake.plugin_table<void>(id) != nullptr);
  }
}

TEST_CASE("an exception never leaves the plugin") {
  FakeHost fake;
  const auto caught = [&] {
    const bool once = fake.exceptions.size() == 1 && fake.exceptions[0] == "thrown here";
    fake.exceptions.clear();
    return once;
  };
  thrower = Where::constructor;
  CHECK(fake.load<Thrower>() == KEEL_E_EXCEPTION);
  CHECK(caught());
  thrower = Where::start;
  CHECK(fake.load<Thrower>() == KEEL_E_EXCEPTION);
  CHECK(caught());
  CHECK(!fake.loaded());

  thrower = Where::apply;
  REQUIRE(fake.load<Thrower>());
  CHECK(fake.reload({{"t.n", "5"}}) == KEEL_E_EXCEPTION);
  CHECK(caught());
  CHECK(fake.values().empty());
  thrower = Where::health;
  CHECK(fake.health().first == KEEL_HEALTH_BAD);
  CHECK(caught());
  thrower = Where::save;
  CHECK(fake.upgrade<Thrower>() == KEEL_E_EXCEPTION);
  CHECK(caught());
  thrower = Where::load;
  CHECK(fake.upgrade<Thrower>() == KEEL_E_EXCEPTION);
  fake.exceptions.clear();
  CHECK(fake.loaded());
  thrower = Where::drain;
  CHECK(fake.unload());
  CHECK(fake.drained);  // the DrainDone was destroyed
  CHECK(caught());
  thrower = Where::stop;
  REQUIRE(fake.load<Thrower>());
  CHECK(fake.unload());
  CHECK(caught());
  thrower = Where::nowhere;
}

TEST_CASE("a failed start says why and leaves nothing") {
  Fixture f;
  f.plugin.start = [&](Host& host) -> Status {
    KEEL_TRY(host.timers().every(100, [t = f.tracked()] {}));
    KEEL_TRY(host.udp().bind("127.0.0.1:7000", [t = f.tracked()](Datagram) {}));
    KEEL_TRY(host.hooks().on_publish(0, [t = f.tracked()](const Message&) {}));
    CHECK(f.alive == 3);
    return Status::error("the moon is wrong");
  };
  const Status status = f.fake.load<test::Scripted>();
  CHECK(!status);
  CHECK(f.fake.logged("start: the moon is wrong"));
  CHECK(f.alive == 0);
  CHECK(f.fake.handles() == 0);
}

TEST_CASE("nothing but log and config works in the constructor") {
  FakeHost fake;
  REQUIRE(fake.load<Early>());
  CHECK(fake.logged("made with 5"));
  CHECK(fake.misuse().size() == 1);
}

TEST_CASE("settings are checked before the plugin is made, and read by type") {
  FakeHost fake;
  fake.set_all(
      "# settings\nr.on = on\nr.list = [\"x\", \"y\"]\nr.user.1.name = \"joe\"\n"
      "r.map.k = v\nr.idle = 2h\n");
  REQUIRE(fake.load<Reader>());
  for (const char* line :
       {"1884 true 1.5 7200000 65536 a", "item x", "item y", "user 1=joe", "map k",
        "none nothing false", "/etc/keel/acl.conf", "setting r.typo: r.typo: not in the schema"}) {
    CHECK_MESSAGE(fake.logged(line), line);
  }
  CHECK(fake.unload());
  struct Wrong {
    const char *key, *value, *text;
  };
  for (const Wrong& wrong :
       {Wrong{"r.port", "70000", "between 0 and 65535"}, Wrong{"r.port", "x", "no integer"},
        Wrong{"r.on", "maybe", "true"}, Wrong{"r.idle", "15 parsecs", "no duration"},
        Wrong{"r.size", "big", "no size"}, Wrong{"r.mode", "c", "one of a|b"},
        Wrong{"r.factor", "x", "no number"}, Wrong{"r.prot", "1", "unknown setting"}}) {
    FakeHost other;
    other.set(wrong.key, wrong.value);
    const Status status = other.load<Reader>();
    CHECK_MESSAGE(status.text().find(wrong.text) != std::string_view::npos, status.text());
  }
  fake.set("r.port", "1");
  CHECK(!fake.load<Reader>());
  CHECK(fake.config_failures == std::vector<std::string>{"r.port: is taken"});
}

TEST_CASE("settings below names") {
  const char* const kClaims = "t.claims.sub = %c\nt.claims.a.b = 1\n";
  FakeHost fake;
  fake.set_all(kClaims);
  fake.set_all(
      "t.server.b.url = B\nt.server.b.headers.X-Key = 7\nt.server.b.headers.Host = h\n"
      "t.server.a.user.1.name = joe\nt.server.a.url = A\nt.limit = 2\n");
  REQUIRE(fake.load<Tables>());
  for (const char* line :
       {"t:", "t.server: b a", "t.server.b:", "t.server.b.headers: X-Key Host",
        "t.server.a.headers:", "t.server.a.user: 1", "t.claims: sub a", "t.limit:", "7 1"}) {
    CHECK_MESSAGE(std::count_if(fake.log().begin(), fake.log().end(),
                                [&](const FakeLine& said) { return said.text == line; }) == 1,
                  line);
  }
  // What must be set must be set below each name that is there.
  FakeHost half;
  half.set_all(kClaims);
  CHECK(half.load<Tables>());
  CHECK(half.unload());
  half.set("t.server.c.headers.X", "1");
  CHECK(half.load<Tables>().text().find("t.server.c.url: must be set") != std::string_view::npos);
  FakeHost none;
  CHECK(none.load<Tables>().text().find("t.claims: must be set") != std::string_view::npos);
  none.set("t.claims", "x");
  CHECK_FALSE(none.load<Tables>());
}

TEST_CASE("the entry made by KEEL_PLUGIN's parts survives odd callers") {
  keel_plugin out{};
  CHECK(detail::Instance<Bare>::create(nullptr, &out) == KEEL_E_INVAL);
  keel_host host{};
  host.size = sizeof host;
  CHECK(detail::Instance<Bare>::create(&host, nullptr) == KEEL_E_INVAL);
  out.size = 8;
  CHECK(detail::Instance<Bare>::create(&host, &out) == KEEL_E_INVAL);
}
