// The optional HTTP listener: /metrics and /health for monitoring.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

const std::string kHttp = "http.bind = \"127.0.0.1:${port:http}\"";

std::string request(BrokerProcess& broker, const std::string& bytes) {
  std::optional<Socket> socket;
  eventually(
      [&] {  // it opens last
        try {
          socket.emplace(broker.endpoint("http"));
          return true;
        } catch (const ConnectFailure&) {
          return false;
        }
      },
      "the HTTP listener opens");
  socket->send(bytes);
  std::string answer;
  const Deadline deadline;
  while (socket->receive(answer, deadline) == Socket::Read::data) {
  }
  return answer;
}

std::string get(BrokerProcess& broker, const std::string& path) {
  return request(broker,
                 "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

}  // namespace

TEST_SUITE_BEGIN("http");

TEST_CASE("/health") {
  BrokerProcess broker{kHttp};
  CHECK(get(broker, "/health").starts_with("HTTP/1.1 200"));
}

TEST_CASE("/metrics is Prometheus' text format") {
  BrokerProcess broker{kHttp};
  Client client = broker.connect("c", Version::v5);
  client.publish("t", "x", 1);
  const std::string answer = get(broker, "/metrics");
  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(contains(answer, "Content-Type: text/plain"));
  CHECK(contains(answer, "# TYPE keel_"));
  CHECK(contains(answer, "keel_packets_publish_received_total 1"));
}

TEST_CASE("unknown paths, methods and rubbish are refused") {
  BrokerProcess broker{kHttp};
  CHECK(get(broker, "/nothing").starts_with("HTTP/1.1 404"));
  CHECK(request(broker, "DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 405"));
  const std::string rubbish = request(broker, std::string(100, '\x01') + "\r\n\r\n");
  CHECK((rubbish.empty() || rubbish.starts_with("HTTP/1.1 400")));
  const std::string endless =
      request(broker, "GET / HTTP/1.1\r\nX: " + std::string(1'000'000, 'x'));
  CHECK((endless.empty() || endless.starts_with("HTTP/1.1 4")));
  CHECK(get(broker, "/health").starts_with("HTTP/1.1 200"));
  broker.connect("c", Version::v5).ping();
}

TEST_CASE("it is off unless bound") {
  BrokerProcess broker;
  CHECK_THROWS_AS(Socket{broker.endpoint("http")}, ConnectFailure);
}

TEST_SUITE_END();

}  // namespace keel::test
