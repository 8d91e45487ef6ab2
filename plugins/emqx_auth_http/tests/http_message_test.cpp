// Addresses, requests and responses of http_client, without a socket.
#include <doctest/doctest.h>

#include "http_client/message.hpp"

using namespace keel::http;

TEST_CASE("addresses") {
  const struct {
    const char *text, *scheme, *host;
    int port;
    const char* path;
  } cases[] = {
      {"http://a", "http", "a", 80, "/"},
      {"https://a", "https", "a", 443, "/"},
      {"HTTPS://auth.example.org:8443/x/y?z=1&q", "https", "auth.example.org", 8443, "/x/y?z=1&q"},
      {"http://127.0.0.1:8080/mqtt/auth?x=1#y", "http", "127.0.0.1", 8080, "/mqtt/auth?x=1"},
      {"http://[::1]:9/a", "http", "::1", 9, "/a"},
      {"http://[::1]", "http", "::1", 80, "/"},
      {"http://a?b=c", "http", "a", 80, "/?b=c"},
      {"http://a/#x", "http", "a", 80, "/"},
      {"http://a:65535/", "http", "a", 65535, "/"},
      {"http://a/b:c@d", "http", "a", 80, "/b:c@d"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.text);
    const auto url = parse_url(test.text);
    REQUIRE_MESSAGE(url, url.text());
    CHECK(url->scheme == test.scheme);
    CHECK(url->host == test.host);
    CHECK(url->port == test.port);
    CHECK(url->path == test.path);
  }
  CHECK(parse_url("http://[::1]:9/a")->server() == "http://[::1]:9");
  CHECK(parse_url("https://a/b")->server() == "https://a:443");
  CHECK(parse_url("http://a/x")->same_server(*parse_url("http://a:80/y")));
  CHECK(!parse_url("http://a/x")->same_server(*parse_url("https://a/x")));
}

TEST_CASE("what is no address is refused, and never repeated") {
  const std::string secret = "s3cret";
  const std::string cases[] = {
      "",
      secret,
      "/" + secret,
      "ftp://" + secret,
      "http:/" + secret,
      "http://",
      "http:///" + secret,
      "http://:80/" + secret,
      "http://a:/" + secret,
      "http://a:0/" + secret,
      "http://a:65536/" + secret,
      "http://a:8o/" + secret,
      "http://a:99999999999999999999/" + secret,
      "http://user:" + secret + "@a/",
      "http://a/ " + secret,
      "http://a/\r\nX: " + secret,
      "http://a/\xc3\xa4" + secret,
      std::string("http://a/\0", 10) + secret,
      "http://[::1/" + secret,
      "http://[::1]x/" + secret,
      "http://[a]/" + secret,
      "http://a\"b/" + secret,
      "http://" + std::string(256, 'a') + "/" + secret,
      "http://a/" + std::string(10'000, 'a') + secret,
  };
  for (const std::string& text : cases) {
    CAPTURE(text);
    const auto url = parse_url(text);
    CHECK(!url);
    CHECK(url.text().find(secret) == std::string_view::npos);
  }
}

TEST_CASE("encoding leaves nothing that means something") {
  CHECK(encode("aZ09-._~") == "aZ09-._~");
  CHECK(encode("a b&c=d+e%/?#\r\n") == "a%20b%26c%3Dd%2Be%25%2F%3F%23%0D%0A");
  CHECK(encode(std::string_view("\0\x7f\xff\xc3\xa4", 5)) == "%00%7F%FF%C3%A4");
  CHECK(encode("").empty());
}

TEST_CASE("requests as bytes") {
  const Url server = *parse_url("http://auth.test:8080/ignored");
  CHECK(*serialize({}, server) == "GET / HTTP/1.1\r\nHost: auth.test:8080\r\n\r\n");
  CHECK(*serialize({.target = "/a?b"}, *parse_url("https://a")) ==
        "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(*serialize({.method = "POST",
                    .target = "/x",
                    .body = "a=b",
                    .content_type = "text/plain",
                    .headers = {{"X-Key", "k v\tw"}}},
                   *parse_url("http://[::1]:9")) ==
        "POST /x HTTP/1.1\r\nHost: [::1]:9\r\nX-Key: k v\tw\r\nContent-Type: text/plain\r\n"
        "Content-Length: 3\r\n\r\na=b");
  CHECK(serialize({.method = "POST"}, server)->ends_with("\r\nContent-Length: 0\r\n\r\n"));
}

TEST_CASE("nothing can be smuggled into a request") {
  const Url server = *parse_url("http://a");
  const Request cases[] = {
      {.method = ""},
      {.method = "GE T"},
      {.method = "GET\r\nX: y"},
      {.target = ""},
      {.target = "a"},
      {.target = "/a b"},
      {.target = "/a\r\nX: y"},
      {.target = "/\xc3\xa4"},
      {.method = "POST", .body = "b", .content_type = "a\r\nX: s3cret"},
      {.headers = {{"", "v"}}},
      {.headers = {{"a b", "v"}}},
      {.headers = {{"a:", "v"}}},
      {.headers = {{"a\r\n", "v"}}},
      {.headers = {{"a", "s3cret\r\nX: y"}}},
      {.headers = {{"a", "s3cret\n"}}},
      {.headers = {{"a", std::string("s3cret\0", 7)}}},
      {.headers = {{"Host", "b"}}},
      {.headers = {{"content-LENGTH", "9"}}},
      {.headers = {{"Transfer-Encoding", "chunked"}}},
      {.headers = {{"connection", "close"}}},
  };
  for (const Request& request : cases) {
    const auto bytes = serialize(request, server);
    CHECK(!bytes);
    CHECK(bytes.text().find("s3cret") == std::string_view::npos);
  }
  Url forged = server;
  forged.host = "a\r\nX: y";
  CHECK(!serialize({}, forged));
}

TEST_CASE("headers of a response are found whatever their case") {
  const Response response{200, {{"Content-Type", "a"}, {"x", "1"}, {"X", "2"}}, {}};
  CHECK(response.header("content-type") == "a");
  CHECK(response.header("X") == "1");
  CHECK(response.header("none").empty());
}
