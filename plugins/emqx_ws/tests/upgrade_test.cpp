// Upgrade requests: what each is answered with.
#include <doctest/doctest.h>

#include "emqx_ws/forwarded.hpp"
#include "emqx_ws/tests/frames.hpp"
#include "emqx_ws/upgrade.hpp"

namespace {

using ws_test::request;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
int status_of(const std::string& text, const ws::UpgradePolicy& policy = {}) {
  return ws::answer_upgrade(text, policy).status;
}
// The accepted request with one line in place of the header of that name; "" takes it away.
std::string with(std::string_view header, std::string_view line) {
  std::string out = request();
  const std::size_t at = out.find(std::string("\r\n").append(header) + ':') + 2;
  out.erase(at, out.find("\r\n", at) + 2 - at);
  if (!line.empty()) out.insert(at, std::string(line) + "\r\n");
  return out;
}
std::string with_start(std::string_view line) {
  const std::string out = request();
  return std::string(line) + out.substr(out.find("\r\n"));
}

}  // namespace

TEST_CASE("a good request is accepted") {
  const ws::UpgradeAnswer answer = ws::answer_upgrade(request(), {});
  CHECK(
      answer.response ==
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n");
}

TEST_CASE("every refusal has its status") {
  struct Case {
    const char* what;
    int status;
    std::string text;
  };
  for (const Case& each : std::initializer_list<Case>{
           {"a query is not looked at", 101, with_start("GET /mqtt?token=x HTTP/1.1")},
           {"browsers' Connection", 101, with("Connection", "Connection: keep-alive, Upgrade")},
           {"any case", 101, with("Upgrade", "upgrade: WebSocket")},
           {"an Upgrade with versions", 101, with("Upgrade", "Upgrade: h2c/1.0, websocket")},
           {"HTTP/1.0", 400, with_start("GET /mqtt HTTP/1.0")},
           {"HTTP/2", 400, with_start("GET /mqtt HTTP/2.0")},
           {"no HTTP", 400, "HELLO\r\n\r\n"},
           {"nothing", 400, "\r\n\r\n"},
           {"bad header", 400, with("Host", "Host broker")},
           {"blank in a name", 400, with("Host", "Host : broker")},
           {"control character", 400, with("Host", "Host: a\x01z")},
           {"no Host", 400, with("Host", "")},
           {"two Hosts", 400, with("Host", "Host: a\r\nHost: b")},
           {"a body", 400, with("Host", "Host: a\r\nContent-Length: 3")},
           {"a chunked body", 400, with("Host", "Host: a\r\nTransfer-Encoding: chunked")},
           {"POST", 405, with_start("POST /mqtt HTTP/1.1")},
           {"HEAD", 405, with_start("HEAD /mqtt HTTP/1.1")},
           {"OPTIONS", 405, with_start("OPTIONS /mqtt HTTP/1.1")},
           {"an unknown method", 405, with_start("BREW /mqtt HTTP/1.1")},
           {"another path", 404, with_start("GET / HTTP/1.1")},
           {"a longer path", 404, with_start("GET /mqtt/ HTTP/1.1")},
           {"a whole URL", 404, with_start("GET http://a/mqtt HTTP/1.1")},
           {"no Upgrade", 426, with("Upgrade", "")},
           {"another Upgrade", 426, with("Upgrade", "Upgrade: h2c")},
           {"no Connection", 426, with("Connection", "")},
           {"Connection: close", 426, with("Connection", "Connection: close")},
           {"version 8", 426, with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8")},
           {"no version", 426, with("Sec-WebSocket-Version", "")},
           {"two versions", 426,
            with("Sec-WebSocket-Version",
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13")},
           {"no key", 400, with("Sec-WebSocket-Key", "")},
           {"a short key", 400, with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==")},
           {"no base64", 400,
            with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!!==")},
           {"two keys", 400,
            with("Sec-WebSocket-Key",
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")},
       }) {
    CAPTURE(each.what);
    CHECK(status_of(each.text) == each.status);
  }
}

TEST_CASE("refusals are whole HTTP answers") {
  const std::string text = ws::answer_upgrade(with_start("POST /mqtt HTTP/1.1"), {}).response;
  CHECK(text ==
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nConnection: close\r\n"
        "Allow: GET\r\nContent-Length: 25\r\n\r\nOnly GET is served here.\n");
  const std::string version = ws::answer_upgrade(with("Upgrade", ""), {}).response;
  CHECK(has(version, "HTTP/1.1 426 Upgrade Required\r\n"));
  CHECK(has(version, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
  for (const int status : {400, 408, 431, 503}) {
    const std::string refused = ws::refuse_upgrade(status, "No.").response;
    CHECK(has(refused, "HTTP/1.1 " + std::to_string(status) + ' '));
    CHECK(has(refused, "Connection: close\r\nContent-Length: 4\r\n\r\nNo.\n"));
  }
}

TEST_CASE("subprotocols") {
  struct Case {
    const char *offered, *chosen;  // "": accepted without; null: refused with 400
  };
  const auto check = [](const ws::UpgradePolicy& policy, std::initializer_list<Case> cases) {
    for (const Case& each : cases) {
      CAPTURE(each.offered);
      const ws::UpgradeAnswer answer = ws::answer_upgrade(request(each.offered), policy);
      CHECK(answer.status == (each.chosen ? 101 : 400));
      if (!each.chosen) continue;
      const std::string line = std::string("Sec-WebSocket-Protocol: ") + each.chosen + "\r\n";
      CHECK(has(answer.response, line) == (*each.chosen != '\0'));
    }
  };
  check({}, {{"Sec-WebSocket-Protocol: mqtt\r\n", "mqtt"},
             {"Sec-WebSocket-Protocol: mqttv3.1\r\n", "mqttv3.1"},
             {"Sec-WebSocket-Protocol: mqttv3.1.1\r\n", "mqttv3.1.1"},
             {"Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n", "mqttv3.1"},
             {"Sec-WebSocket-Protocol: chat,mqtt\r\n", "mqtt"},
             {"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt\r\n", "mqtt"},
             {"Sec-WebSocket-Protocol: chat\r\n", nullptr},
             {"Sec-WebSocket-Protocol: MQTT\r\n", nullptr},
             {"Sec-WebSocket-Protocol: mqttv5\r\n", nullptr},
             {"Sec-WebSocket-Protocol: mqtt mqttv3.1\r\n", nullptr},
             {"Sec-WebSocket-Protocol: mqtt;x\r\n", nullptr},
             {"Sec-WebSocket-Protocol:\r\n", nullptr},
             {"", nullptr}});
  ws::UpgradePolicy lax;
  lax.verify_protocol = false;
  check(lax, {{"Sec-WebSocket-Protocol: chat, mqtt\r\n", "mqtt"},
              {"Sec-WebSocket-Protocol: chat\r\n", ""},
              {"", ""},
              {"Sec-WebSocket-Protocol: a b\r\n", nullptr}});
}

TEST_CASE("origins") {
  ws::UpgradePolicy policy;
  const std::string protocol = "Sec-WebSocket-Protocol: mqtt\r\n";
  const auto from = [&](std::string_view origins) {
    return status_of(request(protocol + std::string(origins)), policy);
  };
  CHECK(from("Origin: http://evil.example\r\n") == 101);
  policy.allowed_origins = {"https://shop.example", "http://localhost:3000"};
  CHECK(from("Origin: https://shop.example\r\n") == 101);
  CHECK(from("Origin: HTTPS://Shop.Example\r\n") == 101);
  CHECK(from("Origin: http://localhost:3000\r\n") == 101);
  CHECK(from("") == 101);
  CHECK(from("Origin: http://shop.example\r\n") == 403);
  CHECK(from("Origin: https://shop.example.evil.example\r\n") == 403);
  CHECK(from("Origin: https://shop.example:444\r\n") == 403);
  CHECK(from("Origin: null\r\n") == 403);
  CHECK(from("Origin: https://shop.example\r\nOrigin: https://shop.example\r\n") == 403);
}

TEST_CASE("compression is answered when the settings offer it") {
  ws::UpgradePolicy policy;
  const std::string text = request(
      "Sec-WebSocket-Protocol: mqtt\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
  CHECK(!ws::answer_upgrade(text, policy).compression);
  policy.compression = ws::DeflateOptions();
  const ws::UpgradeAnswer answer = ws::answer_upgrade(text, policy);
  CHECK(answer.compression);
  CHECK(has(answer.response, "Sec-WebSocket-Extensions: permessage-deflate; server_no"));
  CHECK(!ws::answer_upgrade(request(), policy).compression);
  CHECK(status_of(request("Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: a;;\r\n"),
                  policy) == 400);
}

TEST_CASE("the end of a request is found however it comes") {
  const std::string text = request();
  std::size_t seen = 0, size = 0;
  for (std::size_t n = 1; n < text.size(); ++n) {
    CHECK(ws::find_request_end(std::string_view(text).substr(0, n), seen, size) ==
          ws::RequestEnd::incomplete);
  }
  CHECK(ws::find_request_end(text + "more", seen, size) == ws::RequestEnd::complete);
  CHECK(size == text.size());
  for (const char* other : {"\x10\x1a", "\x16\x03\x01", " GET", "\r\n", "get /"}) {
    seen = 0;
    CHECK(ws::find_request_end(other, seen, size) == ws::RequestEnd::not_http);
  }
}

TEST_CASE("networks") {
  struct Case {
    const char *network, *address;
    bool inside;
  };
  for (const Case& each : std::initializer_list<Case>{{"10.0.0.0/8", "10.255.1.2", true},
                                                      {"10.0.0.0/8", "11.0.0.1", false},
                                                      {"192.168.1.0/25", "192.168.1.127", true},
                                                      {"192.168.1.0/25", "192.168.1.128", false},
                                                      {"127.0.0.1", "127.0.0.1", true},
                                                      {"127.0.0.1", "127.0.0.2", false},
                                                      {"0.0.0.0/0", "8.8.8.8", true},
                                                      {"0.0.0.0/0", "::1", false},
                                                      {"::1", "::1", true},
                                                      {"fd00::/8", "fd12::1", true},
                                                      {"fd00::/8", "fe80::1", false},
                                                      {"::/0", "::5", true},
                                                      {"10.0.0.0/8", "::ffff:10.1.1.1", true},
                                                      {"unix", "10.1.1.1", false}}) {
    CAPTURE(each.network);
    CAPTURE(each.address);
    ws::TrustedProxies trusted;
    REQUIRE(trusted.add(each.network));
    CHECK(trusted.contains(*keel::Address::parse(each.address)) == each.inside);
  }
  ws::TrustedProxies trusted;
  for (const char* bad : {"", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1",
                          "localhost", "10.0.0.1:80", "10.0.0"}) {
    CAPTURE(bad);
    CHECK(!trusted.add(bad));
  }
  REQUIRE(trusted.add("unix"));
  keel_addr unix_peer{};
  unix_peer.family = KEEL_ADDR_UNIX;
  CHECK(trusted.contains(unix_peer));
}

TEST_CASE("the client is the last that is no trusted proxy") {
  ws::TrustedProxies trusted;
  REQUIRE(trusted.add("10.0.0.0/8"));
  const auto client = [&](std::string_view addresses, std::string_view port = {}) {
    const auto out = ws::forwarded_client(addresses, port, trusted);
    return out ? out->text() : "none";
  };
  CHECK(client("203.0.113.7") == "203.0.113.7:0");
  CHECK(client("203.0.113.7", "4711") == "203.0.113.7:4711");
  CHECK(client("203.0.113.7:99") == "203.0.113.7:99");
  CHECK(client("1.1.1.1, 203.0.113.7, 10.0.0.2") == "203.0.113.7:0");
  CHECK(client("10.0.0.3,10.0.0.2") == "10.0.0.3:0");
  CHECK(client("[2001:db8::1]:5") == "[2001:db8::1]:5");
  CHECK(client("2001:db8::1") == "[2001:db8::1]:0");
  CHECK(client("garbage, 10.0.0.2") == "none");
  CHECK(client("garbage, 203.0.113.7") == "203.0.113.7:0");
  CHECK(client("203.0.113.7, unknown") == "none");
  CHECK(client("") == "none");
  CHECK(client(",") == "none");
  CHECK(client("203.0.113.7", "99999") == "203.0.113.7:0");
}
