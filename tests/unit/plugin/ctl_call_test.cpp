// ctl/1: commands that are answered at once, later, by other threads, too late, never.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "keel/ext/ctl.h"
#include "kernel/plugin/ctl_call.hpp"
#include "net_host.hpp"

namespace keel::test {
namespace {

const keel_ext_ctl& ctl() { return tables::ctl; }

// Who waits for an answer.
struct Caller {
  int exit = -1;
  std::string text;
  int answers = 0;
  bool there = true;
};

struct CtlCallFixture {
  CtlCallFixture() : slot(host.plugin("users")) {
    REQUIRE(add(*slot, "users") == KEEL_OK);
    host.run(*slot);
  }
  ~CtlCallFixture() {
    if (slot->accepting()) host.unload(*slot);
    CHECK(host.runtime->handles().size() == 0);
  }

  keel_status add(Slot& to, const char* name) {
    const keel_ctl_usage usage{name, "Does things"};
    return ctl().add(
        to.host(), name, &usage, 1,
        [](void* self, const keel_ctl_call* call) {
          auto& mine = *static_cast<CtlCallFixture*>(self);
          mine.replies.push_back(call->reply);
          mine.words = call->args_n;
          put(call->out, "printed ");
          return mine.during ? mine.during(*call) : mine.answer;
        },
        this, &command);
  }
  void call(Caller& caller) {
    host.control.commands.at("users")(std::vector<std::string>{"add", "x"}, false,
                                      [&caller](int exit, std::string text) {
                                        if (!caller.there) return false;
                                        ++caller.answers;
                                        caller.exit = exit;
                                        caller.text = std::move(text);
                                        return true;
                                      });
  }
  keel_status finish(keel_handle reply, std::int32_t exit, std::string_view text = "done") {
    return ctl().finish(slot->host(), reply, exit, str(text));
  }
  std::uint32_t under_way() const {
    return slot->handles()[static_cast<std::size_t>(ObjectKind::ctl_call)];
  }

  NetHost host;
  std::unique_ptr<Slot> slot;
  keel_handle command = 0;
  std::vector<keel_handle> replies;
  std::uint32_t words = 0;
  std::int32_t answer = KEEL_EXIT_LATER;
  std::function<std::int32_t(const keel_ctl_call&)> during;
};

TEST_CASE("ctl: the function's own answers") {
  CtlCallFixture f;
  for (const int exit : {KEEL_EXIT_OK, KEEL_EXIT_ERROR, KEEL_EXIT_USAGE, KEEL_EXIT_PROMPT}) {
    Caller caller;
    f.answer = exit;
    f.call(caller);
    CHECK(caller.exit == exit);
    CHECK(caller.text == "printed ");
    CHECK(f.words == 2);
    CHECK(f.under_way() == 0);
    CHECK(f.finish(f.replies.back(), KEEL_EXIT_OK) == KEEL_E_STALE);
    CHECK(caller.answers == 1);
  }
  for (const int exit : {-1, 5, 77}) {
    Caller caller;
    f.answer = exit;
    f.call(caller);
    CHECK(caller.exit == KEEL_EXIT_ERROR);
    CHECK(caller.text ==
          "printed The command of plugin users failed; see ctl plugins show users.\n");
  }
  Caller caller;
  f.during = [](const keel_ctl_call&) -> std::int32_t { throw std::runtime_error("thrown"); };
  f.call(caller);
  CHECK(caller.exit == KEEL_EXIT_ERROR);
  CHECK(f.under_way() == 0);
}

TEST_CASE("ctl: later") {
  CtlCallFixture f;
  Caller caller;
  f.call(caller);
  CHECK(caller.answers == 0);
  CHECK(f.under_way() == 1);
  const keel_handle reply = f.replies.back();
  SUBCASE("each way to end it") {
    for (const std::int32_t exit :
         std::initializer_list<std::int32_t>{KEEL_EXIT_USAGE, KEEL_EXIT_LATER, -1}) {
      CHECK(f.finish(reply, exit) == KEEL_E_INVAL);
    }
    CHECK(f.finish(reply, KEEL_EXIT_PROMPT, "Password: ") == KEEL_OK);
    CHECK(caller.exit == KEEL_EXIT_PROMPT);
    CHECK(caller.text == "printed Password: ");
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_E_STALE);
    f.host.turns();
    CHECK(f.under_way() == 0);
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_E_STALE);
    CHECK(caller.answers == 1);
  }
  SUBCASE("from several threads at once, one counts") {
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { taken += f.finish(reply, KEEL_EXIT_OK) == KEEL_OK ? 1 : 0; });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(taken == 1);
    CHECK(caller.answers == 1);
  }
  SUBCASE("the caller has gone") {
    caller.there = false;
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_E_STALE);
    f.host.turns();
    CHECK(f.under_way() == 0);
  }
  SUBCASE("a minute is over") {
    REQUIRE(f.host.control.timers.size() == 1);
    CHECK(f.host.control.timers[0].first == 60'000);
    f.host.control.timers[0].second();
    CHECK(caller.exit == KEEL_EXIT_ERROR);
    CHECK(caller.text == "printed plugin users did not answer within 60 s\n");
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_E_STALE);
    CHECK(f.under_way() == 0);
  }
  SUBCASE("it was in time, and the minute is over then") {
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_OK);
    f.host.turns();
    f.host.control.timers.at(0).second();
    CHECK(caller.text == "printed done");
    CHECK(caller.answers == 1);
  }
  SUBCASE("the plugin is unloaded") {
    f.host.unload(*f.slot);
    CHECK(caller.exit == KEEL_EXIT_ERROR);
    CHECK(caller.text == "printed plugin users was unloaded before it answered\n");
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_E_STALE);
    f.host.control.timers.at(0).second();
    CHECK(caller.answers == 1);
  }
  SUBCASE("the plugin is upgraded") {
    Parking parking(*f.host.runtime);
    f.host.park(*f.slot, parking);
    CHECK(caller.text == "printed plugin users was unloaded before it answered\n");
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_E_STALE);
  }
  SUBCASE("the command is removed meanwhile") {
    CHECK(ctl().remove(f.slot->host(), f.command) == KEEL_OK);
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_OK);
    CHECK(caller.text == "printed done");
  }
  SUBCASE("another plugin's") {
    const auto other = f.host.plugin("other");
    CHECK(ctl().finish(other->host(), reply, KEEL_EXIT_OK, str("mine")) == KEEL_E_DENIED);
    CHECK(caller.answers == 0);
    CHECK(f.finish(reply, KEEL_EXIT_OK) == KEEL_OK);
    f.host.unload(*other);
  }
}

TEST_CASE("ctl: finished before the function returns") {
  CtlCallFixture f;
  Caller caller;
  const auto finish_first = [&](std::int32_t exit) {
    f.during = [&f, exit](const keel_ctl_call& call) {
      CHECK(f.finish(call.reply, KEEL_EXIT_ERROR, "early") == KEEL_OK);
      CHECK(f.finish(call.reply, KEEL_EXIT_OK, "twice") == KEEL_E_STALE);
      put(call.out, "more ");
      return exit;
    };
  };
  SUBCASE("counts when it says later") {
    finish_first(KEEL_EXIT_LATER);
    f.call(caller);
    CHECK(caller.exit == KEEL_EXIT_ERROR);
    CHECK(caller.text == "printed more early");
  }
  SUBCASE("the function's own answer counts otherwise") {
    finish_first(KEEL_EXIT_OK);
    f.call(caller);
    CHECK(caller.exit == KEEL_EXIT_OK);
    CHECK(caller.text == "printed more ");
  }
  CHECK(caller.answers == 1);
  CHECK(f.under_way() == 0);
  CHECK(f.host.control.timers.empty());
}

TEST_CASE("ctl: so many calls of a plugin may be under way") {
  CtlCallFixture f;
  std::vector<Caller> callers(CtlCall::kMost + 1);
  for (Caller& caller : callers) f.call(caller);
  CHECK(f.under_way() == CtlCall::kMost);
  CHECK(callers.back().exit == KEEL_EXIT_ERROR);
  CHECK(contains(callers.back().text, "64 commands under way"));
  CHECK(callers[0].answers == 0);
  CHECK(f.finish(f.replies[0], KEEL_EXIT_OK) == KEEL_OK);
  f.host.turns();
  Caller again;
  f.call(again);
  CHECK(again.answers == 0);
  f.host.unload(*f.slot);
  CHECK(again.answers == 1);
  for (const Caller& caller : callers) CHECK(caller.answers == 1);
}

}  // namespace
}  // namespace keel::test
