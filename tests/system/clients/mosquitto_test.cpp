// mosquitto_pub and mosquitto_sub in each version, over TCP, TLS and a Unix socket.
#include "tests/system/support/certificates.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

const std::string kMosquittoSettings =
    "tls.test.certfile = \"${certs}/server.pem\"\n"
    "tls.test.keyfile = \"${certs}/server.key\"\n"
    "listener.secure.bind = \"127.0.0.1:${port:secure}\"\n"
    "listener.secure.tls = \"test\"\n"
    "listener.local.bind = \"unix:${dir}/mqtt.sock\"\n";

struct Variant {
  std::string version;                 // as -V wants it
  std::vector<std::string> transport;  // where, and with what
};

std::vector<Variant> variants(BrokerProcess& broker) {
  const std::vector<std::vector<std::string>> transports = {
      {"-h", "127.0.0.1", "-p", std::to_string(broker.port())},
      {"-h", "127.0.0.1", "-p", std::to_string(broker.port("secure")), "--cafile",
       (certificates() / "ca.pem").string()},
      {"--unix", (broker.dir() / "mqtt.sock").string()},
  };
  std::vector<Variant> out;
  for (const std::string version : {"mqttv31", "mqttv311", "mqttv5"}) {
    for (const auto& transport : transports) out.push_back({version, transport});
  }
  return out;
}

std::vector<std::string> command(const std::string& program, const Variant& variant,
                                 const std::vector<std::string>& more) {
  std::vector<std::string> out{program, "-V", variant.version};
  out.insert(out.end(), variant.transport.begin(), variant.transport.end());
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

void publish(const Variant& variant, const std::vector<std::string>& more) {
  const Outcome outcome = run(command("mosquitto_pub", variant, more));
  CHECK_MESSAGE(outcome.exit == 0, outcome.err);
}

// A running mosquitto_sub whose output is read while it runs.
class Subscriber {
 public:
  Subscriber(const Variant& variant, const std::vector<std::string>& more)
      : spawn_{command("mosquitto_sub", variant, more),
               {},
               dir_.path() / "out",
               dir_.path() / "err",
               {}},
        process_{spawn_} {}
  int wait() { return process_.wait(Deadline{Milliseconds{30'000 * kSlowdown}}); }
  void kill() {
    process_.signal(9);
    process_.wait();
  }
  std::string output() const { return read_file(spawn_.output); }

 private:
  TempDir dir_;
  Spawn spawn_;
  Process process_;
};

// mosquitto_sub says nothing when it has subscribed: the broker knows.
void await_subscription(BrokerProcess& broker, const std::string& id) {
  eventually(
      [&] {
        return broker.ctl({"subscriptions", "show", id}).exit == 0;
      },
      id + " subscribes");
}

}  // namespace

TEST_SUITE_BEGIN("mosquitto");

TEST_CASE("publish and subscribe at every QoS") {
  BrokerProcess broker{kMosquittoSettings};
  for (const Variant& variant : variants(broker)) {
    CAPTURE(variant.version);
    CAPTURE(variant.transport[1]);
    Subscriber subscriber{variant,
                          {"-i", "sub", "-t", "m/+", "-q", "2", "-C", "3", "-F", "%t %q %p"}};
    await_subscription(broker, "sub");
    for (const std::string qos : {"0", "1", "2"}) {
      publish(variant, {"-t", "m/x", "-q", qos, "-m", "hello " + qos});
    }
    CHECK(subscriber.wait() == 0);
    CHECK(subscriber.output() == "m/x 0 hello 0\nm/x 1 hello 1\nm/x 2 hello 2\n");
  }
}

TEST_CASE("retained messages") {
  BrokerProcess broker{kMosquittoSettings};
  for (const Variant& variant : variants(broker)) {
    CAPTURE(variant.version);
    publish(variant, {"-t", "kept", "-q", "1", "-r", "-m", "value"});
    Subscriber subscriber{variant, {"-t", "kept", "-C", "1", "-F", "%r %p"}};
    CHECK(subscriber.wait() == 0);
    CHECK(subscriber.output() == "1 value\n");
    publish(variant, {"-t", "kept", "-q", "1", "-r", "-n"});
  }
}

TEST_CASE("wills") {
  BrokerProcess broker{kMosquittoSettings};
  for (const Variant& variant : variants(broker)) {
    CAPTURE(variant.version);
    Subscriber watcher{variant, {"-i", "watcher", "-t", "will", "-q", "1", "-C", "1"}};
    await_subscription(broker, "watcher");
    Subscriber victim{variant,
                      {"-i", "victim", "-t", "x", "--will-topic", "will", "--will-payload", "gone",
                       "--will-qos", "1"}};
    await_subscription(broker, "victim");
    victim.kill();
    CHECK(watcher.wait() == 0);
    CHECK(watcher.output() == "gone\n");
  }
}

TEST_CASE("persistent sessions") {
  BrokerProcess broker{kMosquittoSettings};
  for (const Variant& variant : variants(broker)) {
    CAPTURE(variant.version);
    // In version 5 -c asks for a session that never expires.
    std::vector<std::string> arguments{"-i", "keeper", "-c", "-q", "1", "-t", "queue"};
    std::vector<std::string> leave = arguments;
    leave.push_back("-E");
    CHECK(Subscriber(variant, leave).wait() == 0);
    broker.await_gone("keeper");
    publish(variant, {"-t", "queue", "-q", "1", "-m", "one"});
    publish(variant, {"-t", "queue", "-q", "2", "-m", "two"});
    arguments.insert(arguments.end(), {"-C", "2"});
    Subscriber back{variant, arguments};
    CHECK(back.wait() == 0);
    CHECK(back.output() == "one\ntwo\n");
    broker.await_gone("keeper");
    broker.ctl_ok({"sessions", "clean-persistent", "keeper"});
  }
}

TEST_SUITE_END();

}  // namespace keel::test
