// What plugins that decide about clients do with a running broker: rules that change, users that
// are kicked, commands that answer later or ask for a password. The plugin is tests/plugins/judge.
#include <doctest/doctest.h>

#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <future>

#include "tests/system/support/json.hpp"
#include "tests/system/support/plugins.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

struct Judged : BrokerProcess {
  explicit Judged(const std::string& more = {}) : BrokerProcess(more + zoo_settings()) {
    ctl_ok({"plugins", "load", "judge"});
  }
  std::string judge(std::vector<std::string> words, At at = At::current()) const {
    words.insert(words.begin(), "judge");
    return ctl_ok(words, at);
  }
  // In the background; `n` calls wait then.
  std::future<Outcome> begin_wait() const {
    return std::async(std::launch::async, [this] { return ctl({"judge", "wait"}); });
  }
  void await_waiting(int n, At at = At::current()) const {
    eventually([&] { return judge({"waiting"}) == std::to_string(n) + "\n"; },
               "calls that wait: " + std::to_string(n), at);
  }
  // `ctl <words>` with this as its standard input.
  Outcome ctl_with(const std::string& input, const std::string& words) const {
    return run({"/bin/sh", "-c",
                "printf %b '" + input + "' | " + ctl_binary() + " --socket " + socket().string() +
                    " " + words});
  }
};

Connect user(const std::string& id, const std::string& name) {
  return {.client_id = id, .version = Version::v5, .username = name, .password = "p"};
}

// `ctl` at a terminal of its own.
class Terminal {
 public:
  Terminal(const BrokerProcess& broker, std::vector<std::string> words) {
    words.insert(words.begin(), {ctl_binary(), "--socket", broker.socket().string()});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::forkpty(&fd_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    REQUIRE(pid_ > 0);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    ::close(fd_);
    if (status_ < 0) ::waitpid(pid_, &status_, 0);
  }

  void type(const std::string& text) const {
    REQUIRE(::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  // Everything shown so far, once it has `part` in it.
  std::string await(const std::string& part, At at = At::current()) {
    const Deadline deadline;
    while (!contains(shown_, part)) {
      pollfd readable{fd_, POLLIN, 0};
      if (::poll(&readable, 1, deadline.left_ms()) <= 0) fail(at, "not shown: " + part);
      char bytes[4096];
      const ssize_t n = ::read(fd_, bytes, sizeof bytes);
      if (n <= 0) fail(at, "ended with: " + shown_);
      shown_.append(bytes, static_cast<std::size_t>(n));
    }
    return shown_;
  }
  bool echoes() const {
    termios now{};
    REQUIRE(::tcgetattr(fd_, &now) == 0);
    return now.c_lflag & ECHO;
  }
  // Exit code, or 128 and the signal.
  int wait() {
    REQUIRE(::waitpid(pid_, &status_, 0) == pid_);
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }

 private:
  pid_t pid_ = -1;
  int fd_ = -1;
  int status_ = -1;
  std::string shown_;
};

}  // namespace

TEST_SUITE_BEGIN("plugins_auth");

TEST_CASE("a command is answered later, from another thread") {
  Judged broker;
  auto first = broker.begin_wait();
  broker.await_waiting(1);
  auto second = broker.begin_wait();
  broker.await_waiting(2);
  CHECK(contains(broker.ctl_ok({"plugins", "show", "judge"}), "ctl_call"));
  CHECK(broker.judge({"release"}) == "0 0 \n");
  for (auto* outcome : {&first, &second}) {
    const Outcome said = outcome->get();
    CHECK(said.exit == 0);
    CHECK(said.out == "waiting\nreleased\n");
  }
  const Outcome early = broker.ctl({"judge", "early"});
  CHECK(early.exit == 1);
  CHECK(early.out == "printed\nearly\n");
}

TEST_CASE("nobody waits any more: the plugin is told") {
  Judged broker;
  {
    Process gone(
        {.arguments = {ctl_binary(), "--socket", broker.socket().string(), "judge", "wait"},
         .environment = {},
         .output = broker.dir() / "gone",
         .error = broker.dir() / "gone",
         .directory = {}});
    broker.await_waiting(1);
    gone.signal(SIGKILL);
    gone.wait();
  }
  CHECK(broker.judge({"release"}) == std::to_string(-5) + " \n");
  const Outcome thrown = broker.ctl({"judge", "throw"});
  CHECK(thrown.exit == 1);
  CHECK(broker.judge({"release"}) == std::to_string(-5) + " \n");
}

TEST_CASE("unloading and upgrading end the calls that wait") {
  Judged broker;
  auto waiting = broker.begin_wait();
  broker.await_waiting(1);
  CHECK(contains(broker.ctl_ok({"plugins", "unload", "judge"}), "unmapped"));
  const Outcome said = waiting.get();
  CHECK(said.exit == 1);
  CHECK(said.out == "waiting\nplugin judge was unloaded before it answered\n");
  CHECK_FALSE(is_mapped(broker, "judge"));

  broker.ctl_ok({"plugins", "load", "judge"});
  auto again = broker.begin_wait();
  broker.await_waiting(1);
  broker.ctl_ok({"plugins", "upgrade", "judge", (zoo_dir() / "judge.so").string()});
  CHECK(again.get().out == "waiting\nplugin judge was unloaded before it answered\n");
  broker.await_waiting(0);
}

TEST_CASE("stopping the broker ends the calls that wait") {
  Judged broker;
  auto waiting = broker.begin_wait();
  broker.await_waiting(1);
  CHECK(broker.stop() == 0);
  CHECK(waiting.get().exit == 1);
}

TEST_CASE("ctl asks, and what it reads is never an option") {
  Judged broker;
  CHECK(broker.ctl_with("one\\ntwo\\n", "judge ask").out == "[one] [two]\n");
  CHECK(broker.ctl_with("--json\\n--\\n", "judge ask").out == "[--json] [--]\n");
  CHECK(broker.ctl_with("two\\n", "judge ask -- one").out == "[one] [two]\n");
  CHECK(broker.ctl_with("a b\\n\\n", "judge --json ask").out == "[a b] [] json\n");
  CHECK(broker.ctl_with("last line", "judge ask later").out == "[later] [last line]\n");
  const Outcome none = broker.ctl_with("", "judge ask");
  CHECK(none.exit == 1);
  CHECK(none.out.empty());
  CHECK(contains(none.err, "no answer"));
  const Outcome ever = broker.ctl_with("1\\n2\\n3\\n", "judge ask ever");
  CHECK(ever.exit == 1);
  CHECK(contains(ever.err, "more than two questions"));
}

TEST_CASE("at a terminal the answer is not shown") {
  Judged broker;
  Terminal terminal(broker, {"judge", "ask"});
  terminal.await("Password: ");
  CHECK_FALSE(terminal.echoes());
  terminal.type("secret\n");
  terminal.await("Again: ");
  terminal.type("hidden\n");
  const std::string shown = terminal.await("[secret] [hidden]");
  CHECK(shown.starts_with("Password: \r\nAgain: \r\n[secret] [hidden]"));
  CHECK(terminal.wait() == 0);
}

TEST_CASE("at a terminal an empty answer is none, and Ctrl-C leaves the terminal as it was") {
  Judged broker;
  Terminal empty(broker, {"judge", "ask"});
  empty.await("Password: ");
  empty.type("\n");
  empty.await("nothing was typed");
  CHECK(empty.wait() == 1);
  Terminal interrupted(broker, {"judge", "ask"});
  interrupted.await("Password: ");
  interrupted.type("half\x03");
  interrupted.await("\r\n");
  eventually([&] { return interrupted.echoes(); }, "the terminal shows what is typed");
  CHECK(interrupted.wait() == 128 + SIGINT);
}

TEST_CASE("rules change: subscriptions end, those of clients that are away too") {
  Judged broker;
  Client client = broker.connect(user("c", "u"));
  Client super = broker.connect(user("s", "root"));
  Client old = broker.connect(Connect{.client_id = "o", .version = Version::v311});
  for (Client* each : {&client, &super, &old}) each->subscribe_to({{"a/x", 1}, {"b", 1}});
  Client away = broker.connect(persistent("away", Version::v5));
  away.subscribe_to({{"a/y", 1}, {"$share/g/a/z", 1}});
  away.disconnect();
  broker.judge({"deny", "a/"});
  CHECK(contains(broker.judge({"recheck"}), "6 asked, 4 removed"));
  CHECK(broker.ctl_ok({"subscriptions", "show", "away"}).empty());
  CHECK(broker.ctl_ok({"subscriptions", "show", "c"}) == "c -> b:1\n");
  CHECK(contains(broker.judge({"ended"}), "$share/g/a/z not_authorized\n"));
  CHECK(contains(broker.log(), "client=c: subscription to 'a/x' removed"));
  Client publisher = broker.connect("p", Version::v311);
  publisher.publish("a/x", "no", 1);
  publisher.publish("b", "yes", 1);
  client.take("b", "yes", 1);
  old.take("b", "yes", 1);
  super.take("a/x", "no", 1);
  const Packet suback = client.subscribe_to({{"a/x", 1}});
  CHECK(suback.codes == std::vector<std::uint8_t>{0x87});
  CHECK(contains(broker.ctl_ok({"metrics", "--prometheus"}), "keel_revoked_subscriptions_total"));
  CHECK(contains(broker.judge({"recheck", "o"}), "1 asked, 0 removed"));
  CHECK(contains(broker.judge({"recheck", "nobody"}), "0 asked, 0 removed"));
}

TEST_CASE("rules change: with acl_deny_action = disconnect the client goes") {
  Judged broker("mqtt.acl_deny_action = \"disconnect\"\n");
  Client client = broker.connect("c", Version::v5), old = broker.connect("o", Version::v311);
  client.subscribe("a/x");
  old.subscribe("a/x");
  broker.judge({"deny", "a/"});
  CHECK(contains(broker.judge({"recheck"}), "2 removed"));
  client.expect_ended(0x87);
  old.expect_ended(0x87);
}

TEST_CASE("a recheck is under way when the plugin is unloaded") {
  Judged broker;
  Client client = broker.connect("c", Version::v5);
  client.subscribe_to({{"a", 0}, {"b", 0}});
  broker.judge({"pend"});
  auto waiting = std::async(std::launch::async, [&] { return broker.ctl({"judge", "recheck"}); });
  eventually(
      [&] {
        return contains(broker.ctl_ok({"metrics", "--prometheus"}),
                        "keel_rechecked_subscriptions_total 2");
      },
      "both are asked about");
  CHECK(contains(broker.ctl_ok({"plugins", "unload", "judge"}), "unmapped"));
  CHECK(waiting.get().out == "plugin judge was unloaded before it answered\n");
  CHECK(broker.running());
  client.ping();
}

TEST_CASE("a user is kicked everywhere, and shown with what is known") {
  Judged broker;
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(broker.connect(user("c" + std::to_string(i), i % 2 ? "alice" : "bob")));
  }
  CHECK(broker.judge({"who", "c1"}).starts_with("alice password 1 cn  from 127.0.0.1:"));
  CHECK(broker.ctl({"judge", "who", "nobody"}).exit == 1);
  broker.judge({"kick", "alice"});
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i % 2)
      clients[i].expect_ended(0x98);
    else
      clients[i].ping();
  }
  CHECK(broker.ctl({"judge", "kick"}).exit == 1);
}

TEST_CASE("100 000 subscriptions are asked about, and removed") {
  Judged broker("limits.max_subscriptions = 0\n");
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(broker.connect("c" + std::to_string(i), Version::v5));
    for (int part = 0; part < 4; ++part) {
      std::vector<Filter> filters;
      for (int k = 0; k < 500; ++k) {
        filters.push_back(
            Filter{"t/" + std::to_string(i % 10) + "/" + std::to_string(part * 500 + k) + "/+", 1});
      }
      clients.back().subscribe_to(filters);
    }
  }
  // It takes some 150 ms, printed below; this catches only what grows with the square.
  const auto soon = [](const std::string& said) {
    return std::stod(said.substr(said.rfind(' '))) < 10'000.0 * kSlowdown;
  };
  const std::string kept = broker.judge({"recheck"});
  CHECK(contains(kept, "100000 asked, 0 removed"));
  CHECK(soon(kept));
  broker.judge({"deny", "t/"});
  const std::string removed = broker.judge({"recheck"});
  CHECK(contains(removed, "100000 asked, 100000 removed"));
  CHECK(soon(removed));
  MESSAGE("100 000 subscriptions: " << kept << removed);
  for (Client& client : clients) client.ping();
}

TEST_CASE("loading a plugin that authenticates says who is admitted without credentials") {
  const std::string text = "Anonymous clients are still admitted by listener mqtt (127.0.0.1:";
  {
    BrokerProcess broker(zoo_settings());
    const std::string said = broker.ctl_ok({"plugins", "load", "judge"});
    CHECK(said.starts_with("Start apps: [judge]\n"));
    CHECK(contains(said, "Plugin judge loaded successfully.\n" + text));
    CHECK(contains(said, "); listener.mqtt.allow_anonymous = false stops that.\n"));
    CHECK(contains(broker.log(), text));
    CHECK(contains(broker.ctl_ok({"plugins", "load", "auth_pends", "--json"}), text));
    CHECK_FALSE(contains(broker.ctl_ok({"plugins", "load", "ok"}), "Anonymous"));
  }
  BrokerProcess closed("listener.mqtt.allow_anonymous = false\n" + zoo_settings());
  CHECK_FALSE(contains(closed.ctl_ok({"plugins", "load", "judge"}), "Anonymous"));
  CHECK(closed.ctl_ok({"plugins", "unload", "judge"}) ==
        "Plugin judge unloaded successfully.\nunmapped\n");
}

TEST_CASE("a broker that starts with a plugin that authenticates says who is admitted") {
  const std::string text = "Anonymous clients are still admitted by listener ";
  const auto said = [](const std::string& settings) {
    BrokerProcess broker(settings);
    eventually([&] { return contains(broker.log(), " is running: "); }, "it has started");
    return broker.log();
  };
  const std::string judged = zoo_settings() + "load = [\"judge\", \"ok\"]\n";
  const std::string log = said(judged);
  const std::size_t at = log.find(text + "mqtt (127.0.0.1:");
  REQUIRE(at != std::string::npos);
  CHECK(contains(log.substr(at), "); listener.mqtt.allow_anonymous = false stops that.\n"));
  CHECK(log.find(text, at + 1) == std::string::npos);
  CHECK_FALSE(contains(said("listener.mqtt.allow_anonymous = false\n" + judged), text));
  CHECK_FALSE(contains(said(zoo_settings() + "load = [\"ok\"]\n"), text));
  // A plugin's listener is open already when the broker's own are not: it is named once as well.
  const std::string both = said("listener.mqtt.allow_anonymous = false\n" + zoo_settings() +
                                "load = [\"judge\", \"carrier\"]\n");
  const std::size_t carried = both.find(text + "carrier");
  REQUIRE(carried != std::string::npos);
  CHECK(contains(both.substr(carried), ") of plugin carrier.\n"));
  CHECK(both.find(text, carried + 1) == std::string::npos);
}

TEST_CASE("loading a plugin that listens says whom it admits while another authenticates") {
  const std::string text = "Anonymous clients are still admitted by listener ";
  BrokerProcess broker(zoo_settings());
  CHECK_FALSE(contains(broker.ctl_ok({"plugins", "load", "carrier"}), text));
  broker.ctl_ok({"plugins", "unload", "carrier"});
  broker.ctl_ok({"plugins", "load", "judge"});
  const std::string said = broker.ctl_ok({"plugins", "load", "carrier"});
  CHECK(contains(said, text + "carrier"));
  CHECK_FALSE(contains(said, text + "mqtt "));
}

TEST_CASE("a client's address may be stated by the plugin that carries its bytes") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "carrier"});
  broker.ctl_ok({"plugins", "load", "judge"});
  const std::string listeners = broker.ctl_ok({"listeners", "--json"});
  const std::string_view mark = "127.0.0.1:";
  std::uint16_t port = 0;
  for (std::size_t at = listeners.find(mark); at != std::string::npos;
       at = listeners.find(mark, at + 1)) {
    const int found = std::atoi(listeners.c_str() + at + mark.size());
    if (found != broker.port()) port = static_cast<std::uint16_t>(found);
  }
  REQUIRE(port != 0);
  const auto connect = [&](const std::string& stated, const std::string& id) {
    Endpoint endpoint{.port = port};
    endpoint.preamble = stated + "\n";
    return Client::accepted(endpoint, {.client_id = id, .version = Version::v5});
  };
  Client far = connect("203.0.113.9:7", "far"), six = connect("[2001:db8::1]:8", "six");
  Client near = connect("", "near");
  // The listener is one that only this machine reaches, so they may be anonymous all the same.
  CHECK(contains(broker.ctl_ok({"clients", "show", "far"}), "203.0.113.9:7"));
  CHECK(contains(broker.ctl_ok({"clients", "show", "six"}), "[2001:db8::1]:8"));
  CHECK(contains(broker.ctl_ok({"clients", "show", "near"}), "127.0.0.1:"));
  CHECK(contains(broker.ctl_ok({"judge", "who", "far"}), "from 203.0.113.9:7\n"));
  far.subscribe("t");
  near.publish("t", "x");
  far.take("t", "x");
  broker.ctl_ok({"clients", "kick", "far"});
  far.expect_ended(0x98);
  CHECK(contains(broker.log(), "client=far peer=203.0.113.9:7"));
}

TEST_SUITE_END();

}  // namespace keel::test
