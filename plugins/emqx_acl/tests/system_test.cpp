// The built plugin in the real broker, with real clients: what they are told, and what changes for
// them when rules change.
#include <doctest/doctest.h>

#include <atomic>
#include <keel/test.hpp>
#include <thread>

namespace {

using keel::concat;
using keel::KernelFixture;

// The folder of the plugin's sources.
std::string shipped(std::string_view file) {
  const std::string here = __FILE__;
  const std::string tests = here.substr(0, here.rfind('/'));
  return concat(tests.substr(0, tests.rfind('/')), '/', file);
}

struct Broker {
  explicit Broker(std::string_view rules, std::string kernel_settings = {})
      : kernel({.kernel_settings = std::move(kernel_settings),
                .available = {ACL_TEST_ADMIT},
                .load = false}) {
    write(rules);
    CHECK(kernel.ctl({"plugins", "load", "acl_admit"}).exit == 0);
    const keel::Status loaded = kernel.load();
    REQUIRE_MESSAGE(loaded, loaded.text());
  }
  void write(std::string_view rules) const {
    keel::test::write_file(kernel.path("etc/acl.conf"), rules);
  }
  // Runs a program to its end: its exit code and what it said.
  KernelFixture::Outcome run(std::vector<std::string> words) const {
    const std::string out = kernel.path("program.out");
    keel::test::write_file(out, "");
    keel::test::Process process(std::move(words), kernel.path(), out);
    const int exit = process.wait(60'000);
    return {exit, keel::test::read_file(out)};
  }
  KernelFixture::Outcome mosquitto(std::string program, std::vector<std::string> more) const {
    std::vector<std::string> words{std::move(program), "-h", "127.0.0.1", "-p",
                                   std::to_string(kernel.port())};
    words.insert(words.end(), more.begin(), more.end());
    return run(std::move(words));
  }
  KernelFixture::Outcome paho(std::string_view script) const {
    return run({"/usr/bin/python3", "-c", std::string(script), std::to_string(kernel.port())});
  }

  KernelFixture kernel;
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

constexpr std::string_view kOpenAndClosed = R"([[rule]]
permit = "allow"
all = true
topics = ["open/#"]

[[rule]]
permit = "deny"
all = true
)";

// Says for each step what the broker answered.
constexpr std::string_view kPaho = R"(
import queue, sys
import paho.mqtt.client as mqtt

PORT = int(sys.argv[1])

def client(version, name, user=None, will=None):
    c = mqtt.Client(client_id=name, protocol=version)
    c.answers = queue.Queue()
    c.seen = queue.Queue()
    c.on_connect = lambda c, u, f, rc, p=None: c.answers.put(getattr(rc, 'value', rc))
    c.on_subscribe = lambda c, u, mid, codes, p=None: c.answers.put(
        [getattr(code, 'value', code) for code in codes])
    c.on_message = lambda c, u, m: c.seen.put(m.topic + ' ' + m.payload.decode())
    if user:
        c.username_pw_set(user, 'x')
    if will:
        c.will_set(will, 'gone')
    c.connect('127.0.0.1', PORT)
    c.loop_start()
    print(name, 'connect', c.answers.get(timeout=30))
    return c

def publish(c, topic, qos):
    # paho hides reason codes of acknowledgements: look at them on their way in.
    codes = queue.Queue()
    for kind in ('_handle_pubackcomp', '_handle_pubrec'):
        old = getattr(c, kind)
        def handle(*a, old=old):
            body = bytes(c._in_packet['packet'])
            codes.put(body[2] if len(body) > 2 else 0)
            return old(*a)
        setattr(c, kind, handle)
    c.publish(topic, topic, qos)
    print('publish', topic, qos, 'answer', codes.get(timeout=30) if qos else '-')
    if qos == 2:
        codes.get(timeout=30)  # PUBCOMP, which paho asks for even after an error
    for kind in ('_handle_pubackcomp', '_handle_pubrec'):
        delattr(c, kind)

for version, name in ((mqtt.MQTTv311, 'v4'), (mqtt.MQTTv5, 'v5')):
    watcher = client(version, name + 'watch', user='root')
    watcher.subscribe('#', 0)
    print('subscribe #', watcher.answers.get(timeout=30))
    c = client(version, name)
    c.subscribe([('open/x', 1), ('closed', 1)] if version == mqtt.MQTTv311 else
                [('open/x', mqtt.SubscribeOptions(1)), ('closed', mqtt.SubscribeOptions(1))])
    print('subscribe', c.answers.get(timeout=30))
    for qos in (0, 1, 2):
        publish(c, 'closed', qos)
        publish(c, 'open/y%d' % qos, qos)
    print('seen', [watcher.seen.get(timeout=30) for _ in range(3)])
    client(version, name + 'will', will='open/will').disconnect()
    client(version, name + 'nowill', will='closed').loop_stop()
    publish(watcher, 'closed', 1)
    print('seen', watcher.seen.get(timeout=30))
    c.disconnect()
    watcher.disconnect()
)";

}  // namespace

TEST_CASE("what clients are told: publish, subscribe, will, super user; 3.1.1 and 5.0") {
  const Broker broker(kOpenAndClosed);
  const KernelFixture::Outcome ran = broker.paho(kPaho);
  CHECK(ran.exit == 0);
  CHECK(ran.output ==
        "v4watch connect 0\nsubscribe # [0]\nv4 connect 0\nsubscribe [1, 128]\n"
        "publish closed 0 answer -\npublish open/y0 0 answer -\n"
        "publish closed 1 answer 0\npublish open/y1 1 answer 0\n"
        "publish closed 2 answer 0\npublish open/y2 2 answer 0\n"
        "seen ['open/y0 open/y0', 'open/y1 open/y1', 'open/y2 open/y2']\n"
        "v4will connect 0\nv4nowill connect 5\n"
        "publish closed 1 answer 0\nseen closed closed\n"
        "v5watch connect 0\nsubscribe # [0]\nv5 connect 0\nsubscribe [1, 135]\n"
        "publish closed 0 answer -\npublish open/y0 0 answer -\n"
        "publish closed 1 answer 135\npublish open/y1 1 answer 0\n"
        "publish closed 2 answer 135\npublish open/y2 2 answer 0\n"
        "seen ['open/y0 open/y0', 'open/y1 open/y1', 'open/y2 open/y2']\n"
        "v5will connect 0\nv5nowill connect 135\n"
        "publish closed 1 answer 0\nseen closed closed\n");
}

TEST_CASE("mosquitto's clients, and addresses") {
  const Broker broker(R"([[rule]]
permit = "allow"
address = "127.0.0.2"
topics = ["second/#"]

[[rule]]
permit = "deny"
all = true
)");
  const auto publish = [&](const char* from, const char* topic) {
    return broker.mosquitto("mosquitto_pub",
                            {"-V", "mqttv5", "-A", from, "-q", "1", "-t", topic, "-m", "x"});
  };
  CHECK(publish("127.0.0.2", "second/x").output.empty());
  CHECK(contains(publish("127.0.0.2", "first").output, "Not authorized"));
  CHECK(contains(publish("127.0.0.1", "second/x").output, "Not authorized"));
  const auto subscribe = [&](const char* from, const char* filter) {
    return broker.mosquitto("mosquitto_sub", {"-A", from, "-E", "-t", filter});
  };
  CHECK(subscribe("127.0.0.2", "second/+").exit == 0);
  CHECK(contains(subscribe("127.0.0.1", "second/+").output, "denied"));
  CHECK(contains(subscribe("127.0.0.2", "#").output, "denied"));
  CHECK(subscribe("127.0.0.2", "$share/g/second/#").exit == 0);
  CHECK(contains(subscribe("127.0.0.2", "$share/second/#").output, "denied"));
}

TEST_CASE("the file of EMQ X works as shipped, and so does ours") {
  std::string rules, format;
  SUBCASE("Erlang terms") {
    rules =
        "%% -type(who() :: all | binary()).\n"
        "{allow, {user, \"dashboard\"}, subscribe, [\"$SYS/#\"]}.\n\n"
        "{allow, {ipaddr, \"127.0.0.1\"}, pubsub, [\"$SYS/#\", \"#\"]}.\n\n"
        "{deny, all, subscribe, [\"$SYS/#\", {eq, \"#\"}]}.\n\n"
        "{allow, all}.\n";
    format = "(Erlang terms)";
  }
  SUBCASE("TOML") {
    rules = keel::test::read_file(shipped("acl.conf"));
    format = "(TOML)";
  }
  Broker broker(rules);
  CHECK(contains(broker.kernel.ctl({"acl", "show"}).output, format));
  const auto subscribe = [&](std::vector<std::string> more) {
    const auto ran = broker.mosquitto("mosquitto_sub", std::move(more));
    return ran.exit == 0 && ran.output.empty();
  };
  CHECK(subscribe({"-A", "127.0.0.1", "-E", "-t", "#", "-t", "$SYS/#"}));
  CHECK_FALSE(subscribe({"-A", "127.0.0.2", "-E", "-t", "#"}));
  CHECK_FALSE(subscribe({"-A", "127.0.0.2", "-E", "-t", "$SYS/#"}));
  CHECK(subscribe({"-A", "127.0.0.2", "-E", "-t", "home/#"}));
  CHECK(subscribe({"-A", "127.0.0.2", "-u", "dashboard", "-P", "x", "-E", "-t", "$SYS/#"}));
  CHECK_FALSE(subscribe({"-A", "127.0.0.2", "-u", "dashboard", "-P", "x", "-E", "-t", "#"}));
}

TEST_CASE("a reload changes what live clients have, and touches nobody else") {
  Broker broker("{allow, all}.\n");
  auto reader = broker.kernel.connect("reader");
  auto writer = broker.kernel.connect("writer");
  CHECK(reader.subscribe("a/#") == 0);
  CHECK(reader.subscribe("b/#") == 0);
  writer.publish("a/1", "one", 1);
  reader.expect("a/1", "one");

  broker.write("{deny, {client, \"reader\"}, subscribe, [\"a/#\"]}.\n{allow, all}.\n");
  writer.publish("a/2", "two", 1);  // not before somebody says so
  reader.expect("a/2", "two");
  const auto done = broker.kernel.ctl({"acl", "reload"});
  CHECK(done.exit == 0);
  CHECK(contains(done.output, "2 rules of "));
  CHECK(contains(done.output, "2 subscriptions checked, 1 removed\n"));
  writer.publish("a/3", "three", 1);
  writer.publish("b/3", "three", 1);
  reader.expect("b/3", "three");
  CHECK(reader.subscribe("a/#") == 0x80);
  CHECK(reader.quiet());
  CHECK(writer.quiet());

  // Decisions that are remembered go, too.
  broker.write("{deny, all, publish, [\"b/#\"]}.\n{allow, all}.\n");
  CHECK(broker.kernel.ctl({"acl", "reload", "--json"}).exit == 0);
  writer.publish("b/4", "four", 1);
  CHECK(reader.quiet());
  CHECK(reader.subscribe("a/#") == 0);
}

TEST_CASE("loading and plugin reloads are changes of rules, too") {
  KernelFixture kernel({.load = false});
  auto reader = kernel.connect("reader");
  auto writer = kernel.connect("writer");
  CHECK(reader.subscribe("a/#") == 0);
  CHECK(reader.subscribe("b/#") == 0);
  keel::test::write_file(kernel.path("etc/acl.conf"),
                         "[[rule]]\npermit = 'deny'\nall = true\naction = 'subscribe'\n"
                         "topics = 'a/#'\n");
  const keel::Status loaded = kernel.load();
  REQUIRE_MESSAGE(loaded, loaded.text());
  CHECK(kernel.await_log("2 subscriptions checked, 1 removed"));
  keel::test::write_file(kernel.path("etc/acl.conf"),
                         "[[rule]]\npermit = 'deny'\nall = true\naction = 'subscribe'\n");
  CHECK(kernel.reload());
  CHECK(kernel.await_log("1 subscriptions checked, 1 removed"));
  writer.publish("b/1", "one", 1);
  CHECK(reader.quiet());
  CHECK(kernel.unload());
  CHECK(reader.subscribe("a/#") == 0);
  CHECK_FALSE(kernel.maps_contains("emqx_acl"));
  CHECK(kernel.stop() == 0);
}

TEST_CASE("upgraded while clients come: nobody slips past the rules; then unloaded and loaded") {
  Broker broker(kOpenAndClosed);
  auto watcher =
      broker.kernel.connect_with({.client_id = "watcher", .username = "root", .password = "x"});
  REQUIRE(watcher.subscribe("closed") == 0);
  REQUIRE(watcher.subscribe("open/#") == 0);
  std::atomic<int> rounds{0}, slipped{0}, lost{0};
  const auto come = [&](const std::stop_token& stop, const std::string& name) {
    for (; !stop.stop_requested(); ++rounds) {
      auto client = broker.kernel.connect(name);
      client.publish("closed", "x", 1);
      if (client.subscribe("closed") != 0x80) ++slipped;
      if (client.subscribe("open/of/" + name) != 0) ++lost;
      client.publish("open/of/" + name, "y", 1);
      const auto message = client.receive();
      if (message.payload != "y") ++lost;
    }
  };
  const auto some_more = [&] {
    for (const int before = rounds; rounds < before + 4;) keel::test::pause_ms(1);
  };
  {
    std::jthread one(come, "one"), two(come, "two");
    for (int i = 0; i < 20; ++i) {
      const keel::Status upgraded = broker.kernel.upgrade(KEEL_TEST_PLUGIN);
      CHECK_MESSAGE(upgraded, upgraded.text());
      if (i % 4 == 0) some_more();
    }
  }
  CHECK(slipped == 0);
  CHECK(lost == 0);
  watcher.publish("open/end", "end", 1);
  for (;;) {
    const auto message = watcher.receive();
    CHECK(message.topic != "closed");
    if (message.topic == "open/end") break;
  }
  {
    std::jthread one(come, "one"), two(come, "two");
    for (int i = 0; i < 5; ++i) {
      const keel::Status unloaded = broker.kernel.unload();
      CHECK_MESSAGE(unloaded, unloaded.text());
      CHECK(!broker.kernel.maps_contains("emqx_acl"));
      some_more();
      const keel::Status loaded = broker.kernel.load();
      CHECK_MESSAGE(loaded, loaded.text());
    }
  }
  CHECK(slipped > 0);  // while there were no rules
  auto client = broker.kernel.connect("after");
  CHECK(client.subscribe("closed") == 0x80);
  CHECK(broker.kernel.stop() == 0);
}

TEST_CASE("a bad file: the old rules stay, the load fails, and the place is named") {
  Broker broker(kOpenAndClosed);
  auto client = broker.kernel.connect("c");
  broker.write("[[rule]]\npermit = 'allow'\nal = true\n");
  const auto done = broker.kernel.ctl({"acl", "reload"});
  CHECK(done.exit == 1);
  CHECK(contains(done.output, "etc/acl.conf:3:1: rule 1: unknown key \"al\""));
  CHECK(contains(done.output, "The rules of before stay in force."));
  CHECK(client.subscribe("closed") == 0x80);
  CHECK(client.subscribe("open/x") == 0);
  CHECK(contains(broker.kernel.ctl({"plugins", "show", "emqx_acl"}).output, "acl.conf:3:1"));

  CHECK(broker.kernel.unload());
  const keel::Status refused = broker.kernel.load();
  CHECK_FALSE(refused);
  CHECK_MESSAGE(contains(refused.text(), "etc/acl.conf:3:1: rule 1"), refused.text());
  CHECK(broker.kernel.running());
}

TEST_CASE("a missing file says where it is missed") {
  KernelFixture kernel({.load = false});
  const keel::Status loaded = kernel.load();
  CHECK_FALSE(loaded);
  CHECK_MESSAGE(contains(loaded.text(), concat(kernel.path("etc/acl.conf"), ": cannot be read")),
                loaded.text());
}

TEST_CASE("explain finds the client") {
  Broker broker(R"([[rule]]
permit = "allow"
user = "ann"
listener = "mqtt"
topics = ["home/%u/#"]
)");
  auto ann = broker.kernel.connect_with({.client_id = "c1", .username = "ann", .password = "x"});
  const auto yes = broker.kernel.ctl({"acl", "explain", "c1", "subscribe", "home/ann/+"});
  CHECK(yes.exit == 0);
  CHECK_MESSAGE(contains(yes.output, "allowed\nby rule 1  acl.conf:1  "), yes.output);
  CHECK(contains(yes.output, "here \"home/ann/#\", covers every topic of the filter"));
  const auto no = broker.kernel.ctl({"acl", "explain", "c1", "publish", "x", "--json"});
  CHECK(contains(no.output, "\"decision\":\"none\""));
  const auto gone = broker.kernel.ctl({"acl", "explain", "c2", "publish", "x"});
  CHECK(gone.exit == 1);
  CHECK(contains(gone.output, "Client \"c2\" is not connected."));
  const auto like = broker.kernel.ctl({"acl", "explain", "c2", "publish", "home/ann/x", "--user",
                                       "ann", "--listener", "mqtt", "--address", "10.0.0.7"});
  CHECK(contains(like.output, "allowed\n"));
}

TEST_CASE("certificates") {
  KernelFixture kernel({.load = false});
  const std::string make = R"(set -e
ec="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $ec -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
for name in localhost door; do
  openssl req $ec -subj "/CN=$name" -keyout $name.key -out $name.csr
  openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $name.pem
done)";
  {
    keel::test::Process process({"/bin/sh", "-c", make}, kernel.path(), kernel.path("openssl.out"));
    REQUIRE(process.wait(60'000) == 0);
  }
  keel::test::write_file(
      kernel.path("etc/keel.conf"),
      concat(
          keel::test::read_file(kernel.path("etc/keel.conf")),
          "[listener.mqtts]\nbind = \"127.0.0.1:0\"\ntls = \"x\"\n[tls.x]\nverify = \"require\"\n",
          "certfile = \"localhost.pem\"\nkeyfile = \"localhost.key\"\ncafile = \"ca.pem\"\n"));
  keel::test::write_file(kernel.path("etc/acl.conf"), R"([[rule]]
permit = "allow"
certificate = { cn = "door" }
topics = ["doors/%cn/#"]

[[rule]]
permit = "deny"
all = true
)");
  kernel.restart();
  const keel::Status loaded = kernel.load();
  REQUIRE_MESSAGE(loaded, loaded.text());
  const std::string listeners = kernel.ctl({"listeners", "--json"}).output;
  std::string port;
  for (std::size_t at = 0; (at = listeners.find("127.0.0.1:", at)) != std::string::npos;) {
    at += 10;
    const std::string found = std::to_string(std::atoi(listeners.c_str() + at));
    if (found != std::to_string(kernel.port())) port = found;
  }
  REQUIRE_MESSAGE(!port.empty(), listeners);
  const auto publish = [&](const char* topic) {
    const std::string out = kernel.path("mosquitto.out");
    keel::test::write_file(out, "");
    keel::test::Process process({"mosquitto_pub",
                                 "-V",
                                 "mqttv5",
                                 "-h",
                                 "127.0.0.1",
                                 "-p",
                                 port,
                                 "--cafile",
                                 "ca.pem",
                                 "--cert",
                                 "door.pem",
                                 "--key",
                                 "door.key",
                                 "--insecure",
                                 "-q",
                                 "1",
                                 "-t",
                                 topic,
                                 "-m",
                                 "x"},
                                kernel.path(), out);
    CHECK(process.wait(60'000) >= 0);
    return keel::test::read_file(out);
  };
  CHECK(publish("doors/door/open").empty());
  CHECK(contains(publish("doors/window/open"), "Not authorized"));
}

TEST_CASE("ten thousand rules") {
  std::string rules;
  for (int i = 0; i < 9'999; ++i) {
    rules += concat("{allow, {user, \"user-", i, "\"}, pubsub, [\"home/%u/", i, "/#\"]}.\n");
  }
  Broker broker(rules + "{deny, all}.\n");
  const std::int64_t begin = keel::test::now_ms();
  const auto done = broker.kernel.ctl({"acl", "reload"});
  MESSAGE("10000 rules: ctl acl reload takes ", keel::test::now_ms() - begin, " ms");
  CHECK(done.exit == 0);
  CHECK(contains(done.output, "10000 rules of "));
  auto client =
      broker.kernel.connect_with({.client_id = "c", .username = "user-77", .password = "x"});
  CHECK(client.subscribe("home/user-77/77/+") == 0);
  CHECK(client.subscribe("home/user-77/78/+") == 0x80);
}

TEST_CASE("the settings file has every setting with its default") {
  const std::string conf = keel::test::read_file(shipped("emqx_acl.conf"));
  KernelFixture kernel({.settings = conf, .load = false});
  keel::test::write_file(kernel.path("etc/acl.conf"), keel::test::read_file(shipped("acl.conf")));
  const keel::Status loaded = kernel.load();
  REQUIRE_MESSAGE(loaded, loaded.text());
  const std::string described = kernel.ctl({"plugins", "describe", "emqx_acl"}).output;
  for (const char* line : {"acl.file = \"etc/acl.conf\"\n", "# acl_file = "}) {
    CHECK_MESSAGE(contains(conf, line), line);
  }
  CHECK_MESSAGE(contains(described, "acl.file"), described);
  CHECK_MESSAGE(contains(described, "etc/acl.conf"), described);
  CHECK_MESSAGE(contains(described, "acl_file"), described);
}
