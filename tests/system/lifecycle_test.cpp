// Starting and ending: draining on SIGTERM, a hard kill, a second instance, the log.
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

// The end of the notification socket that systemd would hold.
class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& path) : path_{path.string()} {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot bind " + path_);
    }
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket() { ::close(fd_); }
  const std::string& path() const { return path_; }

  // Reads messages until one has this line.
  void await(const std::string& line, At at = At::current()) {
    const Deadline deadline;
    for (;;) {
      pollfd entry{fd_, POLLIN, 0};
      if (::poll(&entry, 1, deadline.left_ms()) <= 0) fail(at, "systemd was never told " + line);
      std::array<char, 1000> text{};
      const ssize_t size = ::recv(fd_, text.data(), text.size(), 0);
      const std::string got =
          "\n" + std::string{text.data(), static_cast<std::size_t>(size)} + "\n";
      if (contains(got, "\n" + line + "\n")) return;
    }
  }

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace

TEST_SUITE_BEGIN("lifecycle");

TEST_CASE_TEMPLATE("SIGTERM says goodbye to every client and exits with 0", V, V31, V311, V5) {
  BrokerProcess broker;
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(broker.connect("c" + std::to_string(i), V::value));
  broker.signal(SIGTERM);
  for (Client& client : clients) client.expect_ended(0x8B);
  CHECK(broker.wait_for_exit() == 0);
  CHECK_THROWS_AS(Socket{broker.endpoint()}, ConnectFailure);
}

TEST_CASE("SIGINT ends it as well") {
  BrokerProcess broker;
  broker.signal(SIGINT);
  CHECK(broker.wait_for_exit() == 0);
}

TEST_CASE_TEMPLATE("what was delivered before SIGTERM is sent out", V, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t", 0);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 100; ++i) publisher.publish("t", std::string(10'000, 'x'));
  publisher.ping();
  broker.signal(SIGTERM);
  int got = 0;
  for (; got < 100; ++got) subscriber.take("t", std::string(10'000, 'x'));
  subscriber.expect_ended(0x8B);
  CHECK(broker.wait_for_exit() == 0);
}

TEST_CASE("a client that does not read cannot hold the end up") {
  BrokerProcess broker;
  Endpoint endpoint = broker.endpoint();
  endpoint.receive_buffer = 4096;
  Client slow = Client::accepted(endpoint, {.client_id = "slow", .version = Version::v5});
  slow.subscribe("t", 0);
  Client publisher = broker.connect("p", Version::v5);
  for (int i = 0; i < 1000; ++i) publisher.publish("t", std::string(10'000, 'x'));
  publisher.ping();
  CHECK(broker.stop() == 0);
}

TEST_CASE_TEMPLATE("a wave of connections during SIGTERM does no harm", V, V311, V5) {
  BrokerProcess broker;
  std::vector<Client> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(broker.open(V::value));
    clients.back().send(encode(Connect{.client_id = "c" + std::to_string(i), .version = V::value}));
  }
  CHECK(broker.stop() == 0);
}

TEST_CASE_TEMPLATE("after kill -9 it starts again at once on the same port and directory", V, V311,
                   V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe("t", 1);
  for (int round = 0; round < 3; ++round) {
    broker.kill();
    broker.start();
    Client again = broker.connect("c", V::value);
    again.subscribe("t", 1);
    again.publish("t", "x", 1);
    again.take("t", "x", 1);
    CHECK(broker.ctl({"status"}).exit == 0);
  }
  CHECK(broker.stop() == 0);
}

TEST_CASE("after a stop with connected clients it starts again on the same port") {
  BrokerProcess broker;
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i)
    clients.push_back(broker.connect("c" + std::to_string(i), Version::v5));
  CHECK(broker.stop() == 0);
  broker.start();
  broker.connect("c", Version::v5).ping();
}

TEST_CASE("a second instance on the same data directory is refused, the first unharmed") {
  BrokerProcess broker;
  std::vector<std::string> command = broker.command();
  command.insert(
      command.end(),
      {"--set", "listener.mqtt.bind=\"127.0.0.1:" + std::to_string(broker.port("second")) + "\""});
  const Outcome second = run(command);
  CHECK(second.exit == 1);
  CHECK(contains(second.out + second.err, broker.data_dir().string()));
  broker.connect("c", Version::v5).ping();
  CHECK(broker.ctl({"status"}).exit == 0);
}

TEST_CASE("a port in use is a clear error") {
  BrokerProcess broker;
  const TempDir other;
  const Outcome second =
      run({keel_binary(), "-c", broker.conf().string(), "--set",
           "kernel.data_dir=\"" + other.path().string() + "\"", "--set",
           "listener.mqtt.bind=\"127.0.0.1:" + std::to_string(broker.port()) + "\""});
  CHECK(second.exit == 1);
  CHECK(contains(second.out + second.err, std::to_string(broker.port())));
  CHECK(contains(second.out + second.err, "in use"));
  broker.connect("c", Version::v5).ping();
}

TEST_CASE_TEMPLATE("the log has one line for a client's coming and one for its going", V, V311,
                   V5) {
  BrokerProcess broker;
  broker.connect("visitor-42", V::value).disconnect();
  const auto lines_with = [&](const std::string& what) {
    const std::string log = broker.log();
    int count = 0;
    for (std::size_t at = 0; at < log.size();) {
      const std::size_t end = std::min(log.find('\n', at), log.size());
      const std::string line = log.substr(at, end - at);
      if (contains(line, "visitor-42") && contains(line, what)) {
        ++count;
        CHECK(contains(line, "127.0.0.1:"));
      }
      at = end + 1;
    }
    return count;
  };
  eventually([&] { return lines_with("disconnected") == 1; }, "one line for its going");
  CHECK(lines_with(": connected") == 1);
}

TEST_CASE("floods of one kind of line are cut") {
  BrokerProcess broker{"log.burst = 5"};
  for (int i = 0; i < 200; ++i) {
    Client client = broker.open();
    client.send(from_hex("00 00"));
    client.expect_closed();
  }
  CHECK(broker.stop() == 0);
  const std::string log = broker.log();
  CHECK(std::count(log.begin(), log.end(), '\n') < 150);
}

TEST_CASE("client ids with control characters cannot forge log lines") {
  BrokerProcess broker;
  broker.connect("evil\nforged line", Version::v5).disconnect();
  eventually([&] { return contains(broker.log(), "evil"); }, "the log tells");
  CHECK_FALSE(contains(broker.log(), "\nforged line"));
}

TEST_CASE("log to a file, with rotation") {
  BrokerProcess broker{
      "log.file = \"${dir}/keel.log\"\nlog.level = \"debug\"\nlog.rotation_size = "
      "\"4KB\"\nlog.rotation_count = 2"};
  for (int i = 0; i < 200; ++i) broker.connect("c" + std::to_string(i), Version::v5).disconnect();
  CHECK(broker.stop() == 0);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{broker.dir()}) {
    if (entry.path().filename().string().starts_with("keel") &&
        contains(entry.path().filename().string(), "log")) {
      ++files;
      CHECK(entry.file_size() < 8192);
    }
  }
  CHECK(files == 3);
}

TEST_CASE("systemd is told about readiness, reloads, life and the end") {
  const TempDir dir;
  NotifySocket socket{dir.path() / "notify.sock"};
  BrokerProcess broker{"",
                       {.environment = {"NOTIFY_SOCKET=" + socket.path(), "WATCHDOG_USEC=400000"}}};
  socket.await("READY=1");
  socket.await("WATCHDOG=1");
  socket.await("WATCHDOG=1");
  broker.signal(SIGHUP);
  socket.await("RELOADING=1");
  socket.await("READY=1");
  broker.signal(SIGTERM);
  socket.await("STOPPING=1");
  CHECK(broker.wait_for_exit() == 0);
}

TEST_SUITE_END();

}  // namespace keel::test
