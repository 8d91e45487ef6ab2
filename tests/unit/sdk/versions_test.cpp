// Kernels that are older or newer than the plugin.
#include "tests/unit/sdk/support.hpp"

using namespace keel;
using keel::test::Fixture;

namespace {
struct TableV2 {
  std::uint32_t size;
  std::uint32_t reserved;
  keel_status (*old)(int);
  keel_status (*fresh)(int);
  int (*number)();
};
const TableV2 kFull{sizeof(TableV2), 0, [](int n) { return n; }, [](int n) { return n + 1; },
                    [] { return 7; }};
TableV2 shortened;
const keel_host host{sizeof(keel_host),
                     0,
                     nullptr,
                     [](const keel_host*, const char* id) -> const void* {
                       if (std::string_view(id) == "full") return &kFull;
                       if (std::string_view(id) == "short") return &shortened;
                       return nullptr;
                     },
                     nullptr,
                     nullptr};
}  // namespace

TEST_CASE("an Extension knows how much of a table there is") {
  shortened = kFull;
  shortened.size = offsetof(TableV2, fresh);
  const Extension<TableV2> full(&host, "full"), cut(&host, "short"), none(&host, "none");
  CHECK(full.call(&TableV2::fresh, 1) == 2);
  CHECK(full.call_or(0, &TableV2::number) == 7);
  CHECK(cut.call(&TableV2::old, 5) == 5);
  CHECK(!cut.has(&TableV2::fresh));
  CHECK(cut.call(&TableV2::fresh, 1) == KEEL_E_UNSUPPORTED);
  CHECK(cut.call_or(-1, &TableV2::number) == -1);
  CHECK(!none);
  CHECK(none.call(&TableV2::old, 5) == KEEL_E_UNSUPPORTED);
  shortened.size = sizeof shortened - 1;  // half a field is none
  CHECK(!cut.has(&TableV2::number));
  shortened = kFull;
  shortened.fresh = nullptr;
  CHECK(cut.call(&TableV2::fresh, 1) == KEEL_E_UNSUPPORTED);
  CHECK(Extension<TableV2>().call(&TableV2::old, 1) == KEEL_E_UNSUPPORTED);
}

TEST_CASE("a plugin runs on an older kernel; what is missing is unsupported") {
  Fixture f;
  f.fake.resize_table(KEEL_EXT_TIMER, offsetof(keel_ext_timer, rearm));
  f.fake.hide_table(KEEL_EXT_SESSION);
  f.fake.hide_table(KEEL_EXT_CLOCK);
  f.load();
  int fired = 0;
  Timer timer;
  REQUIRE(f.host().timers().every(50, [&] { ++fired; }).into(timer));
  f.fake.advance(100);
  CHECK(fired == 2);
  f.fake.on(0, [&] {
    const Status status = timer.rearm(10);
    CHECK(status == KEEL_E_UNSUPPORTED);
    CHECK(status.text() == "not supported by this kernel");
  });
  struct Nobody final : SessionHandler {
    void opened(std::uint8_t, bool) override {}
    void deliver(const Delivery&) override {}
    void session_closed(std::uint8_t, std::string_view) override {}
  } nobody;
  CHECK(f.host().sessions().open({.client_id = "x"}, nobody).code() == KEEL_E_UNSUPPORTED);
  CHECK(f.host().clock().mono_ms() == 0);
  // cancel() is missing, too: the timer stays until the plugin goes.
  timer.cancel();
  f.fake.run();
  f.fake.advance(50);
  CHECK(fired == 2);
}

TEST_CASE("a plugin runs on a newer kernel with longer tables") {
  Fixture f;
  for (const char* id : {KEEL_EXT_TIMER, KEEL_EXT_UDP, KEEL_EXT_HOOKS, KEEL_EXT_LOG}) {
    f.fake.resize_table(id, 4096);
  }
  int fired = 0;
  f.load([&](Host& to) -> Status {
    KEEL_TRY(to.hooks().on_publish(0, [&](const Message&) { ++fired; }));
    return to.timers().every(50, [&] { ++fired; });
  });
  f.fake.advance(50);
  f.fake.publish({"a", "b"});
  CHECK(fired == 2);
}

TEST_CASE("arrays of structs that have grown are stepped through by their own size") {
  struct Longer {
    keel_message_view view;
    char more[64];
  } messages[2]{};
  for (int i = 0; i < 2; ++i) {
    messages[i].view.size = sizeof(Longer);
    messages[i].view.topic = to_c(i == 0 ? "first" : "second");
  }
  CHECK(view(at(&messages[0].view, 1).topic) == "second");
}

TEST_CASE("a host without last_error and report_exception will do") {
  keel_host old{};
  old.size = offsetof(keel_host, last_error);
  old.get_extension = [](const keel_host*, const char*) -> const void* { return nullptr; };
  detail::Core core(&old);
  CHECK(core.status(KEEL_E_IO).text() == "input/output error");
  core.caught("nowhere to go");
  CHECK(core.current_shard() == KEEL_SHARD_CONTROL);
}
