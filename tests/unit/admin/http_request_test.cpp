#include "kernel/admin/http_request.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace keel::kernel;
using HttpState = HttpParsed::State;

TEST_CASE("requests that scrapers send") {
  const std::string text =
      "GET /metrics?x=1 HTTP/1.1\r\nHost: localhost:1\r\nAccept: */*\r\n\r\nrest";
  for (std::size_t n = 0; n < text.size() - 4; ++n)
    CHECK(parse_http_request(text.substr(0, n)).state == HttpState::more);
  const auto parsed = parse_http_request(text);
  REQUIRE(parsed.state == HttpState::done);
  CHECK(parsed.request.method == "GET");
  CHECK(parsed.request.path == "/metrics");
  CHECK(parsed.request.keep_alive);
  CHECK(parsed.request.size == text.size() - 4);
}

TEST_CASE("keep-alive follows version and Connection field") {
  struct {
    std::string head;
    bool keep_alive;
  } const rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", true},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nCONNECTION:\t Close \r\n\r\n", false},
      {"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", true},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_http_request(row.head);
    REQUIRE(parsed.state == HttpState::done);
    CHECK(parsed.request.keep_alive == row.keep_alive);
  }
}

TEST_CASE("what is not a request is answered with the right status") {
  struct {
    std::string head;
    std::uint16_t status;
  } const rows[] = {
      {"\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET  HTTP/1.1\r\n\r\n", 400},
      {"GET metrics HTTP/1.1\r\n\r\n", 400},
      {"GET http://x/ HTTP/1.1\r\n\r\n", 400},
      {"G\x01T / HTTP/1.1\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\n\r\n", 400},
      {"GET /\x7f HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"GET / XTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nbad name: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\na: x\x01y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 413},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 413},
      {std::string("\x10\x0c\x00\x04MQTT\x04\x02\r\n\r\n", 14), 400},
  };
  for (const auto& row : rows) {
    CAPTURE(row.head);
    const auto parsed = parse_http_request(row.head);
    CHECK(parsed.state == HttpState::bad);
    CHECK(parsed.status == row.status);
  }
  CHECK(parse_http_request("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").state == HttpState::done);
}

TEST_CASE("other methods are parsed with any body, which ends the connection") {
  for (const std::string field : {"Content-Length: 5", "Transfer-Encoding: chunked"}) {
    const std::string head =
        "POST /metrics HTTP/1.1\r\n" + field + "\r\nConnection: keep-alive\r\n\r\n";
    const auto parsed = parse_http_request(head + "hello");
    REQUIRE(parsed.state == HttpState::done);
    CHECK(parsed.request.method == "POST");
    CHECK(parsed.request.has_body);
    CHECK_FALSE(parsed.request.keep_alive);
    CHECK(parsed.request.size == head.size());
  }
  CHECK(parse_http_request("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").request.keep_alive);
}

TEST_CASE("heads are bounded") {
  std::string head = "GET / HTTP/1.1\r\nx: ";
  head.append(kHttpMaxRequest, 'y');
  const auto parsed = parse_http_request(head);
  CHECK(parsed.state == HttpState::bad);
  CHECK(parsed.status == 431);
  CHECK(parse_http_request(head + "\r\n\r\n").status == 431);
  CHECK(parse_http_request(std::string(kHttpMaxRequest - 1, 'a')).state == HttpState::more);
}

TEST_CASE("random heads never do harm") {
  std::mt19937 random(5);
  const std::string alphabet = "GET /HTP1.:\r\n\r\n \t\x80";
  for (int round = 0; round < 20'000; ++round) {
    std::string head(random() % 60, '\0');
    for (char& c : head) c = alphabet[random() % alphabet.size()];
    const auto parsed = parse_http_request(head + "\r\n\r\n");
    if (parsed.state == HttpState::done) CHECK(parsed.request.size <= head.size() + 4);
    if (parsed.state == HttpState::bad) CHECK(parsed.status >= 400);
  }
}

TEST_CASE("answers") {
  const HttpResponse response{.status = 200, .content_type = "text/plain", .body = "hello\n"};
  const std::string get = format_http_response(response, true, false);
  CHECK(get.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(get.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(get.find("Connection: keep-alive\r\n") != std::string::npos);
  CHECK(get.ends_with("\r\n\r\nhello\n"));
  const std::string head = format_http_response(response, false, true);
  CHECK(head.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(head.find("Connection: close\r\n") != std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(format_http_response({.status = 405}, false, false).find("Allow: GET, HEAD") !=
        std::string::npos);
}
