#include <doctest/doctest.h>

#include <set>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "tests/unit/admin/support.hpp"

using namespace keel::kernel;
using namespace keel::test;

namespace {

void retain(TestNode& node, const std::string& topic, const std::string& payload = "x") {
  node.on_shard(0, [&](Broker& broker) { broker.publish_own(topic, payload, 0, true); });
}

}  // namespace

TEST_CASE("status and broker") {
  TestNode node;
  CHECK(node.ctl({"status"}) ==
        Output{Exit::ok, "Node 'keel@test' is started\nkeel v9.8.7 is running\n"});
  CHECK(contains(node.ctl({"status", "--json"}).text, R"("running":true)"));
  node.draining_now = true;
  CHECK(contains(node.ctl({"status"}).text, "is stopping"));
  const auto lines = lines_of(node.ctl({"broker"}).text);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "sysdescr  : Keel MQTT Broker");
  CHECK(lines[1] == "version   : v9.8.7");
  CHECK(matches(lines[2], R"(uptime    : \d+ seconds)"));
  CHECK(matches(lines[3], R"(datetime  : \d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"));
}

TEST_CASE("stats and metrics are sorted, padded and follow what happens") {
  TestNode node;
  const Socket client = node.connect("c");
  node.subscribe(client, "a/+", 1);
  const auto stats = lines_of(node.ctl({"broker", "stats"}).text);
  CHECK(std::is_sorted(stats.begin(), stats.end()));
  CHECK(std::count(stats.begin(), stats.end(), "connections/count             : 1") == 1);
  CHECK(std::count(stats.begin(), stats.end(), "connections/max               : 1") == 1);
  CHECK(std::count(stats.begin(), stats.end(), "subscriptions/count           : 1") == 1);
  const auto metrics = lines_of(node.ctl({"broker", "metrics"}).text);
  CHECK(metrics.size() == kMetricCount);
  CHECK(std::is_sorted(metrics.begin(), metrics.end()));
  CHECK(std::count(metrics.begin(), metrics.end(), "packets/connect/received      : 1") == 1);
  CHECK(lines_of(node.ctl({"metrics"}).text).size() == metrics.size());
  CHECK(contains(node.ctl({"metrics", "--json"}).text, R"("packets/connect/received":1)"));
  CHECK(contains(node.ctl({"metrics", "--prometheus"}).text, "keel_connections 1\n"));
  CHECK(node.ctl({"broker", "x"}).code == Exit::usage);
}

TEST_CASE("clients list, show, kick") {
  TestNode node;
  const Socket a = node.connect("alice"), b = node.connect("bob", false);
  const std::string form = R"(Connection\(alice, clean_start=true, username=undefined, )"
                           R"(peername=127\.0\.0\.1:\d+, connected_at=\d+\))";
  CHECK(matches(lines_of(node.ctl({"clients", "show", "alice"}).text).at(0), form));
  CHECK(lines_of(node.ctl({"clients", "list"}).text).size() == 2);
  CHECK(contains(node.ctl({"clients", "list"}).text, "Connection(bob, clean_start=false, "));
  CHECK(contains(node.ctl({"clients", "show", "bob", "--json"}).text,
                 R"({"clientid":"bob","username":null,"peername":"127.0.0.1:)"));
  CHECK(contains(node.ctl({"clients", "show", "bob", "--json"}).text,
                 R"("listener":"mqtt","protocol":"mqtt","proto_ver":"3.1.1","clean_start":false)"));
  CHECK(node.ctl({"clients", "show", "carol"}) == Output{Exit::error, "Not Found.\n"});
  CHECK(node.ctl({"clients", "kick", "carol"}) == Output{Exit::error, "Not Found.\n"});
  CHECK(node.ctl({"clients", "kick", "alice"}) == Output{Exit::ok, ""});
  CHECK(a.read_all().empty());  // 3.1.1 has no DISCONNECT of the server
  CHECK(node.ctl({"clients"}).code == Exit::usage);
  CHECK(node.ctl({"clients", "show"}).code == Exit::usage);
  CHECK(node.ctl({"clients", "kick", "a", "b"}).code == Exit::usage);
}

TEST_CASE("hostile client ids stay on one line and in their JSON string") {
  TestNode node;
  const std::string evil = "e\x1b[2J\"\\\xc2\x9b\xe2\x82\xac";
  const Socket client = node.connect(evil, false);
  const auto lines = lines_of(node.ctl({"clients", "list"}).text);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("Connection(e\\x1b[2J\"\\\\xc2\\x9b\xe2\x82\xac, "));
  const std::string json = node.ctl({"sessions", "show", evil, "--json"}).text;
  CHECK(json.starts_with("{\"clientid\":\"e\\u001b[2J\\\"\\\\\\u009b\xe2\x82\xac\","));
}

TEST_CASE("sessions list, show, clean-persistent") {
  TestNode node;
  { const Socket gone = node.connect("keeps", false); }
  const Socket here = node.connect("here", false), fleeting = node.connect("fleeting");
  const std::string form =
      R"(Session\(here, clean_start=false, expiry_interval=7200, subscriptions_count=0, )"
      R"(max_inflight=32, inflight=0, mqueue_len=0, mqueue_dropped=0, awaiting_rel=0, )"
      R"(deliver_msg=0, enqueue_msg=0, created_at=\d+\))";
  CHECK(matches(lines_of(node.ctl({"sessions", "show", "here"}).text).at(0), form));
  CHECK(lines_of(node.ctl({"sessions", "list"}).text).size() == 3);
  CHECK(lines_of(node.ctl({"sessions", "list", "persistent"}).text).size() == 2);
  CHECK(contains(node.ctl({"sessions", "list", "transient"}).text, "Session(fleeting, "));
  CHECK(node.ctl({"sessions", "clean-persistent", "here"}) ==
        Output{Exit::error, "Couldn't clean a session with a valid connection.\n"});
  CHECK(node.ctl({"sessions", "clean-persistent", "nobody"}) ==
        Output{Exit::error, "Not Found.\n"});
  while (node.ctl({"clients", "show", "keeps"}).code == Exit::ok) std::this_thread::yield();
  CHECK(node.ctl({"sessions", "clean-persistent", "keeps"}) ==
        Output{Exit::ok, "Clean persistent session successfully.\n"});
  CHECK(node.ctl({"sessions", "show", "keeps"}) == Output{Exit::error, "Not Found.\n"});
}

TEST_CASE("subscriptions and routes") {
  TestNode node;
  const Socket client = node.connect("c");
  node.subscribe(client, "a/b", 1);
  CHECK(node.ctl({"subscriptions", "add", "c", "x/#", "2"}) == Output{Exit::ok, "ok\n"});
  CHECK(node.ctl({"subscriptions", "add", "nobody", "x", "0"}) ==
        Output{Exit::error, "Error: Session not found!\n"});
  CHECK(node.ctl({"subscriptions", "add", "c", "x", "3"}) ==
        Output{Exit::error, "QoS should be 0, 1, 2\n"});
  CHECK(node.ctl({"subscriptions", "add", "c", "x/#/y", "0"}).code == Exit::error);
  const auto shown = lines_of(node.ctl({"subscriptions", "show", "c"}).text);
  CHECK(std::set(shown.begin(), shown.end()) == std::set<std::string>{"c -> a/b:1", "c -> x/#:2"});
  const auto listed = lines_of(node.ctl({"subscriptions", "list"}).text);
  CHECK(std::set(listed.begin(), listed.end()) == std::set(shown.begin(), shown.end()));
  CHECK(node.ctl({"subscriptions", "show", "nobody"}) == Output{Exit::error, "Not Found.\n"});

  const auto routes = lines_of(node.ctl({"routes", "list"}).text);
  CHECK(std::set(routes.begin(), routes.end()) ==
        std::set<std::string>{"a/b -> keel@test", "x/# -> keel@test"});
  CHECK(node.ctl({"routes", "show", "a/b"}) == Output{Exit::ok, "a/b -> keel@test\n"});
  CHECK(node.ctl({"topics", "show", "a/b"}) == Output{Exit::ok, "a/b -> keel@test\n"});
  CHECK(node.ctl({"routes", "show", "a"}) == Output{Exit::error, "Not Found.\n"});

  CHECK(node.ctl({"subscriptions", "del", "c", "a/b"}) == Output{Exit::ok, "ok\n"});
  CHECK(node.ctl({"subscriptions", "del", "c", "a/b"}).code == Exit::error);
  CHECK(node.ctl({"subscriptions", "del", "nobody", "a/b"}) ==
        Output{Exit::error, "Error: Session not found!\n"});
  CHECK(node.ctl({"subscriptions", "show", "c", "--json"}).text ==
        "[\n{\"clientid\":\"c\",\"topic\":\"x/#\",\"qos\":2,\"no_local\":false,"
        "\"retain_as_published\":false,\"subscription_id\":0}\n]\n");
}

TEST_CASE("lists longer than a slice are complete, in text and JSON") {
  TestNode node;
  const Socket client = node.connect("c");
  for (int i = 0; i < 700; ++i)
    REQUIRE(node.ctl({"subscriptions", "add", "c", "t/" + std::to_string(i), "0"}).code ==
            Exit::ok);
  std::vector<Socket> clients;
  for (int i = 0; i < 600; ++i) clients.push_back(node.connect("n" + std::to_string(i)));
  const auto distinct = [](const std::string& text) {
    const auto lines = lines_of(text);
    CHECK(std::set(lines.begin(), lines.end()).size() == lines.size());
    return lines.size();
  };
  CHECK(distinct(node.ctl({"routes", "list"}).text) == 700);
  CHECK(distinct(node.ctl({"subscriptions", "list"}).text) == 700);
  CHECK(distinct(node.ctl({"clients", "list"}).text) == 601);
  CHECK(distinct(node.ctl({"sessions", "list"}).text) == 601);
  const auto json = lines_of(node.ctl({"clients", "list", "--json"}).text);
  REQUIRE(json.size() == 603);
  CHECK(json.front() == "[");
  CHECK(json.back() == "]");
  for (std::size_t i = 1; i + 1 < json.size(); ++i)
    CHECK(json[i].ends_with(i + 2 == json.size() ? "}" : "},"));
}

TEST_CASE("retainer") {
  TestNode node;
  CHECK(node.ctl({"retainer", "info"}) == Output{Exit::ok, "retained/total: 0\n"});
  for (const char* topic : {"a/1", "a/2", "b", "$SYS/x"}) retain(node, topic);
  CHECK(node.ctl({"retainer", "info"}).text == "retained/total: 3\n");
  CHECK(node.ctl({"retainer", "topics"}).text == "a/1\na/2\nb\n");
  CHECK(node.ctl({"retainer", "topics", "--json"}).text == "[\n\"a/1\",\n\"a/2\",\n\"b\"\n]\n");
  CHECK(node.ctl({"retainer", "clean", "a/#"}) ==
        Output{Exit::ok, "Cleaned 2 retained messages\n"});
  CHECK(node.ctl({"retainer", "clean"}) == Output{Exit::ok, "Cleaned 1 retained messages\n"});
  CHECK(node.ctl({"retainer", "topics"}).text.empty());
  CHECK(node.ctl({"retainer", "clean", "$SYS/#"}) ==
        Output{Exit::ok, "Cleaned 1 retained messages\n"});
  CHECK(node.ctl({"retainer", "clean", "a/#/b"}).code == Exit::error);
  CHECK(node.ctl({"retainer", "clean", "$share/g/a"}).code == Exit::error);
}

TEST_CASE("listeners") {
  TestNode node;
  const auto lines = lines_of(node.ctl({"listeners"}).text);
  REQUIRE(lines.size() == 9);
  CHECK(matches(lines[0], R"(listener on mqtt:tcp:127\.0\.0\.1:\d+)"));
  CHECK(lines[1] == "  name            : mqtt");
  CHECK(lines[2] == "  running         : true");
  CHECK(lines[3] == "  acceptors       : 1");
  CHECK(lines[8] == "  shutdown_count  : []");
  CHECK(contains(node.ctl({"listeners", "--json"}).text, R"("protocol":"mqtt:tcp")"));
  const std::string bound = lines[0].substr(std::string("listener on mqtt:tcp:").size());
  const std::string port = bound.substr(bound.find(':') + 1);
  CHECK(node.ctl({"listeners", "stop", "mqtt:tcp", port}) ==
        Output{Exit::ok, "Stop mqtt:tcp listener on " + bound + " successfully.\n"});
  CHECK(contains(node.ctl({"listeners"}).text, "running         : false"));
  CHECK(node.ctl({"listeners", "start", "mqtt"}).code == Exit::ok);
  CHECK(contains(node.ctl({"listeners"}).text, "running         : true"));
  CHECK(node.ctl({"listeners", "reload"}) == Output{Exit::ok, "Reload listeners successfully.\n"});
  const Output unknown = node.ctl({"listeners", "stop", "nope"});
  CHECK(unknown.code == Exit::error);
  CHECK(contains(unknown.text, "Failed to stop listener nope, error:not_found"));
  CHECK(node.ctl({"listeners", "stop"}).code == Exit::usage);
}

TEST_CASE("log levels") {
  TestNode node;
  const auto before = log::level();
  CHECK(node.ctl({"log", "set-level", "error"}) == Output{Exit::ok, "error\n"});
  CHECK(node.ctl({"log", "primary-level"}) == Output{Exit::ok, "error\n"});
  CHECK(node.ctl({"log", "primary-level", "warning"}) == Output{Exit::ok, "warning\n"});
  const Output wrong = node.ctl({"log", "set-level", "loud"});
  CHECK(wrong.code == Exit::error);
  CHECK(wrong.text.starts_with("[error] set overall log level failed: unknown level 'loud'"));
  CHECK(node.ctl({"log", "handlers", "list"}).code == Exit::ok);
  CHECK(node.ctl({"log", "handlers", "set-level", "nope", "error"}).text.starts_with("[error] "));
  CHECK(node.ctl({"log"}).code == Exit::usage);
  log::set_level(before);
}

TEST_CASE("the list of traces says what could not be written") {
  TestNode node;
  REQUIRE(node.ctl({"trace", "start", "client", "c", "/dev/full"}).code == Exit::ok);
  const std::string shown = "Trace(client_id=c, level=debug, destination=\"/dev/full\"";
  CHECK(node.ctl({"trace", "list"}).text == shown + ")\n");
  node.on_shard(1, [](Broker& broker) {
    for (int i = 0; i < 3; ++i) broker.traces()->write("c", "", "line");
  });
  CHECK(node.ctl({"trace", "list"}).text == shown + ", lost_lines=3)\n");
}

TEST_CASE("traces start, are listed, and stop") {
  TestNode node;
  const std::string file = node.dir.path() / "trace.log";
  CHECK(node.ctl({"trace", "list"}) == Output{Exit::ok, ""});
  CHECK(node.ctl({"trace", "start", "client", "c", file}) ==
        Output{Exit::ok, "trace client_id c successfully\n"});
  CHECK(node.ctl({"trace", "start", "topic", "a/#", file}) ==
        Output{Exit::ok, "trace topic a/# successfully\n"});
  CHECK(node.ctl({"trace", "list"}).text ==
        "Trace(client_id=c, level=debug, destination=\"" + file + "\")\n" +
            "Trace(topic=a/#, level=debug, destination=\"" + file + "\")\n");
  node.on_shard(1, [](Broker& broker) { CHECK(broker.traces() != nullptr); });
  CHECK(node.ctl({"trace", "start", "client", "c", file})
            .text.starts_with("[error] trace client_id c: already traced"));
  CHECK(node.ctl({"trace", "start", "client", "d", file, "error"}).code == Exit::error);
  CHECK(node.ctl({"trace", "stop", "client", "c"}) ==
        Output{Exit::ok, "stop tracing client_id c successfully\n"});
  CHECK(node.ctl({"trace", "stop", "client", "c"}).code == Exit::error);
  CHECK(node.ctl({"trace", "topic", "a/#", "off"}).code == Exit::ok);
  node.on_shard(1, [](Broker& broker) { CHECK(broker.traces() == nullptr); });
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{"trace"},
                                             {"trace", "start"},
                                             {"trace", "start", "client", "c"},
                                             {"trace", "start", "user", "c", "f"},
                                             {"trace", "stop", "client"},
                                             {"trace", "nonsense"}})
    CHECK(node.ctl(bad).code == Exit::usage);
}

TEST_CASE("vm") {
  TestNode node;
  const auto lines = lines_of(node.ctl({"vm"}).text);
  CHECK(matches(lines.at(0), R"(cpu/load1               : \d+\.\d\d)"));
  for (const char* part : {"load", "memory", "process", "io", "ports"})
    CHECK(node.ctl({"vm", part}).code == Exit::ok);
  CHECK(matches(lines_of(node.ctl({"vm", "io"}).text).at(1), R"(io/active_fds           : \d+)"));
  CHECK(node.ctl({"vm", "io", "--json"}).text.starts_with(R"({"io/max_fds":)"));
  CHECK(node.ctl({"vm", "ets"}).code == Exit::usage);
}

TEST_CASE("conf show, check, reload") {
  TestNode node;
  const Output one = node.ctl({"conf", "show", "limits.max_inflight"});
  CHECK(one == Output{Exit::ok, "limits.max_inflight = 32\n"});
  CHECK(lines_of(node.ctl({"conf", "show", "limits"}).text).size() > 10);
  CHECK(lines_of(node.ctl({"conf", "show"}).text).size() > 40);
  CHECK(node.ctl({"conf", "show", "limits.max"}).code == Exit::error);
  CHECK(node.ctl({"conf", "check"}) == Output{Exit::ok, "note: looked at ''\nok\n"});
  CHECK(node.ctl({"conf", "check", "bad.conf"}) ==
        Output{Exit::error, "bad.conf:1:1: wrong\nbad.conf:2:1: worse\n"});
  CHECK(node.ctl({"conf", "check", "bad.conf", "--json"}).text ==
        R"({"valid":false,"errors":["bad.conf:1:1: wrong","bad.conf:2:1: worse"]})"
        "\n");
  CHECK(node.ctl({"conf", "reload"}) == Output{Exit::ok, "no changes\nok\n"});
  node.reload_report.changes = {{"kernel.shards", "0", "4", true},
                                {"limits.max_inflight", "32", "64", false}};
  CHECK(node.ctl({"conf", "reload"}).text ==
        "changed: limits.max_inflight: 32 -> 64\nneeds a restart: kernel.shards: 0 -> 4\nok\n");
  node.reload_error = "keel.conf:3:1: no such key";
  CHECK(node.ctl({"conf", "reload"}) ==
        Output{Exit::error, "keel.conf:3:1: no such key\nNothing was changed.\n"});
}

TEST_CASE("stop answers first") {
  TestNode node;
  CHECK(node.ctl({"stop", "now"}).code == Exit::usage);
  CHECK(node.stops == 0);
  CHECK(node.ctl({"stop"}) == Output{Exit::ok, "ok\n"});
  while (node.stops == 0) std::this_thread::yield();
}

TEST_CASE("what this version does not have is refused by name") {
  TestNode node;
  for (const char* name : {"cluster", "mnesia", "recon", "bridges", "rules", "rule-actions",
                           "resources", "mgmt", "admins", "users", "clientid", "acl", "modules"}) {
    const Output out = node.ctl({name, "list"});
    CHECK(out.code == Exit::error);
    CHECK(out.text.starts_with("`" + std::string(name) + "`: not part of "));
  }
  CHECK_FALSE(contains(node.ctl({"help"}).text, "mnesia"));
}

TEST_CASE("every command takes --json and answers with one document") {
  TestNode node;
  const Socket client = node.connect("c", false);
  retain(node, "r");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"status"},
                                             {"broker"},
                                             {"broker", "stats"},
                                             {"broker", "metrics"},
                                             {"clients", "list"},
                                             {"clients", "show", "c"},
                                             {"clients", "show", "x"},
                                             {"sessions", "list"},
                                             {"sessions", "show", "c"},
                                             {"sessions", "clean-persistent", "x"},
                                             {"routes", "list"},
                                             {"topics", "list"},
                                             {"subscriptions", "list"},
                                             {"subscriptions", "show", "c"},
                                             {"subscriptions", "add", "c", "t", "1"},
                                             {"subscriptions", "del", "c", "t"},
                                             {"retainer", "info"},
                                             {"retainer", "topics"},
                                             {"retainer", "clean"},
                                             {"listeners"},
                                             {"listeners", "reload"},
                                             {"log", "primary-level"},
                                             {"log", "handlers", "list"},
                                             {"trace", "list"},
                                             {"trace", "stop", "client", "x"},
                                             {"vm"},
                                             {"durability"},
                                             {"conf", "show"},
                                             {"conf", "check"},
                                             {"conf", "reload"},
                                             {"metrics"},
                                             {"metrics", "--prometheus"},
                                             {"help"},
                                             {},
                                             {"nonsense"},
                                             {"rules"},
                                             {"clients", "kick", "c"},
                                             {"stop"}}) {
    std::vector<std::string> arguments = words;
    arguments.insert(arguments.begin(), "--json");
    const Output out = node.ctl(arguments);
    CAPTURE(out.text);
    REQUIRE(out.text.size() > 2);
    CHECK(out.text.back() == '\n');
    const char first = out.text[0], last = out.text[out.text.size() - 2];
    CHECK(((first == '{' && last == '}') || (first == '[' && last == ']')));
    CHECK(valid_utf8(out.text));
  }
}
