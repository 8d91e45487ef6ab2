// The plugin on a fake host: upgrade, frames, closing, backpressure, time, settings, hand-over.
#include <doctest/doctest.h>

#include <keel/fake.hpp>

#include "emqx_ws/deflate.hpp"
#include "emqx_ws/tests/frames.hpp"

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace {

using namespace ws_test;

struct Broker {
  explicit Broker(std::string_view settings = {}) {
    host.set_all(settings);
    const keel::Status loaded = host.load(keel_plugin_entry_v1);
    REQUIRE_MESSAGE(loaded, loaded.text());
  }
  ~Broker() {
    for (const std::string& each : host.misuse()) FAIL_CHECK(each);
  }

  // A connection whose upgrade is done.
  keel_handle open(std::string_view more = "Sec-WebSocket-Protocol: mqtt\r\n",
                   std::string_view from = "127.0.0.1:50001") {
    const keel_handle out = host.tcp_connect({}, from);
    REQUIRE(out != 0);
    host.tcp_send(out, request(more));
    const std::string answer = host.tcp_take(out);
    REQUIRE_MESSAGE(answer.starts_with("HTTP/1.1 101 "), answer);
    return out;
  }
  keel_handle stream() { return host.streams().back(); }
  std::string fed() { return std::exchange(host.stream_peer(stream()).fed, {}); }
  // What comes back for bytes on an open connection.
  std::string say(keel_handle connection, std::string_view bytes) {
    host.tcp_send(connection, bytes);
    return host.tcp_take(connection);
  }
  bool gone(keel_handle connection) { return host.tcp_peer(connection).closed; }
  double closes(int code) {
    return host.metric("ws_closed_total", keel::concat("code=\"", code, '"'));
  }
  double refusals(int status) {
    return host.metric("ws_refused_total", keel::concat("status=\"", status, '"'));
  }
  void seconds(int n) {
    for (int i = 0; i < n; ++i) host.advance(1000);
  }

  keel::FakeHost host;
};

std::string text_of(std::size_t n) {
  std::string out(n, '\0');
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>(i * 7);
  return out;
}

}  // namespace

TEST_CASE("a client is upgraded, its frames are fed, and output becomes frames") {
  Broker b;
  const keel_handle client = b.open();
  CHECK(b.say(client, binary("CONNECT") + binary("") + binary("PING")).empty());
  CHECK(b.fed() == "CONNECTPING");
  b.host.stream_output(b.stream(), "CONNACK");
  CHECK(b.host.tcp_take(client) == from_server(kFin | kBinary, "CONNACK"));
  const std::string large = text_of(100'000);
  CHECK(b.say(client, binary(large)).empty());
  CHECK((b.fed() == large));
  b.host.stream_output(b.stream(), large);
  CHECK((b.host.tcp_take(client) == from_server(kFin | kBinary, large)));
  b.seconds(1);
  CHECK(b.host.metric("ws_upgrades_total") == 1);
  CHECK(b.host.metric("ws_connections") == 1);
  CHECK(b.host.metric("ws_frames_in_total") == 4);
  CHECK(b.host.metric("ws_frames_out_total") == 2);
  CHECK(b.host.metric("ws_bytes_in_total") == 100'011);
  CHECK(b.host.metric("ws_bytes_out_total") == 100'007);
}

TEST_CASE("byte by byte is the same, request and frames in one go as well") {
  Broker b;
  const keel_handle slow = b.host.tcp_connect();
  const std::string all =
      request() + frame(kBinary, "CON") + frame(kFin | kPing, "x") + frame(kFin, "NECT");
  for (const char c : all) b.host.tcp_send(slow, {&c, 1});
  CHECK(b.fed() == "CONNECT");
  CHECK(b.host.tcp_take(slow).ends_with(from_server(kFin | kPong, "x")));
  const keel_handle hasty = b.host.tcp_connect();
  b.host.tcp_send(hasty, all);
  CHECK(b.fed() == "CONNECT");
}

TEST_CASE("requests that are refused are answered and closed") {
  Broker b(
      "listener.ws.a.mqtt_path = /ws\nlistener.ws.a.max_request_size = 1KB\n"
      "listener.ws.a.allowed_origins = [\"http://good.example\"]\n");
  const auto check = [&](std::string_view text, int status) {
    CAPTURE(text.substr(0, 60));
    const double before = b.refusals(status);
    const keel_handle client = b.host.tcp_connect();
    const std::string answer = b.say(client, text);
    CHECK(answer.starts_with(keel::concat("HTTP/1.1 ", status, ' ')));
    CHECK(b.gone(client));
    CHECK(b.refusals(status) == before + 1);
  };
  const std::string mqtt = "Sec-WebSocket-Protocol: mqtt\r\n";
  check("\x10\x0c MQTT", 400);
  check(request(mqtt), 404);
  check(request("", "/ws"), 400);
  check(request(mqtt + "Origin: http://evil.example\r\n", "/ws"), 403);
  check("POST /ws HTTP/1.1\r\nHost: x\r\n\r\n", 405);
  check("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", 426);
  check(request(mqtt + "X: " + std::string(1000, 'x') + "\r\n", "/ws"), 431);
  check("GET /" + std::string(1100, 'x'), 431);
  CHECK(b.host.streams().empty());
  CHECK(b.say(b.host.tcp_connect(), request(mqtt + "Origin: http://good.example\r\n", "/ws"))
            .starts_with("HTTP/1.1 101 "));
}

TEST_CASE("a request that does not come in time") {
  Broker b("listener.ws.a.upgrade_timeout = 3s\n");
  const keel_handle client = b.host.tcp_connect();
  for (int i = 0; i < 3; ++i) {
    CHECK(b.say(client, "G").empty());  // something comes all the time
    b.seconds(1);
  }
  CHECK(b.host.tcp_take(client).starts_with("HTTP/1.1 408 "));
  CHECK(b.gone(client));
  CHECK(b.refusals(408) == 1);
  b.seconds(100);
  CHECK(b.host.metric("ws_connections") == 0);
}

TEST_CASE("a broker that takes no more clients answers 503") {
  Broker b;
  const keel_handle client = b.host.tcp_connect();
  b.host.fail_next("stream.open", KEEL_E_LIMIT);
  CHECK(b.say(client, request()).starts_with("HTTP/1.1 503 "));
  CHECK(b.gone(client));
}

TEST_CASE("every violation closes with its code, after what came before was fed") {
  struct Case {
    const char* what;
    std::string bytes;
    int code;
  };
  for (const Case& each : std::initializer_list<Case>{
           {"text", frame(kFin | kText, "hi"), 1003},
           {"unmasked", frame(kFin | kBinary, "hi", {.masked = false}), 1002},
           {"reserved bit", frame(kFin | kBinary | 0x40, "hi"), 1002},
           {"reserved opcode", frame(kFin | 3, "hi"), 1002},
           {"continuation", frame(kFin, "hi"), 1002},
           {"long ping", frame(kFin | kPing, std::string(126, 'x')), 1002},
           {"half a close code", frame(kFin | kClose, "x"), 1002},
           {"close code 1005", close_frame(1005), 1002},
           {"bad reason", close_frame(1000, "\xff"), 1007},
           {"too large", binary(std::string(2000, 'x')), 1009}}) {
    CAPTURE(each.what);
    Broker b("listener.ws.a.max_frame_size = 1KB\n");
    const keel_handle client = b.open();
    const keel_handle stream = b.stream();
    const std::string answer = b.say(client, binary("before") + each.bytes + binary("after"));
    CHECK(answer.substr(0, 1) == "\x88");
    CHECK(answer.substr(2, 2) == close_payload(each.code));
    CHECK(static_cast<std::size_t>(answer.at(1)) == answer.size() - 2);
    CHECK(b.host.stream_peer(stream).fed == "before");
    CHECK(b.host.stream_peer(stream).closed);
    CHECK(b.gone(client));
    CHECK(b.closes(each.code) == 1);
  }
}

TEST_CASE("a client that closes is answered with its own code") {
  for (const int code : {1000, 1001, 4321}) {
    Broker b;
    const keel_handle client = b.open();
    const keel_handle stream = b.stream();
    CHECK(b.say(client, binary("DISCONNECT") + close_frame(code, "bye")) == server_close(code));
    CHECK(b.host.stream_peer(stream).fed == "DISCONNECT");
    CHECK(b.host.stream_peer(stream).closed);
    CHECK(b.gone(client));
  }
  Broker b;
  CHECK(b.say(b.open(), frame(kFin | kClose, "")) == from_server(kFin | kClose, ""));
  CHECK(b.closes(1005) == 1);
}

TEST_CASE("when the broker ends the stream the client is told and given time to answer") {
  Broker b;
  const keel_handle polite = b.open();
  b.host.stream_output(b.stream(), "DISCONNECT");
  b.host.stream_end(b.stream());
  CHECK(b.host.tcp_take(polite) == from_server(kFin | kBinary, "DISCONNECT") + server_close(1000));
  CHECK(!b.gone(polite));
  CHECK(b.say(polite, binary("late") + frame(kFin | kPing, "x")).empty());
  CHECK(b.say(polite, close_frame(1000)).empty());
  CHECK(b.gone(polite));

  const keel_handle silent = b.open();
  b.host.stream_end(b.stream(), KEEL_CLOSE_ERROR, "failed");
  CHECK(b.host.tcp_take(silent) == server_close(1011));
  b.seconds(2);
  CHECK(!b.gone(silent));
  b.seconds(2);
  CHECK(b.gone(silent));

  const keel_handle slow = b.open();
  b.host.stream_end(b.stream(), KEEL_CLOSE_SLOW, "slow");
  CHECK(b.gone(slow));
  CHECK(b.closes(1000) == 1);
  CHECK(b.closes(1011) == 1);
  CHECK(b.closes(1008) == 1);
}

TEST_CASE("why the broker ended the stream is in the close code") {
  const std::pair<std::uint32_t, int> cases[] = {{KEEL_CLOSE_LOCAL, 1000},
                                                 {KEEL_CLOSE_PEER, 1000},
                                                 {KEEL_CLOSE_ERROR, 1011},
                                                 {KEEL_CLOSE_PROTOCOL, 1002},
                                                 {KEEL_CLOSE_REFUSED, 1008},
                                                 {KEEL_CLOSE_SHUTDOWN, 1001},
                                                 {99, 1000}};
  for (const auto& [reason, code] : cases) {
    Broker b;
    const keel_handle client = b.open();
    b.host.stream_end(b.stream(), reason, "why");
    CHECK(b.host.tcp_take(client) == server_close(code));
    CHECK(b.closes(code) == 1);
  }
}

TEST_CASE("a connection that is lost takes its stream along") {
  Broker b;
  const keel_handle client = b.open();
  const keel_handle stream = b.stream();
  b.host.tcp_close(client);
  CHECK(b.host.stream_peer(stream).closed);
  CHECK(b.closes(1006) == 1);
  CHECK(b.host.handles("stream") == 0);
}

TEST_CASE("pings are answered, of many in a row to a slow peer only the last") {
  Broker b;
  const keel_handle client = b.open();
  CHECK(b.say(client,
              frame(kFin | kPing, "1") + frame(kFin | kPong, "") + frame(kFin | kPing, "2")) ==
        from_server(kFin | kPong, "1") + from_server(kFin | kPong, "2"));
  b.host.tcp_peer(client).stalled = true;
  b.host.stream_output(b.stream(), "held");
  CHECK(b.host.stream_peer(b.stream()).paused);
  CHECK(b.say(client, frame(kFin | kPing, "3") + frame(kFin | kPing, "4")).empty());
  b.host.tcp_unstall(client);
  CHECK(b.host.tcp_take(client) ==
        from_server(kFin | kBinary, "held") + from_server(kFin | kPong, "4"));
  CHECK(!b.host.stream_peer(b.stream()).paused);
}

TEST_CASE("a broker that does not keep up pauses the connection") {
  Broker b;
  const keel_handle client = b.open();
  const keel_handle stream = b.stream();
  b.host.stream_peer(stream).backlog = 100'000;
  b.say(client, binary("one"));
  b.say(client, binary("two") + frame(kFin | kPing, ""));
  CHECK(b.host.stream_peer(stream).fed == "one");
  b.host.stream_writable(stream);
  CHECK(b.host.stream_peer(stream).fed == "onetwo");
  CHECK(b.host.tcp_take(client) == from_server(kFin | kPong, ""));
  b.host.fail_next("stream.feed", KEEL_E_LIMIT);
  CHECK(b.say(client, binary("three")).substr(2, 2) == close_payload(1011));
}

TEST_CASE("a paused connection hears the close of its stream") {
  Broker b;
  const keel_handle client = b.open();
  b.host.stream_peer(b.stream()).backlog = 100'000;
  b.say(client, binary("one"));
  b.host.stream_end(b.stream());
  b.host.tcp_take(client);
  b.say(client, close_frame(1000));
  CHECK(b.gone(client));
}

TEST_CASE("a silent client is pinged, then dropped; one that answers is not") {
  Broker b("listener.ws.a.idle_timeout = 10s\n");
  const keel_handle alive = b.open(), dead = b.open();
  const std::string ping = from_server(kFin | kPing, "");
  for (int round = 0; round < 3; ++round) {
    b.seconds(9);
    CHECK(b.host.tcp_take(alive).empty());
    b.seconds(2);
    CHECK(b.host.tcp_take(alive) == ping);
    b.say(alive, frame(kFin | kPong, ""));
  }
  CHECK(!b.gone(alive));
  CHECK(b.gone(dead));
  CHECK(b.host.tcp_take(dead).starts_with(ping + "\x88"));
  CHECK(b.closes(1008) == 1);
}

TEST_CASE("without an idle timeout nobody is pinged") {
  Broker b("listener.ws.a.idle_timeout = 0\n");
  const keel_handle client = b.open();
  b.seconds(500);
  CHECK(b.host.tcp_take(client).empty());
  CHECK(!b.gone(client));
}

TEST_CASE("addresses that proxies state are believed from trusted ones only") {
  const std::string more =
      "Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: 203.0.113.9, 10.0.0.7\r\n"
      "X-Forwarded-Port: 4711\r\n";
  Broker b("listener.ws.a.trusted_proxies = [\"10.0.0.0/8\"]\n");
  b.open(more, "10.0.0.1:1");
  CHECK(b.host.stream_peer(b.stream()).peer.text() == "203.0.113.9:4711");
  b.open(more, "11.0.0.1:1");
  CHECK(b.host.stream_peer(b.stream()).peer.text() != "203.0.113.9:4711");
  Broker nobody;
  nobody.open(more, "10.0.0.1:1");
  CHECK(nobody.host.stream_peer(nobody.stream()).peer.text() != "203.0.113.9:4711");
  Broker other(
      "listener.ws.a.trusted_proxies = [\"10.0.0.0/8\"]\n"
      "listener.ws.a.proxy_address_header = X-Real-IP\n");
  other.open(more + "X-Real-IP: 198.51.100.1\r\n", "10.0.0.1:1");
  CHECK(other.host.stream_peer(other.stream()).peer.host() == "198.51.100.1");
}

TEST_CASE("compression both ways") {
  for (const char* takeover : {"takeover", "no_takeover"}) {
    CAPTURE(takeover);
    Broker b(keel::concat("listener.ws.a.compress = true\n",
                          "listener.ws.a.deflate_opts.server_context_takeover = ", takeover,
                          "\nlistener.ws.a.deflate_opts.client_context_takeover = ", takeover,
                          "\nlistener.ws.a.deflate_opts.max_inflated_size = 100KB\n"));
    const keel_handle client =
        b.open("Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
    const bool keeps = takeover == std::string_view("takeover");
    ws::Deflater deflater({}, 15);
    ws::Inflater inflater(15);
    const std::string text(5000, 'm');
    for (int i = 0; i < 3; ++i) {
      std::string packed, out;
      const std::string_view pieces[] = {text};
      deflater.message(pieces, packed);
      const std::string half = packed.substr(0, 3);
      b.say(client,
            frame(kBinary | 0x40, half) + frame(kFin | kPing, "") + frame(kFin, packed.substr(3)));
      CHECK((b.fed() == text));
      b.host.stream_output(b.stream(), text);
      const std::string sent = b.host.tcp_take(client);
      REQUIRE(sent.substr(0, 1) == "\xc2");
      const auto take = [&](std::string_view part) { out += part; };
      CHECK(inflater.add(std::string_view(sent).substr(2), 0, take) == ws::Inflater::Outcome::ok);
      CHECK(inflater.end(0, take) == ws::Inflater::Outcome::ok);
      CHECK((out == text));
      if (keeps) continue;
      deflater.reset();
      inflater.reset();
    }
    b.say(client, binary("not compressed"));
    CHECK(b.fed() == "not compressed");
    b.host.stream_output(b.stream(), "short");
    CHECK(b.host.tcp_take(client) == from_server(kFin | kBinary, "short"));

    // Across an upgrade, with what the windows hold.
    REQUIRE(b.host.upgrade(keel_plugin_entry_v1));
    std::string packed, out;
    const std::string_view pieces[] = {text};
    deflater.message(pieces, packed);
    b.say(client, frame(kFin | kBinary | 0x40, packed));
    CHECK((b.fed() == text));
    b.host.stream_output(b.stream(), text);
    const std::string sent = b.host.tcp_take(client);
    const auto take = [&](std::string_view part) { out += part; };
    inflater.add(std::string_view(sent).substr(2), 0, take);
    inflater.end(0, take);
    CHECK((out == text));

    // A bomb.
    ws::Deflater bomb({}, 15);
    const std::string zeros(10 << 20, '\0');
    const std::string_view all[] = {zeros};
    packed.clear();
    bomb.message(all, packed);
    const keel_handle stream = b.stream();
    CHECK(b.say(client, frame(kFin | kBinary | 0x40, packed)).substr(2, 2) == close_payload(1009));
    CHECK(b.host.stream_peer(stream).fed.size() <= 100 * 1024);
  }
}

TEST_CASE("what cannot be inflated closes with 1007") {
  Broker b("listener.ws.a.compress = true\n");
  const keel_handle client =
      b.open("Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
  CHECK(b.say(client, frame(kFin | kBinary | 0x40, "\xff\xff\xff")).substr(2, 2) ==
        close_payload(1007));
}

TEST_CASE("an unload says 1001 to all and waits for them") {
  Broker b;
  const keel_handle polite = b.open(), silent = b.open(), early = b.host.tcp_connect();
  CHECK(b.host.unload());
  for (const keel_handle client : {polite, silent}) {
    CHECK(b.host.tcp_take(client) == server_close(1001));
    CHECK(b.gone(client));
  }
  CHECK(b.host.tcp_take(early).starts_with("HTTP/1.1 503 "));
  CHECK(b.gone(early));
}

TEST_CASE("an upgrade takes everybody over, in whatever state") {
  Broker b;
  const keel_handle idle = b.open();
  const keel_handle idle_stream = b.stream();
  const keel_handle fragment = b.open();
  const keel_handle fragment_stream = b.stream();
  b.host.tcp_send(fragment, frame(kBinary, "one") + frame(kFin, "0123456789").substr(0, 9));
  const keel_handle head = b.open();
  const keel_handle head_stream = b.stream();
  b.host.tcp_send(head, binary("whole").substr(0, 4));
  const keel_handle early = b.host.tcp_connect();
  b.host.tcp_send(early, request().substr(0, 50));
  const keel_handle closing = b.open();
  b.host.stream_end(b.stream());
  b.host.tcp_take(closing);
  const keel_handle slow = b.open();
  const keel_handle slow_stream = b.stream();
  b.host.tcp_peer(slow).stalled = true;
  b.host.stream_output(slow_stream, "held");

  REQUIRE(b.host.upgrade(keel_plugin_entry_v1));
  for (const keel_handle client : {idle, fragment, head, early, closing, slow}) {
    CHECK(!b.gone(client));
  }
  CHECK(b.host.metric("ws_connections") == 6);
  b.say(idle, binary("still"));
  CHECK(b.host.stream_peer(idle_stream).fed == "still");
  b.host.stream_output(idle_stream, "there");
  CHECK(b.host.tcp_take(idle) == from_server(kFin | kBinary, "there"));
  b.say(fragment, frame(kFin, "0123456789").substr(9) + binary("next"));
  CHECK(b.host.stream_peer(fragment_stream).fed == "one0123456789next");
  b.say(head, binary("whole").substr(4));
  CHECK(b.host.stream_peer(head_stream).fed == "whole");
  CHECK(b.say(early, request().substr(50)).starts_with("HTTP/1.1 101 "));
  b.host.tcp_unstall(slow);
  CHECK(b.host.tcp_take(slow) == from_server(kFin | kBinary, "held"));
  b.seconds(4);
  CHECK(b.gone(closing));
  CHECK(!b.gone(idle));
  CHECK(b.host.unload());
  CHECK(b.host.tcp_take(idle) == server_close(1001));
}

TEST_CASE("a connection that the old version paused goes on in the new one") {
  Broker b;
  const keel_handle client = b.open();
  const keel_handle stream = b.stream();
  b.host.stream_peer(stream).backlog = 100'000;
  b.say(client, binary("one"));
  b.say(client, binary("two"));
  REQUIRE(b.host.upgrade(keel_plugin_entry_v1));
  CHECK(b.host.stream_peer(stream).fed == "one");
  b.host.stream_writable(stream);
  CHECK(b.host.stream_peer(stream).fed == "onetwo");
}

TEST_CASE("a client in the middle of a compressed message is not handed over") {
  Broker b("listener.ws.a.compress = true\n");
  const keel_handle client =
      b.open("Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
  b.say(client, frame(kBinary | 0x40, "\xf2\x48\xcd"));
  REQUIRE(b.host.upgrade(keel_plugin_entry_v1));
  CHECK(b.host.handles("connection") == 0);
  CHECK(b.host.streams().empty());
}

TEST_CASE("when the new version cannot start the old one goes on") {
  Broker b;
  const keel_handle client = b.open();
  b.host.fail_next("tcp.listen", KEEL_E_IO);
  CHECK(!b.host.upgrade(keel_plugin_entry_v1));
  b.say(client, binary("still"));
  CHECK(b.fed() == "still");
}

TEST_CASE("listeners by name, of both kinds, in both ways of writing them") {
  Broker b(
      "listener.ws.one = 127.0.0.1:9001\nlistener.ws.two.bind = 127.0.0.1:9002\n"
      "listener.ws.two.mqtt_path = /two\nlistener.wss.three.bind = 127.0.0.1:9003\n"
      "listener.wss.three.tls = default\nlistener.wss.four.bind = 127.0.0.1:9004\n");
  CHECK(b.host.handles("listener") == 3);
  CHECK(b.host.tcp_connect("127.0.0.1:9001") != 0);
  const keel_handle two = b.host.tcp_connect("127.0.0.1:9002");
  CHECK(
      b.say(two, request("Sec-WebSocket-Protocol: mqtt\r\n", "/two")).starts_with("HTTP/1.1 101 "));
  CHECK(b.host.tcp_connect("127.0.0.1:9003") != 0);
  CHECK(b.host.tcp_connect("127.0.0.1:9004") == 0);
  CHECK(b.host.logged("wss:four is not started, it has no certificate"));
  CHECK(b.host.health().second ==
        "ws:one at 127.0.0.1:9001; ws:two at 127.0.0.1:9002; wss:three at 127.0.0.1:9003; "
        "wss:four has no certificate; 3 connections");
}

TEST_CASE("anonymous clients are left to the broker, admitted or refused") {
  Broker b(
      "listener.ws.a.bind = 127.0.0.1:9001\nlistener.ws.b.bind = 127.0.0.1:9002\n"
      "listener.ws.b.allow_anonymous = true\nlistener.wss.c.bind = 127.0.0.1:9003\n"
      "listener.wss.c.tls = default\nlistener.wss.c.allow_anonymous = false\n"
      "listener.ws.b.trusted_proxies = [\"127.0.0.1\"]\n");
  CHECK(b.host.tcp_listener_flags("127.0.0.1:9001") == 0);
  CHECK(b.host.tcp_listener_flags("127.0.0.1:9002") == KEEL_TCP_ADMIT_ANONYMOUS);
  CHECK(b.host.tcp_listener_flags("127.0.0.1:9003") == KEEL_TCP_REFUSE_ANONYMOUS);
  CHECK(!b.host.logged("admits anonymous clients"));
  const keel_handle client = b.open();
  REQUIRE(b.host.reload({{"listener.ws.a.allow_anonymous", "false"}}));
  CHECK(b.host.tcp_listener_flags("127.0.0.1:9001") == KEEL_TCP_REFUSE_ANONYMOUS);
  b.say(client, binary("still"));
  CHECK(b.fed() == "still");
}

TEST_CASE("a listener on loopback behind a proxy says whom it admits until that is settled") {
  for (const char* const proxy : {"proxy_protocol = true", "trusted_proxies = [\"127.0.0.1\"]"}) {
    CAPTURE(proxy);
    const std::string text =
        keel::concat("listener.ws.a.bind = 127.0.0.1:9001\nlistener.ws.a.", proxy, '\n');
    CHECK(Broker(text).host.logged("say listener.ws.a.allow_anonymous = true or false"));
    for (const char* const settled :
         {"listener.ws.a.allow_anonymous = false", "listener.ws.a.allow_anonymous = true",
          "listener.ws.a.bind = 192.0.2.1:9001"}) {
      CAPTURE(settled);
      CHECK(!Broker(text + settled).host.logged("admits anonymous clients"));
    }
  }
}

TEST_CASE("without settings there is one plain listener, and a notice about the other") {
  Broker b;
  CHECK(b.host.handles("listener") == 1);
  CHECK(b.host.logged("wss:external is not started"));
}

TEST_CASE("settings that cannot be are refused by their key") {
  struct Case {
    const char *line, *key;
  };
  for (const Case& each : std::initializer_list<Case>{
           {"listener.ws.a.mqtt_path = mqtt", "listener.ws.a.mqtt_path"},
           {"listener.ws.a.mqtt_path = /a?b", "listener.ws.a.mqtt_path"},
           {"listener.ws.a.trusted_proxies = [\"10.0.0.0/40\"]", "listener.ws.a.trusted_proxies"},
           {"listener.wss.a.certfile = c.pem", "listener.wss.a.certfile"},
           {"listener.wss.a.keyfile = k.pem", "listener.wss.a.keyfile"},
           {"listener.wss.a.tls = x\nlistener.wss.a.certfile = c\nlistener.wss.a.keyfile = k",
            "listener.wss.a.certfile"},
           {"listener.wss.a.certfile = c\nlistener.wss.a.keyfile = k\n"
            "listener.wss.a.verify = verify_peer",
            "listener.wss.a.verify"}}) {
    CAPTURE(each.line);
    keel::FakeHost host;
    host.set_all(each.line);
    CHECK(!host.load(keel_plugin_entry_v1));
    REQUIRE(!host.config_failures.empty());
    CHECK(host.config_failures[0].starts_with(each.key));
  }
}

TEST_CASE("a reload changes what is to come, and drops nobody") {
  Broker b("listener.ws.a.bind = 127.0.0.1:9001\nlistener.ws.b.bind = 127.0.0.1:9002\n");
  const keel_handle client = b.open();
  const keel_handle stream = b.stream();
  REQUIRE(b.host.reload({{"listener.ws.a.mqtt_path", "/new"},
                         {"listener.ws.b.max_connections", "7"},
                         {"listener.ws.c.bind", "127.0.0.1:9003"}}));
  CHECK(b.host.handles("listener") == 3);
  CHECK(b.say(b.host.tcp_connect("127.0.0.1:9001"), request()).starts_with("HTTP/1.1 404 "));
  CHECK(b.say(b.host.tcp_connect("127.0.0.1:9002"), request()).starts_with("HTTP/1.1 101 "));
  CHECK(b.say(b.host.tcp_connect("127.0.0.1:9003"), request()).starts_with("HTTP/1.1 101 "));
  b.say(client, binary("still"));
  CHECK(b.host.stream_peer(stream).fed == "still");
}

TEST_CASE("a reload that fails leaves everything as it was") {
  Broker b("listener.ws.a.bind = 127.0.0.1:9001\nlistener.ws.b.bind = 127.0.0.1:9002\n");
  b.host.fail_next("tcp.listen", KEEL_E_IO);
  CHECK(!b.host.reload(
      {{"listener.ws.a.mqtt_path", "/new"}, {"listener.ws.b.bind", "127.0.0.1:9005"}}));
  CHECK(b.say(b.host.tcp_connect("127.0.0.1:9001"), request()).starts_with("HTTP/1.1 101 "));
  CHECK(b.say(b.host.tcp_connect("127.0.0.1:9002"), request()).starts_with("HTTP/1.1 101 "));
  CHECK(b.host.tcp_connect("127.0.0.1:9005") == 0);
  CHECK(!b.host.reload({{"listener.ws.a.mqtt_path", "bad"}}));
  CHECK(b.say(b.host.tcp_connect("127.0.0.1:9001"), request()).starts_with("HTTP/1.1 101 "));
}
