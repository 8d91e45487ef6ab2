// Whole sets of rules: who they are about, which decides, that what they allow is right for every
// topic, and how fast.
#include <doctest/doctest.h>

#include <ctime>
#include <random>

#include "emqx_acl/explain.hpp"
#include "emqx_acl/load.hpp"
#include "emqx_acl/question.hpp"

using namespace emqx_acl;

namespace {

Rules good(std::string_view text) {
  auto loaded = load_rules(text, "acl.conf");
  REQUIRE_MESSAGE(loaded, loaded.text());
  return *loaded;
}
Ip ip(std::string_view text) { return Ip::of(*keel::Address::parse(text)); }

// "allow 1", "deny 2" or "none".
std::string decision(const Rules& rules, const Request& request) {
  const Rule* const rule = rules->decide(request);
  if (!rule) return "none";
  return keel::concat(rule->permit ? "allow " : "deny ", rules->number(*rule));
}

}  // namespace

TEST_CASE("networks") {
  const auto in = [](std::string_view network, std::string_view address) {
    const auto parsed = Network::parse(network);
    REQUIRE(parsed);
    return parsed->contains(ip(address));
  };
  CHECK(in("10.0.0.0/8", "10.255.0.1"));
  CHECK(in("10.1.2.3/8", "10.9.9.9"));
  CHECK(in("0.0.0.0/0", "1.2.3.4"));
  CHECK(in("192.0.2.7", "192.0.2.7"));
  CHECK(in("192.0.2.6/31", "192.0.2.7"));
  CHECK(in("2001:db8::/32", "2001:db8:ffff::1"));
  CHECK(in("2001:db8::1:0/112", "2001:db8::1:9"));
  CHECK(in("::/0", "2001:db8::1"));
  CHECK(in("::1", "::1"));
  CHECK(in("10.0.0.0/8", "::ffff:10.0.0.1"));
  CHECK(in("::ffff:10.0.0.0/104", "10.0.0.1"));
  CHECK_FALSE(in("10.0.0.0/8", "11.0.0.1"));
  CHECK_FALSE(in("192.0.2.6/31", "192.0.2.8"));
  CHECK_FALSE(in("0.0.0.0/0", "::1"));
  CHECK_FALSE(in("::/0", "1.2.3.4"));
  CHECK_FALSE(in("2001:db8::/32", "2001:db9::1"));
  CHECK_FALSE(in("2001:db8::1:0/112", "2001:db8::2:9"));
  CHECK_FALSE(Network::parse("0.0.0.0/0")->contains(Ip{}));
  CHECK(Network::parse("unix")->contains(Ip{.family = Ip::Family::unix_socket}));
  CHECK_FALSE(Network::parse("unix")->contains(ip("127.0.0.1")));
  for (const std::string_view wrong :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/08a", "10.0.0", "10.0.0.1:80",
        "[::1]:80", "[::1]", "fe80::1%2", "::1/129", "::ffff:10.0.0.0/8", "localhost",
        "10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0.0/0008"}) {
    CAPTURE(wrong);
    CHECK_FALSE(Network::parse(wrong));
  }
}

TEST_CASE("who a rule is about") {
  const Who ann{.client_id = "c1",
                .username = "ann",
                .listener = "mqtts",
                .cn = "door",
                .san = "door.example",
                .dn = "CN=door,O=x",
                .has_username = true,
                .ip = ip("10.1.2.3")};
  const Who anybody{.client_id = "c2", .listener = "mqtt", .ip = ip("192.0.2.1")};
  struct Row {
    std::string_view lines;
    bool ann, anybody;
  };
  const Row rows[] = {
      {"all = true", true, true},
      {"user = 'ann'", true, false},
      {"user = 'Ann'", false, false},
      {"user = ['bob', 'ann']", true, false},
      {"client = 'c2'", false, true},
      {"client = ['c1', 'c2']", true, true},
      {"address = '10.0.0.0/8'", true, false},
      {"address = ['10.0.0.0/8', '192.0.2.1']", true, true},
      {"listener = 'mqtts'", true, false},
      {"certificate = { cn = 'door' }", true, false},
      {"certificate = { cn = 'window' }", false, false},
      {"certificate = { san = 'door.example' }", true, false},
      {"certificate = { dn = 'CN=door,O=x' }", true, false},
      {"certificate = { cn = 'door', dn = 'CN=other' }", false, false},
      {"user = 'ann'\naddress = '10.0.0.0/8'", true, false},
      {"user = 'ann'\naddress = '11.0.0.0/8'", false, false},
      {"or = [{ user = 'ann' }, { client = 'c2' }]", true, true},
      {"or = [{ user = 'bob' }, { address = '192.0.2.0/24' }]", false, true},
      {"and = [{ user = 'ann' }, { client = 'c2' }]", false, false},
      {"and = [{ or = [{ user = 'ann' }, { user = 'bob' }] }, { listener = 'mqtts' }]", true,
       false},
      {"listener = 'mqtts'\nor = [{ user = 'bob' }, { client = 'c1' }]", true, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lines);
    const Rules rules = good(keel::concat("[[rule]]\npermit = 'allow'\n", row.lines));
    CHECK((rules->decide({.who = ann, .topic = "a"}) != nullptr) == row.ann);
    CHECK((rules->decide({.who = anybody, .topic = "a"}) != nullptr) == row.anybody);
  }
}

TEST_CASE("action, QoS and retain are conditions") {
  const Rules rules = good(R"(
[[rule]]
permit = "deny"
all = true
action = "publish"
retain = true
topics = ["a"]
[[rule]]
permit = "allow"
all = true
action = "publish"
qos = [0, 1]
topics = ["a"]
[[rule]]
permit = "deny"
all = true
action = "subscribe"
qos = 2
topics = ["a"]
[[rule]]
permit = "allow"
all = true
action = "publish"
retain = false
topics = ["b"]
)");
  const auto ask = [&](Action action, std::uint8_t qos, bool retain, std::string_view topic) {
    return decision(rules, {{}, action, qos, retain, topic});
  };
  CHECK(ask(Action::publish, 0, true, "a") == "deny 1");
  CHECK(ask(Action::publish, 2, true, "a") == "deny 1");
  CHECK(ask(Action::publish, 0, false, "a") == "allow 2");
  CHECK(ask(Action::publish, 1, false, "a") == "allow 2");
  CHECK(ask(Action::publish, 2, false, "a") == "none");
  CHECK(ask(Action::subscribe, 2, false, "a") == "deny 3");
  CHECK(ask(Action::subscribe, 1, false, "a") == "none");
  CHECK(ask(Action::publish, 0, false, "b") == "allow 4");
  CHECK(ask(Action::publish, 0, true, "b") == "none");
  CHECK(ask(Action::subscribe, 0, false, "b") == "none");
}

TEST_CASE("the first that holds decides, also among rules found by name") {
  const Rules rules = good(R"(
[[rule]]
permit = "deny"
client = "c9"
[[rule]]
permit = "allow"
user = ["ann", "bob"]
topics = "a/#"
[[rule]]
permit = "deny"
all = true
topics = "a/secret/#"
[[rule]]
permit = "allow"
or = [{ user = "eve" }, { client = "c1" }]
[[rule]]
permit = "deny"
user = "eve"
)");
  const auto ask = [&](std::string_view user, std::string_view client, std::string_view topic) {
    Request request{.topic = topic};
    request.who.username = user;
    request.who.has_username = !user.empty();
    request.who.client_id = client;
    return decision(rules, request);
  };
  CHECK(ask("ann", "c1", "a/secret/x") == "allow 2");
  CHECK(ask("ann", "c9", "a/secret/x") == "deny 1");
  CHECK(ask("ann", "c1", "b") == "allow 4");
  CHECK(ask("ann", "c2", "b") == "none");
  CHECK(ask("eve", "c1", "a/secret/x") == "deny 3");
  CHECK(ask("eve", "c2", "b") == "allow 4");
  CHECK(ask("eve", "c9", "b") == "deny 1");
  CHECK(ask("", "c1", "a/secret/x") == "deny 3");
  CHECK(ask("", "c2", "b") == "none");
  CHECK(RuleSet().decide({.topic = "a"}) == nullptr);
}

TEST_CASE("a client that is away keeps what depends on its connection") {
  const Rules rules = good(R"(
[[rule]]
permit = "deny"
address = "192.0.2.0/24"
topics = "a"
[[rule]]
permit = "allow"
listener = "mqtts"
address = "10.0.0.0/8"
topics = "a"
[[rule]]
permit = "allow"
certificate = { cn = "x" }
topics = "%cn/#"
[[rule]]
permit = "deny"
all = true
)");
  const auto ask = [&](bool away, std::string_view topic) {
    Request request{.action = Action::subscribe, .topic = topic};
    request.who = {.client_id = "c", .away = away};
    return decision(rules, request);
  };
  CHECK(ask(true, "a") == "allow 2");
  CHECK(ask(false, "a") == "deny 4");
  CHECK(ask(true, "x/y") == "allow 3");
  CHECK(ask(false, "x/y") == "deny 4");
}

namespace {

// Random rules about random topics. What stands for a rule's right answer is trying out each topic.
class Trial {
 public:
  explicit Trial(unsigned seed) : random_(seed) {}

  std::string rules() {
    std::string out;
    for (int i = pick(1, 6); i > 0; --i) {
      out += keel::concat("[[rule]]\npermit = '", pick(0, 1) ? "allow" : "deny",
                          "'\nall = true\ntopics = [");
      for (int n = pick(1, 2); n > 0; --n) out += keel::concat('\'', filter(), "', ");
      out += "]\n";
    }
    return out;
  }
  std::string filter() {
    std::string out;
    for (int i = pick(1, 3); i > 0; --i) {
      if (!out.empty()) out += '/';
      const int kind = pick(0, 5);
      if (kind == 0) return out += '#';
      out += kind == 1 ? "+" : kind == 2 ? "b" : kind == 3 ? "$s" : "a";
    }
    return out;
  }

 private:
  int pick(int least, int most) {
    return static_cast<int>(random_() % static_cast<unsigned>(most - least + 1)) + least;
  }
  std::mt19937 random_;
};

std::vector<std::string> every_topic() {
  const std::vector<std::string> words{"a", "b", "$s", "z"};
  std::vector<std::string> out = words, last = words;
  for (int depth = 1; depth < 4; ++depth) {
    std::vector<std::string> next;
    for (const std::string& head : last) {
      for (const std::string& word : words) next.push_back(keel::concat(head, '/', word));
    }
    out.insert(out.end(), next.begin(), next.end());
    last = std::move(next);
  }
  return out;
}

}  // namespace

TEST_CASE("no subscription that is allowed brings a message that is not") {
  const std::vector<std::string> topics = every_topic();
  std::size_t allowed = 0, wrong = 0;
  for (unsigned seed = 0; seed < 2'000; ++seed) {
    Trial trial(seed);
    const std::string text = trial.rules(), filter = trial.filter();
    const Rules rules = good(text);
    const Rule* const answer = rules->decide({.action = Action::subscribe, .topic = filter});
    if (answer && !answer->permit) continue;
    ++allowed;
    std::string error;
    const auto asked = TopicPattern::compile(filter, Dialect::toml, error);
    const Names nobody{Who{}};
    for (const std::string& topic : topics) {
      if (!asked->holds(Relation::matches, Topic(topic), nobody, true)) continue;
      // For a single topic there is no doubt which rule is the first.
      const Rule* const one = rules->decide({.action = Action::publish, .topic = topic});
      const bool right = answer ? one && one->permit : !one || one->permit;
      if (right) continue;
      ++wrong;
      MESSAGE(filter, " lets in ", topic, " by\n", text);
    }
  }
  CHECK(allowed > 300);
  CHECK(wrong == 0);
}

TEST_CASE("why a rule decides") {
  const Rules rules = good(R"(
[[rule]]
permit = "allow"
user = "ann"
or = [{ address = "10.0.0.0/8" }, { listener = "mqtt" }]
action = "publish"
qos = [1]
retain = false
topics = ["x", "data/%u/#"]
[[rule]]
permit = "deny"
all = true
action = "subscribe"
topics = ["data/secret"]
[[rule]]
permit = "deny"
client = "c1"
topics = ["eq #"]
[[rule]]
permit = "allow"
client = "c1"
)");
  const auto why = [&](const Request& request) {
    std::string out;
    for (const std::string& line : explain(*rules, request).why) out += line + '\n';
    return out;
  };
  const Who ann{.client_id = "c1",
                .username = "ann",
                .listener = "mqtt",
                .has_username = true,
                .ip = ip("192.0.2.1")};
  CHECK(why({ann, Action::publish, 1, false, "data/ann/x"}) ==
        "the listener is \"mqtt\"\nthe user is \"ann\"\nQoS 1 is one of its\n"
        "the message is not retained\n"
        "its topic \"data/%u/#\", here \"data/ann/#\", matches the topic\n");
  CHECK(why({ann, Action::subscribe, 1, false, "data/+"}) ==
        "it is about everybody\n"
        "its topic \"data/secret\" has topics in common with the filter\n");
  CHECK(why({ann, Action::publish, 0, false, "y"}) ==
        "the client is \"c1\"\nit is about every topic\n");
  CHECK(why({{.client_id = "c2"}, Action::publish, 0, false, "y"}).empty());
}

TEST_CASE("questions of operators") {
  const auto parse = [](std::initializer_list<std::string_view> words, Question& out) {
    std::string error;
    const std::vector<std::string_view> all(words);
    return parse_question(all, out, error) ? std::string("good") : error;
  };
  Question q;
  CHECK(parse({"c", "publish", "a/b", "--qos", "2", "--retain"}, q) == "good");
  CHECK(q.client == "c");
  CHECK(q.qos == 2);
  CHECK(q.retain);
  CHECK_FALSE(q.thought_up());
  Question s;
  CHECK(parse({"--user=ann", "c", "subscribe", "$share/g/a/#", "--address", "10.0.0.7", "--cn=x",
               "--listener", "mqtt"},
              s) == "good");
  CHECK(s.topic == "a/#");
  CHECK(s.thought_up());
  CHECK(s.who().username == "ann");
  CHECK(s.who().cn == "x");
  CHECK(s.who().listener == "mqtt");
  CHECK(Network::parse("10.0.0.7")->contains(s.who().ip));
  Question queue;
  CHECK(parse({"c", "subscribe", "$queue/a", "--address=unix"}, queue) == "good");
  CHECK(queue.topic == "a");
  CHECK(queue.who().ip.family == Ip::Family::unix_socket);

  const std::pair<std::vector<std::string_view>, std::string_view> rows[] = {
      {{}, ""},
      {{"c", "publish"}, ""},
      {{"c", "publish", "a", "b"}, ""},
      {{"c", "write", "a"}, "it is publish or subscribe, not \"write\""},
      {{"c", "publish", "a/#"}, "a message's topic has no wildcards"},
      {{"c", "publish", ""}, "the topic is empty"},
      {{"c", "subscribe", "$share/g"}, "the topic is empty"},
      {{"c", "subscribe", "a/#/b"},
       "a wildcard must fill its whole level, and '#' must be the last"},
      {{"c", "subscribe", "a+"}, "a wildcard must fill its whole level"},
      {{"c", "subscribe", "\xff"}, "the topic is not UTF-8 text"},
      {{"c", "subscribe", "a", "--retain"}, "--retain is about publishing"},
      {{"c", "publish", "a", "--qos", "3"}, "--qos takes 0, 1 or 2"},
      {{"c", "publish", "a", "--qos"}, "--qos needs a value"},
      {{"c", "publish", "a", "--quality=1"}, "there is no option \"--quality\""},
      {{"c", "publish", "a", "--address=here"}, "\"here\" is no address"},
  };
  for (const auto& [words, what] : rows) {
    Question wrong;
    std::string error;
    CHECK_FALSE(parse_question(words, wrong, error));
    CHECK_MESSAGE(error.starts_with(what), error);
    CHECK(error.empty() == what.empty());
  }
}

TEST_CASE("how fast: a thousand rules that nothing but the last decides") {
  // The processor's time: the machine may have others to serve.
  const auto now_us = [] { return static_cast<double>(std::clock()) * 1e6 / CLOCKS_PER_SEC; };
  const auto measure = [&](std::string what, const std::string& text, const Request& request) {
    const double begin = now_us();
    const Rules rules = good(text);
    const double read = now_us();
    constexpr int kTimes = 5'000;
    int found = 0;
    for (int i = 0; i < kTimes; ++i) found += rules->decide(request) != nullptr;
    const double each = (now_us() - read) / kTimes;
    CHECK(found == kTimes);
    MESSAGE(what, ": ", rules->rules().size(), " rules read in ", (read - begin) / 1000,
            " ms, a decision takes ", each, " us");
  };
  Request request{.topic = "site/17/device/temperature"};
  request.who = {.client_id = "c", .username = "ann", .has_username = true, .ip = ip("10.1.2.3")};
  const std::string last = "[[rule]]\npermit = 'allow'\nall = true\n";
  std::string about_all, about_users, about_networks, erlang;
  for (int i = 0; i < 999; ++i) {
    about_all +=
        keel::concat("[[rule]]\npermit = 'deny'\nall = true\ntopics = ['site/+/device/%u/x", i,
                     "', 'site/17/other/#']\n");
    about_users += keel::concat("[[rule]]\npermit = 'deny'\nuser = 'user-", i, "'\n");
    about_networks +=
        keel::concat("[[rule]]\npermit = 'deny'\naddress = '10.2.", i % 256, ".0/24'\n");
  }
  for (int i = 0; i < 9'999; ++i) {
    erlang += keel::concat("{allow, {user, \"user-", i, "\"}, pubsub, [\"home/%u/", i, "/#\"]}.\n");
  }
  measure("about everybody", about_all + last, request);
  measure("about users", about_users + last, request);
  measure("about networks", about_networks + last, request);
  measure("Erlang", erlang + "{allow, all}.\n", request);
  std::string toml;
  for (int i = 0; i < 9'999; ++i) {
    toml += keel::concat("[[rule]]\npermit = 'allow'\nuser = 'user-", i, "'\ntopics = ['home/%u/",
                         i, "/#']\n");
  }
  measure("TOML", toml + last, request);
}
