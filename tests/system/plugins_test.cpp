// Plugins as operators meet them: ctl plugins, restarts, settings, what is refused and what goes
// wrong.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "tests/system/support/json.hpp"
#include "tests/system/support/plugins.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

const Connect kWithPassword{
    .client_id = "c", .version = Version::v5, .username = "u", .password = "p"};

// Loads, and is refused with this word and this text.
void refused(BrokerProcess& broker, const std::string& name, const std::string& word,
             const std::string& text, At at = At::current()) {
  const Outcome outcome = broker.ctl({"plugins", "load", name});
  INFO(where(at), ": ", said(outcome));
  CHECK(outcome.exit == 1);
  CHECK(contains(outcome.out, "load plugin error: " + word + ": "));
  CHECK(contains(outcome.out, text));
  CHECK_FALSE(is_mapped(broker, name));
  CHECK(broker.running());
}

}  // namespace

TEST_SUITE_BEGIN("plugins");

TEST_CASE("load, list, show, unload: nothing is left") {
  BrokerProcess broker(zoo_settings());
  CHECK(contains(broker.ctl_ok({"plugins", "list"}),
                 "Plugin(ok, version=1.0.0, description=an animal of the zoo, active=false)"));
  CHECK(contains(broker.ctl_ok({"plugins", "load", "ok"}), "Plugin ok loaded successfully."));
  CHECK(contains(broker.ctl_ok({"plugins", "list"}),
                 "Plugin(ok, version=1.0.0, description=an animal of the zoo, active=true)"));
  CHECK(is_mapped(broker, "ok"));
  CHECK(contains(broker.ctl_ok({"plugins", "show", "ok"}), "state       : running"));
  const Outcome again = broker.ctl({"plugins", "load", "ok"});
  CHECK(again.exit == 1);
  CHECK(contains(again.out, "load plugin error: already_started: "));
  const std::string gone = broker.ctl_ok({"plugins", "unload", "ok"});
  CHECK(contains(gone, "Plugin ok unloaded successfully."));
  CHECK(contains(gone, "unmapped"));
  CHECK_FALSE(is_mapped(broker, "ok"));
  CHECK(std::filesystem::is_empty(broker.data_dir() / "run"));
  const Outcome twice = broker.ctl({"plugins", "unload", "ok"});
  CHECK(twice.exit == 1);
  CHECK(contains(twice.out, "unload plugin error: not_started: "));
}

TEST_CASE("names that are not there, and words that are wrong") {
  BrokerProcess broker(zoo_settings());
  refused(broker, "nothing", "not_found", "see ctl plugins list");
  refused(broker, "../ok", "bad_name", "a-z");
  CHECK(contains(broker.ctl({"plugins", "unload", "nothing"}).out,
                 "unload plugin error: not_found: "));
  CHECK(contains(broker.ctl({"plugins", "show", "nothing"}).out, "not_found"));
  CHECK(contains(broker.ctl({"plugins", "upgrade", "ok", "/none.so"}).out, "not_started"));
  CHECK(broker.ctl({"plugins", "load"}).exit == 2);
  CHECK(broker.ctl({"plugins", "explode", "ok"}).exit == 2);
}

TEST_CASE("every answer is JSON with --json") {
  BrokerProcess broker(zoo_settings());
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"plugins", "list"},
                                             {"plugins", "load", "ok"},
                                             {"plugins", "show", "ok"},
                                             {"plugins", "describe", "ok"},
                                             {"plugins", "top", "--once"},
                                             {"hooks", "list"},
                                             {"plugins", "reload", "ok"},
                                             {"plugins", "unload", "ok"},
                                             {"plugins", "load", "no"}}) {
    CAPTURE(words[1]);
    std::vector<std::string> with = words;
    with.push_back("--json");
    CHECK(valid_json(broker.ctl(with).out));
  }
}

TEST_CASE("files that are refused say why") {
  BrokerProcess broker(zoo_settings());
  refused(broker, "no_section", "missing_section", ".keel.plugin");
  refused(broker, "no_entry", "no_entry", "keel_plugin_entry_v1");
  refused(broker, "bad_magic", "bad_magic", "");
  refused(broker, "old_major", "abi_too_old", "version 0");
  refused(broker, "newer_minor", "needs_newer_kernel", "1.999");
  refused(broker, "other_name", "name_mismatch", "somebody_else");
  refused(broker, "create_fails", "create_failed", "denied");
  refused(broker, "empty_table", "bad_entry", "start, stop or destroy");
  refused(broker, "start_fails", "start_failed", "io");
  refused(broker, "user", "missing_dependency", "provider");
}

TEST_CASE("a plugin whose start fails leaves nothing") {
  BrokerProcess broker(zoo_settings());
  const std::size_t before = open_descriptors(broker);
  for (int i = 0; i < 20; ++i) refused(broker, "start_fails", "start_failed", "");
  CHECK(broker.ctl({"start-fails"}).exit == 2);
  CHECK(broker.ctl_ok({"hooks", "list"}).empty());
  eventually([&] { return open_descriptors(broker) <= before; }, "descriptors are given back");
}

TEST_CASE("writable by others is refused") {
  TempDir dir;
  std::filesystem::copy(zoo_dir() / "ok.so", dir.path() / "ok.so");
  std::filesystem::permissions(dir.path() / "ok.so", std::filesystem::perms::all);
  BrokerProcess broker("[plugins]\ndir = \"" + dir.path().string() + "\"\n");
  refused(broker, "ok", "writable_by_others", "");
}

TEST_CASE("exceptions from every callback are counted and harmless") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "throws_everywhere"});
  Client client = broker.connect("c", Version::v5);
  client.subscribe_to({{"t", 1}});
  client.publish("t", "x", 1, false);
  client.take("t", "x", 1);
  CHECK(broker.ctl({"throws"}).exit == 1);
  CHECK(contains(broker.ctl_ok({"metrics", "--prometheus"}),
                 "keel_plugin_exceptions_total{plugin=\"throws_everywhere\"}"));
  eventually(
      [&] {
        return contains(broker.ctl_ok({"plugins", "show", "throws_everywhere"}), "exception in ");
      },
      "show names the last exception");
  CHECK(contains(broker.ctl({"plugins", "reload", "throws_everywhere"}).out,
                 "Reload plugin error: bad_settings: "));
  CHECK(contains(broker
                     .ctl({"plugins", "upgrade", "throws_everywhere",
                           (zoo_dir() / "throws_everywhere.so").string()})
                     .out,
                 "the running version goes on"));
  CHECK(contains(broker.ctl_ok({"plugins", "unload", "throws_everywhere"}), "unmapped"));
  client.publish("t", "y", 1, false);
  client.take("t", "y", 1);
}

TEST_CASE("hooks that throw or answer nonsense deny") {
  for (const std::string name : {"auth_throws", "garbage"}) {
    CAPTURE(name);
    BrokerProcess broker(zoo_settings());
    broker.ctl_ok({"plugins", "load", name});
    Client client = broker.open(Version::v5);
    CHECK(client.connect(kWithPassword).reason >= 0x80);
    broker.ctl_ok({"plugins", "unload", name});
    broker.connect("c", Version::v5).ping();
  }
}

TEST_CASE("questions left open are denied when the plugin goes") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "auth_pends"});
  Client client = broker.open(Version::v5);
  client.send(encode(kWithPassword));
  Client publisher = broker.connect("p", Version::v5);
  publisher.send(Publish{.topic = "t", .payload = "x", .qos = 1, .id = 1});
  eventually(
      [&] {
        return contains(broker.ctl_ok({"plugins", "show", "auth_pends"}), "client_authorize");
      },
      "the plugin is asked");
  broker.ctl_ok({"plugins", "unload", "auth_pends"});
  CHECK(client.expect(Type::connack).reason == 0x88);
  CHECK(publisher.expect(Type::puback).reason == 0x87);
}

TEST_CASE("what keeps a plugin's code in memory is named") {
  BrokerProcess broker(zoo_settings());
  for (const auto& [name, why] :
       {std::pair{"nodelete", "nodelete"}, {"tls_dtor", "thread_local"}}) {
    broker.ctl_ok({"plugins", "load", name});
    const std::string gone = broker.ctl_ok({"plugins", "unload", name});
    CHECK(contains(gone, "resident ("));
    CHECK(contains(gone, why));
  }
  CHECK(contains(broker.ctl_ok({"metrics", "--prometheus"}), "keel_plugins_resident_total 2"));
  CHECK(contains(broker.ctl_ok({"plugins", "load", "extra_export"}), "everybody_can_see_this"));
}

TEST_CASE("a plugin whose thread still runs is left where it is, and the broker goes on") {
  BrokerOptions options;
  options.shards = 2;
  BrokerProcess broker(zoo_settings() + "stop_timeout = \"200ms\"\n", options);
  Client client = broker.connect("c", Version::v5);
  for (int i = 1; i <= 2; ++i) {
    broker.ctl_ok({"plugins", "load", "detached_thread"});
    const std::string gone = broker.ctl_ok({"plugins", "unload", "detached_thread"});
    CHECK(contains(gone, "resident (thread "));
    CHECK(contains(gone, " still runs: join your threads in stop())"));
    CHECK(contains(broker.ctl_ok({"metrics", "--prometheus"}),
                   "keel_plugins_resident_total " + std::to_string(i)));
  }
  CHECK(is_mapped(broker, "detached_thread"));
  CHECK(contains(broker.log(), "plugin=detached_thread: its code stays in memory: thread "));
  CHECK(contains(broker.ctl_ok({"plugins", "list"}), "detached_thread"));
  // Its thread is not held against others, nor are the broker's own.
  std::atomic<bool> asking{true};
  std::thread asker([&] {
    while (asking) broker.ctl({"plugins", "list"});
  });
  for (const std::string name : {"own_thread", "ok", "own_thread", "ok"}) {
    broker.ctl_ok({"plugins", "load", name});
    CHECK(contains(broker.ctl_ok({"plugins", "unload", name}), "\nunmapped\n"));
  }
  asking = false;
  asker.join();
  client.ping();
  CHECK(broker.stop() == 0);
}

TEST_CASE("an upgrade leaves the old version where its thread runs") {
  BrokerProcess broker(zoo_settings() + "stop_timeout = \"200ms\"\n");
  broker.ctl_ok({"plugins", "load", "detached_thread"});
  const std::string said = broker.ctl_ok(
      {"plugins", "upgrade", "detached_thread", (zoo_dir() / "detached_thread.so").string()});
  CHECK(contains(said, "old version resident (thread "));
  CHECK(contains(broker.ctl_ok({"plugins", "unload", "detached_thread"}), "resident (thread "));
  broker.connect("c", Version::v5).ping();
}

TEST_CASE("a plugin that never says it has drained is waited for no longer than allowed") {
  BrokerProcess broker(zoo_settings() + "stop_timeout = \"200ms\"\n");
  broker.ctl_ok({"plugins", "load", "never_drained"});
  CHECK(contains(broker.ctl_ok({"plugins", "unload", "never_drained"}), "unmapped"));
  CHECK(contains(broker.log(), "not drained within 200 ms"));
}

TEST_CASE("a plugin is told why it has to say goodbye") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "says_why_drained"});
  broker.ctl_ok({"plugins", "unload", "says_why_drained"});
  CHECK(contains(broker.log(), "drain: unload"));
  broker.ctl_ok({"plugins", "load", "says_why_drained"});
  CHECK(broker.stop() == 0);
  CHECK(contains(broker.log(), "drain: stop"));
}

TEST_CASE("everything that was acquired is taken back") {
  BrokerProcess broker(zoo_settings());
  const std::size_t before = open_descriptors(broker);
  for (const std::string name : {"leaks_handles", "own_thread"}) {
    CAPTURE(name);
    broker.ctl_ok({"plugins", "load", name});
    CHECK(contains(broker.ctl_ok({"plugins", "unload", name}), "unmapped"));
  }
  eventually([&] { return open_descriptors(broker) <= before; }, "descriptors are given back");
  CHECK_FALSE(contains(broker.ctl_ok({"metrics", "--prometheus"}), "zoo_leaks"));
}

TEST_CASE("a hook that blocks is named, one that never returns makes the plugin stuck") {
  BrokerOptions options;
  options.shards = 2;
  options.orderly_end = false;  // a shard never comes back: the end is not an orderly one
  BrokerProcess broker(zoo_settings() + "stop_timeout = \"300ms\"\n", options);
  broker.ctl_ok({"plugins", "load", "sleeps_in_hook"});
  broker.connect("c", Version::v5).publish("sleep", "x", 1, false);
  eventually([&] { return contains(broker.log(), "plugin=sleeps_in_hook: "); }, "the log names it");
  CHECK(contains(broker.ctl_ok({"plugins", "unload", "sleeps_in_hook"}), "unmapped"));

  broker.ctl_ok({"plugins", "load", "endless_loop"});
  Client victim = broker.connect("v", Version::v5);
  victim.send(Publish{.topic = "loop", .payload = "x", .qos = 1, .id = 1});
  eventually([&] { return contains(broker.log(), "in its message_publish for "); },
             "the log names it");
  const Outcome stuck = broker.ctl({"plugins", "unload", "endless_loop"});
  CHECK(stuck.exit == 1);
  CHECK(contains(stuck.out, "unload plugin error: stuck: "));
  CHECK(contains(stuck.out, "endless_loop in message_publish"));
  CHECK(is_mapped(broker, "endless_loop"));
  CHECK(contains(broker.ctl_ok({"plugins", "list"}), "state=stuck"));
  CHECK(broker.ctl({"plugins", "load", "endless_loop"}).exit == 1);
}

TEST_CASE("a job that never ends makes the plugin stuck, and the broker still stops") {
  BrokerOptions options;
  options.orderly_end = false;
  BrokerProcess broker(zoo_settings() + "stop_timeout = \"300ms\"\n", options);
  broker.ctl_ok({"plugins", "load", "endless_job"});
  const Outcome stuck = broker.ctl({"plugins", "unload", "endless_job"});
  CHECK(contains(stuck.out, "unload plugin error: stuck: "));
  CHECK(broker.stop() == 0);
}

TEST_CASE("services: the provider stays while it is used") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "provider"});
  broker.ctl_ok({"plugins", "load", "user"});
  const Outcome refusal = broker.ctl({"plugins", "unload", "provider"});
  CHECK(refusal.exit == 1);
  CHECK(contains(refusal.out, "unload plugin error: in_use: "));
  CHECK(contains(refusal.out, "user"));
  broker.ctl_ok({"plugins", "unload", "user"});
  broker.ctl_ok({"plugins", "unload", "provider"});
}

TEST_CASE("a restart brings back what was loaded, in order, and goes on past what fails") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "provider"});
  broker.ctl_ok({"plugins", "load", "user"});
  broker.ctl_ok({"plugins", "load", "ok", "--once"});
  CHECK(read_file(broker.data_dir() / "loaded_plugins") == "{provider, true}.\n{user, true}.\n");
  broker.kill();
  write_file(broker.data_dir() / "loaded_plugins",
             "%% as EMQ X writes it\nnothing.\n{provider, true}.\n{extra_export, false}.\nuser.\n");
  broker.start();
  const std::string list = broker.ctl_ok({"plugins", "list"});
  for (const std::string name : {"provider", "user"})
    CHECK(contains(list, "Plugin(" + name +
                             ", version=1.0.0, description=an animal of the zoo, active=true)"));
  CHECK_FALSE(is_mapped(broker, "ok"));
  CHECK_FALSE(is_mapped(broker, "extra_export"));
  CHECK(contains(broker.log(), "plugin=nothing: not loaded: not_found"));
  broker.ctl_ok({"plugins", "unload", "user"});
  CHECK(contains(read_file(broker.data_dir() / "loaded_plugins"), "{extra_export, false}."));
}

#if defined(__x86_64__) && !defined(KEEL_SANITIZED)
TEST_CASE("binaries built against every released interface load, work and go") {
  const std::filesystem::path released =
      std::filesystem::path(KEEL_SOURCE_DIR) / "tests/plugins/released";
  int count = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(released)) {
    if (file.path().extension() != ".so") continue;
    ++count;
    const std::string name = file.path().stem();
    CAPTURE(name);
    TempDir dir;
    std::filesystem::copy(file.path(), dir.path());
    std::filesystem::permissions(dir.path() / file.path().filename(),
                                 std::filesystem::perms::owner_read);
    BrokerProcess broker("[plugins]\ndir = \"" + dir.path().string() + "\"\n");
    broker.ctl_ok({"plugins", "load", name});
    Client client = broker.connect("c", Version::v311);
    client.subscribe("chaos/tick");
    client.take("chaos/tick", "x");
    CHECK(contains(broker.ctl_ok({"plugins", "unload", name}), "unmapped"));
  }
  CHECK(count >= 1);
}
#endif

TEST_CASE("plugins.load is loaded at every start") {
  BrokerProcess broker(zoo_settings() + "load = [\"ok\"]\n");
  CHECK(is_mapped(broker, "ok"));
  CHECK(read_file(broker.data_dir() / "loaded_plugins").empty());
}

TEST_SUITE_END();

}  // namespace keel::test
