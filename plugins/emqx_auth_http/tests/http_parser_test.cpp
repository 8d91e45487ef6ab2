// The response parser of http_client: whole, byte by byte, cut off, and hostile.
#include <doctest/doctest.h>

#include "http_client/response_parser.hpp"
#include "keel/text.hpp"

using keel::concat;
using keel::http::Response;
using keel::http::ResponseParser;
using State = ResponseParser::State;

namespace {

struct Outcome {
  State state = State::reading;
  int status = 0;
  std::string body = {};
  bool keep_alive = false;
  std::size_t left = 0;  // bytes behind the response
  std::string error = {};
};

constexpr ResponseParser::Limits kLimits{.header = 1024, .body = 4096};

// Shows `step` more bytes each time, with what was not taken, as the kernel does.
Outcome read(std::string_view bytes, bool ended, std::size_t step, bool head = false) {
  ResponseParser parser(kLimits, head);
  std::string unread;
  while (!bytes.empty() && parser.state() == State::reading) {
    unread += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    unread.erase(0, parser.feed(unread));
  }
  if (ended) parser.end();
  Outcome out;
  out.state = parser.state();
  out.error = parser.error();
  out.left = unread.size() + bytes.size();
  out.keep_alive = parser.keep_alive();
  if (out.state != State::done) return out;
  Response response = parser.take();
  out.status = response.status;
  out.body = std::move(response.body);
  return out;
}

}  // namespace

TEST_CASE("good responses, in pieces of any size") {
  const struct {
    const char* text;
    int status;
    const char* body;
    bool keep_alive;
    bool head = false;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nignore", 200, "ignore", true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
      {"HTTP/1.1 401 \r\nContent-Length: 0\r\n\r\n", 401, "", true},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", 200, "a", false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a", false},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", 200, "a", true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nign\r\n3\r\nore\r\n0\r\n\r\n",
       200, "ignore", true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrail: er\r\n\r\n", 200,
       "a", true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", true},
      {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, "", true},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\nX: y\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
       200, "a", true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 200, "", true, true},
  };
  for (const auto& test : cases) {
    for (const std::size_t step : {1u, 2u, 7u, 1000u}) {
      CAPTURE(test.text);
      CAPTURE(step);
      const Outcome got = read(test.text, false, step, test.head);
      CHECK_MESSAGE(got.state == State::done, got.error);
      CHECK(got.status == test.status);
      CHECK(got.body == test.body);
      CHECK(got.keep_alive == test.keep_alive);
      CHECK(got.left == 0);
    }
  }
}

TEST_CASE("a body without length ends with the connection") {
  const char* const text = "HTTP/1.1 200 OK\r\n\r\nignore";
  CHECK(read(text, false, 5).state == State::reading);
  const Outcome got = read(text, true, 5);
  CHECK(got.state == State::done);
  CHECK(got.body == "ignore");
  CHECK(!got.keep_alive);
}

TEST_CASE("what lies behind a response is left") {
  for (const std::size_t step : {1000u, 3u}) {
    const Outcome got =
        read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200", false, step);
    CHECK(got.state == State::done);
    CHECK(got.body == "a");
    CHECK(got.left == 12);
  }
}

TEST_CASE("what is no response, or too much of one, fails") {
  const std::string kOk = "HTTP/1.1 200 OK\r\n";
  const std::string filler(2000, 'x');
  std::string informational;
  for (int i = 0; i < 20; ++i) informational += "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string cases[] = {
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
      "\r\n\r\n\r\n" + filler,
      std::string(30, '\0') + "\r\n\r\n",
      "\x15\x03\x03" + filler,
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 abc OK\r\n\r\n",
      "HTTP/1.1 099 OK\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      kOk + "no colon\r\n\r\n",
      kOk + ": no name\r\n\r\n",
      kOk + "bad name: x\r\n\r\n",
      kOk + "Content-Length: -1\r\n\r\n",
      kOk + "Content-Length: x\r\n\r\n",
      kOk + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
      kOk + "Content-Length: 99999999999999999999999\r\n\r\n",
      kOk + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      kOk + "Content-Length: 5000\r\n\r\n",
      kOk + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
      kOk + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\n",
      kOk + "Transfer-Encoding: chunked\r\n\r\n1388\r\n" + std::string(5000, 'a') + "\r\n0\r\n\r\n",
      kOk + "X: " + filler + "\r\n\r\n",
      "HTTP/1.1 200 " + filler,
      filler,
      kOk + "\r\n" + std::string(5000, 'a'),
      informational,
  };
  for (const std::string& text : cases) {
    for (const std::size_t step : {1u, 100u, 10'000u}) {
      CAPTURE(text);
      CAPTURE(step);
      const Outcome got = read(text, false, step);
      CHECK(got.state == State::failed);
      CHECK(!got.error.empty());
      CHECK(!got.keep_alive);
    }
  }
}

TEST_CASE("the header may have just so many octets, wherever it is cut") {
  const auto header = [](std::size_t octets) {
    std::string out = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n";
    while (out.size() + 40 < octets) out += "X: 0123456789\r\n";
    return out + "X: " + std::string(octets - out.size() - 7, 'y') + "\r\n\r\na";
  };
  for (const std::size_t step : {1u, 7u, 100u, 10'000u}) {
    CAPTURE(step);
    CHECK(read(header(kLimits.header), false, step).state == State::done);
    const Outcome over = read(header(kLimits.header + 1), false, step);
    CHECK(over.state == State::failed);
    CHECK(over.error.find("header is too large") != std::string::npos);
  }
}

TEST_CASE("lines that never end are not kept") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& text : {chunked + "1;" + std::string(50'000, 'x'),
                                  chunked + "0\r\nX: " + std::string(50'000, 'x')}) {
    const Outcome got = read(text, false, 1000);
    CHECK(got.state == State::failed);
    CHECK(got.left > 20'000);  // was not read any more
  }
}

TEST_CASE("cut off anywhere, it is a failure that says so") {
  const std::string whole =
      "HTTP/1.1 100 Continue\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nign\r\n3\r\nore\r\n0\r\n\r\n";
  for (std::size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    const Outcome got = read(std::string_view(whole).substr(0, n), true, 1000);
    CHECK(got.state == State::failed);
    CHECK(got.error.find("closed the connection") != std::string::npos);
  }
  CHECK(read(whole, true, 1000).state == State::done);
}
