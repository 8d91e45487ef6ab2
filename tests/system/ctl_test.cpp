// The administrator's tool against a running broker: wording, --json, exit codes.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <regex>

#include "tests/system/support/json.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

bool matches(const std::string& text, const std::string& pattern) {
  return std::regex_search(text, std::regex{pattern});
}

int lines_of(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_SUITE_BEGIN("ctl");

TEST_CASE("status and broker") {
  BrokerProcess broker;
  const std::string status = broker.ctl_ok({"status"});
  CHECK(matches(status, "^Node 'keel@127\\.0\\.0\\.1' is started\n"));
  CHECK(matches(status, "\nkeel v[0-9.]+ is running\n$"));
  const std::string about = broker.ctl_ok({"broker"});
  CHECK(lines_of(about) == 4);
  for (const std::string name : {"sysdescr  : ", "version   : v", "uptime    : ", "datetime  : "}) {
    CHECK(contains(about, name));
  }
}

TEST_CASE("broker stats and metrics count what happens") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.subscribe_to({{"t", 1}, {"$share/g/t", 1}});
  client.publish("t", "x", 1, true);
  const std::string stats = broker.ctl_ok({"broker", "stats"});
  CHECK(matches(stats, "(^|\n)connections/count {13,}: 1\n"));
  for (const std::string name :
       {"sessions/count", "subscriptions/count", "subscriptions/shared/count", "topics/count",
        "routes/count", "retained/count", "connections/max"}) {
    CAPTURE(name);
    CHECK(contains(stats, name));
  }
  const std::string metrics = broker.ctl_ok({"broker", "metrics"});
  CHECK(matches(metrics, "packets/publish/received {6,}: 1\n"));
  CHECK(matches(metrics, "messages/qos1/received {8,}: 1\n"));
  CHECK(matches(metrics, "bytes/received *: [1-9]"));
  CHECK(broker.ctl_ok({"metrics"}) != "");
  CHECK(contains(broker.ctl_ok({"metrics", "--prometheus"}), "# TYPE keel_"));
}

TEST_CASE_TEMPLATE("clients list, show and kick", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c 1", V::value);
  Client other = broker.connect("other", V::value);
  const std::string line =
      "Connection\\(c 1, clean_start=true, username=undefined, peername=127\\.0\\.0\\.1:[0-9]+, "
      "connected_at=[0-9]{10}\\)\n";
  CHECK(matches(broker.ctl_ok({"clients", "show", "c 1"}), "^" + line + "$"));
  const std::string list = broker.ctl_ok({"clients", "list"});
  CHECK(matches(list, "(^|\n)" + line));
  CHECK(lines_of(list) == 2);
  CHECK(broker.ctl_ok({"clients", "kick", "c 1"}) == "");
  client.expect_ended(0x98);
  other.ping();
  for (const std::string command : {"show", "kick"}) {
    const Outcome missing = broker.ctl({"clients", command, "nobody"});
    CHECK(missing.exit == 1);
    CHECK(contains(missing.out + missing.err, "Not Found."));
  }
}

TEST_CASE_TEMPLATE("sessions list, show and clean-persistent", V, V311, V5) {
  BrokerProcess broker;
  Client stays = broker.connect(persistent("stays", V::value, 7200));
  stays.subscribe_to({{"t", 1}, {"u/#", 2}});
  Client passing = broker.connect("passing", V::value);
  const std::string shown = broker.ctl_ok({"sessions", "show", "stays"});
  CHECK(matches(shown,
                "^Session\\(stays, clean_start=false, expiry_interval=7200, subscriptions_count=2, "
                "max_inflight=[0-9]+, inflight=0, mqueue_len=0, mqueue_dropped=0, awaiting_rel=0, "
                "deliver_msg=0, enqueue_msg=0, created_at=[0-9]{10}\\)\n$"));
  CHECK(lines_of(broker.ctl_ok({"sessions", "list"})) == 2);
  CHECK(contains(broker.ctl_ok({"sessions", "list", "persistent"}), "Session(stays,"));
  CHECK_FALSE(contains(broker.ctl_ok({"sessions", "list", "persistent"}), "Session(passing,"));
  CHECK(contains(broker.ctl_ok({"sessions", "list", "transient"}), "Session(passing,"));

  const Outcome busy = broker.ctl({"sessions", "clean-persistent", "stays"});
  CHECK(busy.exit == 1);
  CHECK(contains(busy.out + busy.err, "Couldn't clean a session with a valid connection."));
  stays.disconnect();
  broker.await_gone("stays");
  CHECK(broker.ctl_ok({"sessions", "clean-persistent", "stays"}) ==
        "Clean persistent session successfully.\n");
  const Outcome missing = broker.ctl({"sessions", "clean-persistent", "stays"});
  CHECK(missing.exit == 1);
  CHECK(contains(missing.out + missing.err, "Not Found."));
  Client back = broker.connect(persistent("stays", V::value));
  CHECK_FALSE(back.connack().session_present);
}

TEST_CASE("routes and topics") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.subscribe_to({{"a/b"}, {"a/+"}, {"$share/g/x"}});
  for (const std::string command : {"routes", "topics"}) {
    const std::string list = broker.ctl_ok({command, "list"});
    CHECK(contains(list, "a/b"));
    CHECK(contains(list, "a/+"));
    CHECK(broker.ctl_ok({command, "show", "a/b"}) == "a/b -> keel@127.0.0.1\n");
    CHECK(broker.ctl({command, "show", "nothing"}).exit == 1);
  }
}

TEST_CASE_TEMPLATE("subscriptions list, show, add and del", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe("own", 1);
  CHECK(contains(broker.ctl_ok({"subscriptions", "list"}), "c -> own:1\n"));
  CHECK(broker.ctl_ok({"subscriptions", "show", "c"}) == "c -> own:1\n");
  CHECK(broker.ctl_ok({"subscriptions", "add", "c", "given/+", "2"}) == "ok\n");
  client.publish("given/x", "x", 2);
  client.take("given/x", "x", 2);
  CHECK(broker.ctl_ok({"subscriptions", "del", "c", "given/+"}) == "ok\n");
  client.publish("given/x", "x", 2);
  client.expect_nothing();

  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"subscriptions", "add", "nobody", "t", "1"}, "Error: Session not found!"},
      {{"subscriptions", "del", "nobody", "t"}, "Error: Session not found!"},
      {{"subscriptions", "add", "c", "t", "3"}, "QoS should be 0, 1, 2"},
      {{"subscriptions", "add", "c", "a/#/b", "1"}, "filter"},
  };
  for (const auto& [arguments, text] : wrong) {
    const Outcome outcome = broker.ctl(arguments);
    const std::string said = outcome.out + outcome.err;
    CHECK(outcome.exit == 1);
    CHECK_MESSAGE(contains(said, text), said);
  }
}

TEST_CASE("retainer info, topics and clean") {
  BrokerProcess broker{"sys.interval = 0"};
  Client client = broker.connect("c", Version::v5);
  for (const std::string topic : {"a/1", "a/2", "b"}) client.publish(topic, "x", 1, true);
  CHECK(broker.ctl_ok({"retainer", "info"}) == "retained/total: 3\n");
  const std::string topics = broker.ctl_ok({"retainer", "topics"});
  CHECK(lines_of(topics) == 3);
  CHECK(contains(topics, "a/1\n"));
  CHECK(broker.ctl_ok({"retainer", "clean", "a/+"}) == "Cleaned 2 retained messages\n");
  CHECK(broker.ctl_ok({"retainer", "clean", "none"}) == "Cleaned 0 retained messages\n");
  CHECK(broker.ctl_ok({"retainer", "clean"}) == "Cleaned 1 retained messages\n");
  client.subscribe("#");
  client.expect_nothing();
}

TEST_CASE("listeners, stop, start and reload") {
  BrokerProcess broker{
      "listener.other.bind = \"127.0.0.1:${port:other}\"\nlistener.other.max_connections = 77"};
  Client client = Client::accepted(broker.endpoint("other"), {.client_id = "c"});
  const std::string address = "127.0.0.1:" + std::to_string(broker.port("other"));
  const std::string list = broker.ctl_ok({"listeners"});
  CHECK(contains(list, "listener on mqtt:tcp:" + address + "\n"));
  CHECK(contains(list, "  acceptors       : "));
  CHECK(contains(list, "  max_conns       : 77\n"));
  CHECK(contains(list, "  current_conn    : 1\n"));
  CHECK(contains(list, "  shutdown_count  : ["));
  CHECK(broker.ctl_ok({"listeners", "stop", "mqtt:tcp", address}) ==
        "Stop mqtt:tcp listener on " + address + " successfully.\n");
  CHECK_THROWS_AS(Socket{broker.endpoint("other")}, ConnectFailure);
  client.ping();  // who is there stays
  const Outcome unknown = broker.ctl({"listeners", "stop", "mqtt:tcp", "127.0.0.1:1"});
  CHECK(unknown.exit == 1);
  CHECK(contains(unknown.out + unknown.err, "Failed to stop"));
  broker.ctl_ok({"listeners", "start", "mqtt:tcp", std::to_string(broker.port("other"))});
  Client::accepted(broker.endpoint("other"), {.client_id = "d"}).ping();
  broker.ctl_ok({"listeners", "reload"});
  client.ping();
}

TEST_CASE("log levels and handlers") {
  BrokerProcess broker{"log.file = \"${dir}/keel.log\""};
  CHECK(broker.ctl_ok({"log", "primary-level"}) == "info\n");
  CHECK(broker.ctl_ok({"log", "set-level", "debug"}) == "debug\n");
  CHECK(broker.ctl_ok({"log", "primary-level"}) == "debug\n");
  CHECK(broker.ctl_ok({"log", "primary-level", "warning"}) == "warning\n");
  const std::string handlers = broker.ctl_ok({"log", "handlers", "list"});
  CHECK(contains(handlers, "LogHandler(id=console, level=warning, destination=console)\n"));
  CHECK(contains(handlers, "LogHandler(id=file, level="));
  CHECK(contains(handlers, "/keel.log)\n"));
  CHECK(broker.ctl_ok({"log", "handlers", "set-level", "file", "error"}) == "error\n");
  CHECK(contains(broker.ctl_ok({"log", "handlers", "list"}), "LogHandler(id=file, level=error"));
  CHECK(broker.ctl({"log", "set-level", "loud"}).exit == 1);
  CHECK(broker.ctl({"log", "handlers", "set-level", "nowhere", "info"}).exit == 1);
}

TEST_CASE_TEMPLATE("traces of a client and of a topic filter", V, V31, V311, V5) {
  BrokerProcess broker;
  const std::string of_client = (broker.dir() / "client.trace").string();
  const std::string of_topic = (broker.dir() / "topic.trace").string();
  CHECK(broker.ctl_ok({"trace", "start", "client", "watched", of_client}) ==
        "trace client_id watched successfully\n");
  CHECK(broker.ctl_ok({"trace", "start", "topic", "a/+/c", of_topic}) ==
        "trace topic a/+/c successfully\n");
  const std::string list = broker.ctl_ok({"trace", "list"});
  CHECK(
      contains(list, "Trace(client_id=watched, level=debug, destination=\"" + of_client + "\")\n"));
  CHECK(contains(list, "Trace(topic=a/+/c, level=debug, destination=\"" + of_topic + "\")\n"));
  Client watched = broker.connect("watched", V::value);
  Client other = broker.connect("other", V::value);
  watched.publish("x/y", "by-watched", 1);
  other.publish("a/b/c", "by-other", 1);
  other.publish("not/this", "by-other", 1);
  eventually([&] { return contains(read_file(of_client), "x/y"); }, "the client's trace");
  eventually([&] { return contains(read_file(of_topic), "a/b/c"); }, "the topic's trace");
  CHECK_FALSE(contains(read_file(of_client), "a/b/c"));
  CHECK_FALSE(contains(read_file(of_topic), "not/this"));
  CHECK(broker.ctl_ok({"trace", "stop", "client", "watched"}) ==
        "stop tracing client_id watched successfully\n");
  CHECK(broker.ctl_ok({"trace", "stop", "topic", "a/+/c"}) ==
        "stop tracing topic a/+/c successfully\n");
  CHECK(broker.ctl_ok({"trace", "list"}) == "");
  CHECK(broker.ctl({"trace", "stop", "client", "watched"}).exit == 1);
  const Outcome unwritable = broker.ctl({"trace", "start", "client", "c", "/nowhere/at/all"});
  CHECK(unwritable.exit == 1);
  CHECK(contains(unwritable.out + unwritable.err, "[error] trace client_id c: "));
}

TEST_CASE("vm") {
  BrokerProcess broker;
  const std::string all = broker.ctl_ok({"vm"});
  for (const std::string name :
       {"cpu/load1", "memory/total", "process/count", "io/max_fds", "io/active_fds"}) {
    CAPTURE(name);
    CHECK(matches(all, name + " +: [0-9]"));
  }
  CHECK_FALSE(contains(broker.ctl_ok({"vm", "memory"}), "cpu/load1"));
}

TEST_CASE("durability without a store; its policies follow the settings") {
  BrokerProcess broker;
  const std::string before = broker.ctl_ok({"durability"});
  CHECK(matches(before, "^store +: none\npolicy +: fsync\n"));
  CHECK(contains(before, "in memory only"));
  CHECK(contains(before, "ctl plugins load emqx_store"));
  CHECK(contains(broker.ctl_ok({"metrics", "--prometheus"}), "\nkeel_durability_store 0\n"));
  // Nothing waits for a disk that nobody writes to.
  Client absent = broker.connect(persistent("absent", Version::v5));
  absent.subscribe("t", 1);
  absent.disconnect();
  Client publisher = broker.connect("publisher", Version::v5);
  publisher.publish("t", "x", 1, true);

  broker.write_settings(
      "[listener.mqtt]\ndurability = \"none\"\n"
      "[durability]\npolicy = \"async\"\nrules = [\"alarm/# = fsync\"]\n");
  broker.ctl_ok({"conf", "reload"});
  const std::string after = broker.ctl_ok({"durability"});
  CHECK(matches(after, "policy +: async\nrule +: alarm/# = fsync\nlistener +: mqtt = none\n"));
  publisher.ping();  // it is the same listener

  broker.write_settings("[durability]\nrules = [\"a/#/b = fsync\"]\n");
  const Outcome refused = broker.ctl({"conf", "reload"});
  CHECK(refused.exit == 1);
  CHECK(matches(refused.out + refused.err,
                ":2:9: 'durability.rules' holds \"a/#/b = fsync\"; a wildcard must fill"));
  CHECK(broker.ctl_ok({"durability"}) == after);
}

TEST_CASE("every command answers --json with JSON") {
  BrokerProcess broker;
  Client client = broker.connect(persistent("quo\"te\n", Version::v5));
  client.subscribe("a/\"b\"", 1);
  client.publish("r", "x", 1, true);
  const std::vector<std::vector<std::string>> commands = {
      {"status"},
      {"broker"},
      {"broker", "stats"},
      {"broker", "metrics"},
      {"clients", "list"},
      {"clients", "show", "quo\"te\n"},
      {"sessions", "list"},
      {"sessions", "show", "quo\"te\n"},
      {"routes", "list"},
      {"topics", "list"},
      {"subscriptions", "list"},
      {"subscriptions", "show", "quo\"te\n"},
      {"subscriptions", "add", "quo\"te\n", "t", "0"},
      {"subscriptions", "del", "quo\"te\n", "t"},
      {"retainer", "info"},
      {"retainer", "topics"},
      {"retainer", "clean", "r"},
      {"listeners"},
      {"listeners", "reload"},
      {"log", "primary-level"},
      {"log", "handlers", "list"},
      {"trace", "list"},
      {"vm"},
      {"durability"},
      {"conf", "show"},
      {"conf", "check"},
      {"conf", "reload"},
      {"metrics"},
      {"clients", "kick", "quo\"te\n"}};
  for (std::vector<std::string> command : commands) {
    CAPTURE(command[0]);
    command.insert(command.begin(), "--json");
    const std::string out = broker.ctl_ok(command);
    CHECK_MESSAGE(valid_json(out), command[1], " answers ", out);
  }
  const Outcome missing = broker.ctl({"clients", "show", "nobody", "--json"});
  CHECK(missing.exit == 1);
  CHECK(valid_json(missing.out));
}

TEST_CASE("exit codes: 0 ok, 1 error, 2 usage") {
  BrokerProcess broker;
  CHECK(broker.ctl({"status"}).exit == 0);
  CHECK(broker.ctl({"clients", "show", "nobody"}).exit == 1);
  const std::vector<std::vector<std::string>> wrong = {{"nonsense"},
                                                       {"clients"},
                                                       {"clients", "nonsense"},
                                                       {"clients", "show"},
                                                       {"clients", "show", "a", "b"},
                                                       {"subscriptions", "add", "c"},
                                                       {"trace", "start", "client"},
                                                       {"vm", "nonsense"}};
  for (const auto& arguments : wrong) {
    CAPTURE(arguments[0]);
    const Outcome outcome = broker.ctl(arguments);
    CHECK(outcome.exit == 2);
    CHECK_FALSE((outcome.out + outcome.err).empty());
  }
  // A wrong argument list prints that command's usage.
  const Outcome usage = broker.ctl({"clients"});
  CHECK(contains(usage.out + usage.err, "clients kick <ClientId>"));
  CHECK(contains(usage.out + usage.err, "# "));
}

TEST_CASE("what EMQ X has and this version has not is refused by name") {
  BrokerProcess broker;
  for (const std::string command : {"bridges", "cluster", "rules", "mgmt", "modules"}) {
    CAPTURE(command);
    const Outcome outcome = broker.ctl({command, "list"});
    CHECK(outcome.exit == 1);
    CHECK(contains(outcome.out + outcome.err, "not part of this version"));
  }
}

TEST_CASE("the socket is private, and may be named by the environment") {
  BrokerProcess broker;
  struct stat status {};
  REQUIRE(::stat(broker.socket().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(run({ctl_binary(), "status"}, {"KEEL_CTL_SOCKET=" + broker.socket().string()}).exit == 0);
  const Outcome nobody =
      run({ctl_binary(), "--socket", (broker.dir() / "none").string(), "status"});
  CHECK(nobody.exit == 1);
  CHECK(contains(nobody.out + nobody.err, "none"));
}

TEST_CASE("the tool explains itself without a broker") {
  const TempDir dir;
  const std::string none = (dir.path() / "none").string();
  const auto ctl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {ctl_binary(), "--socket", none});
    return run(arguments);
  };
  const Outcome help = ctl({"--help"});
  CHECK(help.exit == 0);
  for (const std::string text : {"usage: ctl ", "--socket PATH", "KEEL_CTL_SOCKET",
                                 "listed by the running broker: ctl help"})
    CHECK(contains(help.out, text));
  const Outcome version = ctl({"--version"});
  CHECK(version.exit == 0);
  CHECK(matches(version.out, "^ctl [0-9]+\\.[0-9]+\\.[0-9]+\n$"));
  for (const auto& [arguments, text] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--nonsense", "status"}, "unknown option '--nonsense'; see ctl --help\n"},
           {{"--socket"}, "--socket needs a path; see ctl --help\n"}}) {
    const Outcome wrong = ctl(arguments);
    CHECK(wrong.exit == 2);
    CHECK(wrong.err == text);
  }
  const std::string cause = "cannot connect to " + none +
                            ": No such file or directory; start keel, or name its socket with "
                            "--socket\n";
  const Outcome nothing = ctl({});
  CHECK(nothing.exit == 2);
  CHECK(nothing.out.empty());
  CHECK(nothing.err == help.out + "Node not running: " + cause);
  const Outcome status = ctl({"status"});
  CHECK(status.exit == 1);
  CHECK(status.out == "keel is not running\n");
  CHECK(status.err == cause);
  const Outcome list = ctl({"clients", "list"});
  CHECK(list.exit == 1);
  CHECK(list.out.empty());
  CHECK(list.err == "Node not running: " + cause);
  const Outcome json = ctl({"--json", "status"});
  CHECK(json.exit == 1);
  CHECK(valid_json(json.out));
  CHECK(json.err == cause);
}

TEST_CASE("no command prints the usages of the broker") {
  BrokerProcess broker;
  const Outcome nothing = broker.ctl({});
  CHECK(nothing.exit == 2);
  CHECK(contains(nothing.out, "clients kick <ClientId>"));
}

TEST_CASE("file names count from where the tool runs") {
  BrokerProcess broker;
  const TempDir here;
  const auto ctl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {ctl_binary(), "--socket", broker.socket().string()});
    Process process{Spawn{arguments,
                          {},
                          here.path() / "out",
                          here.path() / "err",
                          std::filesystem::path{here.path()}}};
    return process.wait(Deadline{});
  };
  CHECK(ctl({"trace", "start", "client", "c", "of client"}) == 0);
  CHECK(ctl({"trace", "start", "topic", "--", "a/#", "of-topic"}) == 0);
  CHECK(ctl({"trace", "client", "old", "of-old"}) == 0);
  CHECK(ctl({"trace", "client", "old", "off"}) == 0);
  const std::string list = broker.ctl_ok({"trace", "list"});
  CHECK(lines_of(list) == 2);
  for (const std::string name : {"of client", "of-topic"}) {
    CHECK(std::filesystem::exists(here.path() / name));
    CHECK(contains(list, "destination=\"" + (here.path() / name).string() + "\""));
  }
  CHECK(contains(read_file(here.path() / "out"), "trace client_id c successfully\n"));
  std::filesystem::copy(broker.conf(), here.path() / "own.conf");
  CHECK(ctl({"conf", "check", "own.conf"}) == 0);
  CHECK(ctl({"conf", "check", "other.conf"}) == 1);
}

TEST_CASE("more commands at once than the broker runs wait for their turn") {
  BrokerProcess broker;
  std::vector<std::future<Outcome>> all;
  for (int i = 0; i < 60; ++i) {
    all.push_back(std::async(std::launch::async, [&] { return broker.ctl({"clients", "list"}); }));
  }
  for (auto& one : all) CHECK(one.get().exit == 0);
}

TEST_CASE("bytes that are no request do not harm the ctl server") {
  BrokerProcess broker;
  for (const std::string& bytes :
       {std::string{"hello\n"}, std::string(100'000, '\xff'), from_hex("00 00 00 00")}) {
    Socket socket{Endpoint{.unix_path = broker.socket().string()}};
    socket.send(bytes);
  }
  CHECK(broker.ctl({"status"}).exit == 0);
}

TEST_CASE("long lists stream while the broker serves") {
  BrokerProcess broker{"limits.max_subscriptions = 0"};
  Client client = broker.connect("c", Version::v5);
  for (int packet = 0; packet < 20; ++packet) {
    std::vector<Filter> filters;
    for (int i = 0; i < 1000; ++i)
      filters.push_back({"many/" + std::to_string(packet * 1000 + i), 0});
    client.subscribe_to(filters);
  }
  CHECK(lines_of(broker.ctl_ok({"subscriptions", "list"})) == 20'000);
  CHECK(lines_of(broker.ctl_ok({"routes", "list"})) == 20'000);
  client.ping();
}

TEST_CASE("stop ends the broker with exit code 0") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  broker.ctl_ok({"stop"});
  client.expect_ended(0x8B);
  CHECK(broker.wait_for_exit() == 0);
}

TEST_SUITE_END();

}  // namespace keel::test
