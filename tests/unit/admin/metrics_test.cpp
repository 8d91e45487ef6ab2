#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <set>

#include "kernel/admin/metrics_text.hpp"
#include "tests/unit/admin/support.hpp"

using namespace keel::kernel;
using namespace keel::test;

namespace {

// Checks what `promtool check metrics` checks of the format; answers the samples by name.
std::map<std::string, std::string> check_exposition(const std::string& text) {
  const std::regex help(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*))");
  const std::regex type(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge))");
  const std::regex sample(
      R"rx(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? (-?[0-9.e+]+|NaN))rx");
  std::map<std::string, std::string> types, samples;
  std::set<std::string> helped;
  std::string current;
  REQUIRE(text.back() == '\n');
  for (const std::string& line : lines_of(text)) {
    CAPTURE(line);
    std::smatch found;
    if (std::regex_match(line, found, help)) {
      CHECK(helped.insert(found[1]).second);
      CHECK(found[2].length() > 0);
    } else if (std::regex_match(line, found, type)) {
      current = found[1];
      CHECK(helped.count(current) == 1);
      CHECK(types.emplace(current, found[2]).second);
      CHECK((types[current] == "counter") == current.ends_with("_total"));
    } else {
      REQUIRE(std::regex_match(line, found, sample));
      CHECK(found[1] == current);  // samples follow their family
      CHECK(samples.emplace(found[1], found[5]).second);
    }
  }
  CHECK(types.size() == samples.size());
  return samples;
}

}  // namespace

TEST_CASE("the Prometheus text is well formed and complete") {
  TestNode node;
  const Socket client = node.connect("c");
  node.subscribe(client, "t/#", 0);
  const NodeFacts facts{"a\"b\\c\nd", "1.2.3", 1'000};
  const auto samples = check_exposition(prometheus_text(node.realm, facts, 1'060));
  CHECK(samples.at("keel_connections") == "1");
  CHECK(samples.at("keel_subscriptions") == "1");
  CHECK(samples.at("keel_packets_connect_received_total") == "1");
  CHECK(samples.at("keel_uptime_seconds") == "60");
  CHECK(samples.at("keel_info") == "1");
  CHECK(samples.at("keel_durability_store") == "0");
  for (const std::string_view name : kMetricNames) {
    std::string full = "keel_" + std::string(name) + "_total";
    std::replace(full.begin(), full.end(), '/', '_');
    CHECK(samples.count(full) == 1);
  }
  CHECK(contains(prometheus_text(node.realm, facts, 0), R"(keel_info{node="a\"b\\c\nd",)"));
}

TEST_CASE("/metrics and /health") {
  TestNode node;
  const auto get = [&](const std::string& request) {
    const Socket socket = Socket::tcp(node.http_port);
    socket.send(request);
    return socket.read_all();
  };
  const std::string end = " HTTP/1.1\r\nConnection: close\r\n\r\n";
  const std::string metrics = get("GET /metrics" + end);
  CHECK(metrics.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(contains(metrics, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  check_exposition(metrics.substr(metrics.find("\r\n\r\n") + 4));
  const std::string head = get("HEAD /metrics" + end);
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
  const std::string health = get("GET /health?verbose" + end);
  CHECK(health.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(contains(health, R"({"status":"ok","node":"keel@test","version":"9.8.7",)"));
  node.draining_now = true;
  CHECK(get("GET /health" + end).starts_with("HTTP/1.1 503 "));
  CHECK(get("GET /" + end).starts_with("HTTP/1.1 404 "));
  CHECK(get("POST /metrics" + end).starts_with("HTTP/1.1 405 "));
  CHECK(
      get("POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").starts_with("HTTP/1.1 405 "));
  CHECK(get("PUT /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            .starts_with("HTTP/1.1 405 "));
  CHECK(get("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(get("GET /" + std::string(9'000, 'x') + end).starts_with("HTTP/1.1 431 "));
}

TEST_CASE("HTTP connections are kept and pipelined requests answered in order") {
  TestNode node;
  const Socket socket = Socket::tcp(node.http_port);
  socket.send("GET /none HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n\r\nGET /last HTTP/1.0\r\n\r\n");
  const std::string all = socket.read_all();
  const auto first = all.find("404 Not Found"), second = all.find("200 OK"),
             third = all.rfind("404 Not Found");
  CHECK(first < second);
  CHECK(second < third);
  CHECK(third != std::string::npos);
}

TEST_CASE("more HTTP connections than allowed are closed at once") {
  TestNode node;
  std::vector<Socket> idle;
  for (std::size_t i = 0; i < HttpServer::kMaxConnections; ++i) {
    idle.push_back(Socket::tcp(node.http_port));
    idle.back().send("GET /health HTTP/1.1\r\n\r\n");
    REQUIRE(idle.back().read(12) == "HTTP/1.1 200");
  }
  CHECK(Socket::tcp(node.http_port).read_all().empty());
  idle.pop_back();
  std::string answer;
  while (answer.empty()) {
    const Socket socket = Socket::tcp(node.http_port);
    socket.send("GET /health HTTP/1.0\r\n\r\n");
    answer = socket.read_all();
  }
  CHECK(answer.starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("HTTP binds to loopback addresses only") {
  ControlLoop loop;
  for (const char* bad :
       {"0.0.0.0:0", "[::]:0", "192.0.2.1:80", "unix:/tmp/x", "nonsense", "70000"}) {
    HttpServer server(loop.context());
    const auto started = server.start(bad);
    CAPTURE(bad);
    REQUIRE_FALSE(started);
    CHECK(contains(started.error(), "http.bind"));
  }
  HttpServer one(loop.context()), two(loop.context());
  const auto port = one.start("0");
  REQUIRE(port);
  const auto taken = two.start("127.0.0.1:" + std::to_string(*port));
  REQUIRE_FALSE(taken);
  CHECK(contains(taken.error(), "choose another port"));
}
