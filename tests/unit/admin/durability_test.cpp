#include <doctest/doctest.h>

#include "kernel/admin/metrics_text.hpp"
#include "tests/unit/admin/support.hpp"
#include "tests/unit/durable/fake_store.hpp"

namespace keel::test {
namespace {

Settings with_policies() {
  Settings settings;
  settings.durability.policy = Durability::async;
  settings.durability.rules = {{"alarm/#", Durability::fsync}, {"line\nbreak", Durability::none}};
  settings.listeners.push_back({.name = "plain", .bind = "127.0.0.1:0"});
  settings.listeners.push_back(
      {.name = "lab", .bind = "127.0.0.1:0", .enabled = false, .durability = Durability::none});
  return settings;
}

TEST_CASE("durability without a store says what that means, and how to load one") {
  TestNode node;
  CHECK(node.ctl({"durability"}) ==
        Output{Exit::ok,
               "store           : none\n"
               "policy          : fsync\n"
               "Sessions, their queues and retained messages are in memory only: they end with the "
               "broker, and\n"
               "the policy has no effect. To keep them on disk: ctl plugins load emqx_store\n"});
  CHECK(node.ctl({"durability", "--json"}) ==
        Output{Exit::ok, R"({"store":false,"policy":{"default":"fsync","rules":[],"listeners":{}}})"
                         "\n"});
  CHECK(node.ctl({"durability", "now"}).code == Exit::usage);
}

TEST_CASE("durability lists the policies of topics and listeners") {
  TestNode node;
  node.realm.replace_settings(std::make_shared<const Settings>(with_policies()));
  const std::string text = node.ctl({"durability"}).text;
  CHECK(contains(text,
                 "policy          : async\n"
                 "rule            : alarm/# = fsync\n"));
  CHECK(contains(text, "listener        : lab = none\n"));
  CHECK_FALSE(contains(text, "plain"));
  CHECK_MESSAGE(lines_of(text).size() == 7, "a rule stays on its line: ", text);
  CHECK(contains(node.ctl({"durability", "--json"}).text,
                 R"({"default":"async","rules":[{"filter":"alarm/#","policy":"fsync"},)"
                 R"({"filter":"line\nbreak","policy":"none"}],"listeners":{"lab":"none"}})"));
}

TEST_CASE("durability with a store: times, batches, backlog and tickets") {
  FakeStore store(100);
  TestNode node;
  Journal& journal = node.realm.journal;
  journal.attach(store);
  journal.submit(batch_of({"a", "b"}));
  journal.submit(batch_of({"c"}));
  journal.committed(store.apply(1));
  journal.synced(1'500'000, 2);
  const std::string text = node.ctl({"durability"}).text;
  for (const char* line :
       {"store           : loaded\n", "condition       : fine\n", "sync p50        : 1.500 ms\n",
        "sync p99        : 1.500 ms\n", "sync max        : 1.500 ms\n",
        "batch p50       : 2 operations\n", "batch max       : 2 operations\n",
        "commits         : 1\n", "operations      : 2\n",
        "backlog         : 1 operations, 6 bytes\n",
        "window of loss  : ", "submitted       : 102\n", "safe            : 101\n"}) {
    CAPTURE(line);
    CHECK(contains(text, line));
  }
  CHECK_FALSE(contains(text, "cause"));
  CHECK_FALSE(contains(text, "memory only"));
  const std::string json = node.ctl({"durability", "--json"}).text;
  CHECK(contains(json, R"("condition":"fine","cause":"","sync_us":{"p50":1500,"p99":1500,)"
                       R"("max":1500},"batch":{"p50":2,"p99":2,"max":2},"commits":1,)"
                       R"("operations":2,"backlog_batches":1,"backlog_operations":1,)"
                       R"("backlog_bytes":6,"window_us":)"));
  CHECK(contains(json, R"("submitted":102,"safe":101})"));

  const std::string metrics = prometheus_text(node.realm, {}, 0);
  for (const char* sample :
       {"keel_durability_store 1\n", "keel_durability_condition 0\n",
        "keel_durability_commits_total 1\n", "keel_durability_operations_total 2\n",
        "keel_durability_sync_seconds_total 0.001500\n",
        "keel_durability_sync_p99_seconds 0.001500\n", "keel_durability_backlog_operations 1\n",
        "keel_durability_backlog_bytes 6\n"}) {
    CAPTURE(sample);
    CHECK(contains(metrics, sample));
  }
  journal.abandon();
}

TEST_CASE("durability names the condition of the store, its cause, and what it costs") {
  FakeStore store;
  TestNode node;
  node.realm.journal.attach(store);
  struct Case {
    StoreCondition condition;
    const char *word, *refused;
  };
  for (const Case& c :
       {Case{StoreCondition::low, "low", "messages for clients that are away"},
        Case{StoreCondition::lower, "lower",
             "messages for clients that are away, retained messages"},
        Case{StoreCondition::full, "full", "everything that has to be durable"},
        Case{StoreCondition::failing, "failing", "everything that has to be durable"}}) {
    CAPTURE(c.word);
    node.realm.journal.set_condition(c.condition, "no space\nleft");
    const std::string text = node.ctl({"durability"}).text;
    CHECK(contains(text,
                   std::string("condition       : ") + c.word + "\ncause           : no space"));
    CHECK(contains(text, std::string("refused         : ") + c.refused + "\n"));
    CHECK(contains(node.ctl({"durability", "--json"}).text,
                   std::string(R"("condition":")") + c.word + R"(","cause":"no space\nleft")"));
    CHECK(contains(prometheus_text(node.realm, {}, 0),
                   "keel_durability_condition " + std::to_string(int(c.condition)) + "\n"));
  }
  node.realm.journal.set_condition(StoreCondition::fine, "");
  const std::string text = node.ctl({"durability"}).text;
  CHECK(contains(text, "condition       : fine\nsync"));
  CHECK_FALSE(contains(text, "refused"));
  node.realm.journal.abandon();
}

}  // namespace
}  // namespace keel::test
