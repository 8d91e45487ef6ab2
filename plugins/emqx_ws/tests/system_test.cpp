// The built plugin in the real broker, with a client of our own.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "emqx_ws/tests/ws_client.hpp"

namespace {

using namespace ws_test;

std::uint16_t free_port() { return keel::test::free_port(SOCK_STREAM); }

std::string settings(std::uint16_t port, std::string_view more = {}) {
  return keel::concat("[listener.ws.test]\nbind = \"127.0.0.1:", port, "\"\n", more);
}

// Upgraded and connected.
std::unique_ptr<WsClient> open(std::uint16_t port, std::string_view id) {
  auto out = std::make_unique<WsClient>(port);
  REQUIRE(out->upgrade().starts_with("HTTP/1.1 101 "));
  out->send(binary(connect_packet(id)));
  REQUIRE(out->receive_packet() == std::string("\x20\2\0\0", 4));
  return out;
}
void subscribe(WsClient& client, std::string_view filter) {
  client.send(binary(subscribe_packet(filter)));
  REQUIRE(client.receive_packet() == std::string("\x90\3\0\1\0", 5));
}

}  // namespace

TEST_CASE("loaded, used, upgraded and unloaded, with a client that stays connected") {
  const std::uint16_t port = free_port();
  keel::KernelFixture kernel({.settings = settings(port)});
  auto reader = kernel.connect("reader");
  CHECK(reader.subscribe("from/#") == 0);
  const auto client = open(port, "browser");
  subscribe(*client, "to/#");

  // A packet in many frames, many packets in one frame.
  const std::string packets = publish_packet("from/1", "one") + publish_packet("from/2", "two");
  client->send(frame(kBinary, packets.substr(0, 3)) + frame(0, packets.substr(3, 1)) +
               frame(kFin | kPing, "between") + frame(kFin, packets.substr(4, 9)) +
               binary(packets.substr(13)));
  reader.expect("from/1", "one");
  reader.expect("from/2", "two");
  CHECK(client->receive().payload == "between");
  const std::string large(300'000, 'l');
  reader.publish("to/large", large);
  CHECK((client->receive_packet() == publish_packet("to/large", large)));

  // In the middle of a packet, of a frame and of its head.
  const std::string last = binary(publish_packet("from/3", "three"));
  client->send(last.substr(0, 9));
  const auto other = open(port, "other");
  other->send(last.substr(0, 3));
  const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
  REQUIRE_MESSAGE(upgraded, upgraded.text());
  client->send(last.substr(9));
  reader.expect("from/3", "three");
  other->send(last.substr(3));
  reader.expect("from/3", "three");
  reader.publish("to/it", "still here");
  CHECK(client->receive_packet() == publish_packet("to/it", "still here"));
  CHECK(open(port, "new") != nullptr);

  WsClient early(port);
  const keel::Status unloaded = kernel.unload();
  CHECK_MESSAGE(unloaded, unloaded.text());
  CHECK(client->closed() == 1001);
  CHECK(other->closed() == 1001);
  CHECK(early.gone());
  CHECK(!kernel.maps_contains("emqx_ws"));
  CHECK(reader.quiet());  // and still connected
  CHECK(kernel.stop() == 0);
}

TEST_CASE("upgraded again and again under traffic: nobody is dropped, nothing is lost") {
  const std::uint16_t port = free_port();
  keel::KernelFixture kernel({.settings = settings(port)});
  std::atomic<int> messages{0}, comers{0};
  std::string failure;
  const auto run = [&failure](auto work) {
    return std::jthread([&failure, work](const std::stop_token& stop) {
      try {
        while (!stop.stop_requested()) work();
      } catch (const std::exception& error) {
        failure = error.what();
      }
    });
  };
  const auto stays = open(port, "stays");
  subscribe(*stays, "echo");
  {
    const auto echo = run([&] {
      const std::string packet = publish_packet("echo", keel::concat(++messages));
      stays->send(binary(packet.substr(0, 3)) + binary(packet.substr(3)));
      if (stays->receive_packet() != packet) keel::test::fail("an echo is another one");
    });
    const auto come = run([&] {
      WsClient client(port);
      if (!client.upgrade().starts_with("HTTP/1.1 101 ")) keel::test::fail("no upgrade");
      client.send(binary(connect_packet("comes")));
      if (client.receive_packet() != std::string("\x20\2\0\0", 4)) keel::test::fail("refused");
      ++comers;
    });
    for (int i = 0; i < 20; ++i) {
      const int before = messages, there = comers;
      const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
      CHECK_MESSAGE(upgraded, upgraded.text());
      const std::int64_t until = keel::test::now_ms() + 20'000;
      while ((messages == before || comers == there) && keel::test::now_ms() < until)
        keel::test::pause_ms(1);
    }
  }
  CHECK(failure == "");
  CHECK(messages > 20);
  CHECK(comers > 20);
  CHECK(kernel.stop() == 0);
}

TEST_CASE("endings") {
  const std::uint16_t port = free_port();
  keel::KernelFixture kernel({.settings = settings(port)});
  auto reader = kernel.connect("reader");
  CHECK(reader.subscribe("will/#", 1) == 1);
  SUBCASE("DISCONNECT is answered by 1000") {
    const auto client = open(port, "a");
    client->send(binary(disconnect_packet()));
    CHECK(client->closed() == 1000);
    client->send(close_frame(1000));
    CHECK(client->gone());
  }
  SUBCASE("a close frame is answered in kind") {
    const auto client = open(port, "a");
    client->send(binary(disconnect_packet()) + close_frame(1000, "done"));
    CHECK(client->closed() == 1000);
    CHECK(client->gone());
  }
  SUBCASE("text is 1003, an unmasked frame 1002") {
    const auto text = open(port, "a"), unmasked = open(port, "b");
    text->send(frame(kFin | kText, "hello"));
    CHECK(text->closed() == 1003);
    CHECK(text->gone());
    unmasked->send(frame(kFin | kBinary, "hello", {.masked = false}));
    CHECK(unmasked->closed() == 1002);
    CHECK(unmasked->gone());
  }
  SUBCASE("no MQTT is the broker's to end") {
    WsClient client(port);
    REQUIRE(client.upgrade().starts_with("HTTP/1.1 101 "));
    client.send(binary("GET / HTTP/1.1\r\n\r\n"));
    CHECK(client.closed() == 1002);
  }
  SUBCASE("who is kicked is told that it was no accident") {
    const auto client = open(port, "a");
    kernel.ctl({"clients", "kick", "a"});
    CHECK(client->closed() == 1008);
  }
  SUBCASE("a take-over closes the older one") {
    const auto older = open(port, "same"), newer = open(port, "same");
    CHECK(older->closed() == 1008);
    newer->send(frame(kFin | kPing, "x"));
    CHECK(newer->receive().payload == "x");
  }
  SUBCASE("a connection that is lost leaves a will, also with half a frame") {
    WsClient client(port);
    REQUIRE(client.upgrade().starts_with("HTTP/1.1 101 "));
    client.send(binary(packet(0x10, field("MQTT") + std::string("\4\x0e\0\0", 4) + field("w") +
                                        field("will/w") + field("gone"))));
    client.receive_packet();
    client.send(binary("half").substr(0, 8));
    client.send(frame(kFin | 7, ""));
    reader.expect("will/w", "gone");
  }
  CHECK(kernel.running());
}

TEST_CASE("refusals over HTTP, and a plain HTTP client") {
  const std::uint16_t port = free_port();
  keel::KernelFixture kernel({.settings = settings(port, "upgrade_timeout = \"1s\"\n")});
  const auto answer = [port](std::string_view text) {
    WsClient client(port);
    const std::string head = client.upgrade(text);
    CHECK(client.gone());
    return head.substr(0, head.find("\r\n"));
  };
  CHECK(answer("GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n") == "HTTP/1.1 426 Upgrade Required");
  CHECK(answer(request("", "/mqtt")) == "HTTP/1.1 400 Bad Request");
  CHECK(answer(request("", "/other")) == "HTTP/1.1 404 Not Found");
  CHECK(answer(connect_packet("plain")) == "HTTP/1.1 400 Bad Request");
  CHECK(answer("GET /mqtt HTT") == "HTTP/1.1 408 Request Timeout");
  CHECK(answer("GET /" + std::string(9000, 'x')) == "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE("a reload changes paths and listeners, and drops nobody") {
  const std::uint16_t port = free_port(), second = free_port();
  keel::KernelFixture kernel({.settings = settings(port)});
  const auto client = open(port, "stays");
  kernel.put_settings(settings(port, "mqtt_path = \"/new\"\n") +
                      keel::concat("[listener.ws.more]\nbind = \"127.0.0.1:", second, "\"\n"));
  REQUIRE(kernel.reload());
  CHECK(WsClient(port).upgrade().starts_with("HTTP/1.1 404 "));
  CHECK(open(second, "new") != nullptr);
  kernel.put_settings(settings(port, "mqtt_path = \"new\"\n"));
  const keel::Status refused = kernel.reload();
  CHECK(!refused);
  CHECK(refused.text().find("mqtt_path") != std::string_view::npos);
  CHECK(open(second, "newer") != nullptr);
  client->send(frame(kFin | kPing, "x"));
  CHECK(client->receive().payload == "x");
}

TEST_CASE("a client that does not read gets whole messages when it does again") {
  const std::uint16_t port = free_port();
  keel::KernelFixture kernel({.settings = settings(port)});
  auto sender = kernel.connect("sender");
  const auto slow = open(port, "slow");
  subscribe(*slow, "t/#");
  const std::string payload(100'000, 'p');
  for (int i = 0; i < 200; ++i) sender.publish("t/bulk", payload);
  sender.ping();
  // Messages may have been dropped, the answer to a ping is not.
  slow->send(binary(std::string("\xc0\0", 2)));
  int whole = 0;
  for (;; ++whole) {
    const std::string next = slow->receive_packet();
    if (next == std::string("\xd0\0", 2)) break;
    REQUIRE((next == publish_packet("t/bulk", payload)));
  }
  sender.publish("t/end", "end");
  CHECK(slow->receive_packet() == publish_packet("t/end", "end"));
  CHECK(whole >= 3);
  MESSAGE(whole << " of 200 messages came");
}

TEST_CASE("PROXY protocol and stated addresses") {
  const std::uint16_t plain = free_port(), proxied = free_port();
  keel::KernelFixture kernel({.settings = settings(plain, "trusted_proxies = [\"127.0.0.0/8\"]\n") +
                                          keel::concat("[listener.ws.proxied]\nbind = \"127.0.0.1:",
                                                       proxied, "\"\nproxy_protocol = true\n")});
  WsClient stated(plain), proxy(proxied);
  REQUIRE(stated
              .upgrade(request("Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: 203.0.113.9\r\n"
                               "X-Forwarded-Port: 4711\r\n"))
              .starts_with("HTTP/1.1 101 "));
  proxy.send("PROXY TCP4 198.51.100.22 203.0.113.7 35646 80\r\n");
  REQUIRE(proxy.upgrade().starts_with("HTTP/1.1 101 "));
  for (WsClient* client : {&stated, &proxy}) {
    client->send(binary(connect_packet(client == &stated ? "stated" : "proxied")));
    client->receive_packet();
  }
  CHECK(kernel.ctl({"clients", "show", "stated"}).output.find("203.0.113.9") != std::string::npos);
  CHECK(kernel.ctl({"clients", "show", "proxied"}).output.find("198.51.100.22") !=
        std::string::npos);
}

TEST_CASE("loaded and unloaded while clients come") {
  const std::uint16_t port = free_port();
  keel::KernelFixture kernel({.settings = settings(port), .load = false});
  for (int cycle = 0; cycle < 5; ++cycle) {
    REQUIRE(kernel.load());
    std::vector<std::unique_ptr<WsClient>> clients;
    for (int i = 0; i < 40; ++i) {
      clients.push_back(std::make_unique<WsClient>(port));
      clients.back()->send(request() + binary(connect_packet(keel::concat("c", i))));
    }
    const keel::Status unloaded = kernel.unload();
    CHECK_MESSAGE(unloaded, unloaded.text());
    for (const auto& client : clients) CHECK(client->gone());
    CHECK(!kernel.maps_contains("emqx_ws"));
  }
}

TEST_CASE("a client without credentials is admitted on loopback unless that is refused") {
  const std::uint16_t port = free_port(), strict = free_port();
  const auto file = [&](std::string_view refuse) {
    return settings(port, refuse) +
           keel::concat("[listener.ws.strict]\nbind = \"127.0.0.1:", strict,
                        "\"\nallow_anonymous = false\n");
  };
  keel::KernelFixture kernel({.settings = file("")});
  const auto answer = [](std::uint16_t to) {
    WsClient client(to);
    REQUIRE(client.upgrade().starts_with("HTTP/1.1 101 "));
    client.send(binary(connect_packet("nobody")));
    return client.receive_packet();
  };
  const std::string admitted("\x20\2\0\0", 4), refused("\x20\2\0\5", 4);
  CHECK(answer(port) == admitted);
  CHECK(answer(strict) == refused);
  const auto stays = open(port, "stays");
  kernel.put_settings(file("allow_anonymous = false\n"));
  REQUIRE(kernel.reload());
  CHECK(answer(port) == refused);
  stays->send(frame(kFin | kPing, "x"));
  CHECK(stays->receive().payload == "x");
  const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
  REQUIRE_MESSAGE(upgraded, upgraded.text());
  CHECK(answer(port) == refused);
  kernel.put_settings(file("allow_anonymous = true\n"));
  REQUIRE(kernel.reload());
  CHECK(answer(port) == admitted);
}

TEST_CASE("the shipped settings are all there are, with their defaults") {
  keel::KernelFixture kernel({.settings = settings(free_port())});
  const std::string file = keel::test::read_file(EMQX_WS_CONF);
  const std::string described = kernel.ctl({"plugins", "describe", "emqx_ws"}).output;
  int keys = 0;
  for (std::size_t at = 0; (at = described.find("listener.ws", at)) != std::string::npos; ++at) {
    if (at != 0 && described[at - 1] != '\n') continue;
    const std::string key = described.substr(at, described.find(' ', at) - at);
    const std::size_t name = key.find(".*") + 2;
    if (name == key.size()) continue;  // EMQ X's way of writing .bind
    const std::size_t takes = described.find('\n', at) + 1;
    const std::size_t end = described.find('\n', takes);
    const std::size_t notes = described.rfind(" (", end) + 2;
    const std::string note = described.substr(notes, end - notes - 1);
    const std::size_t section =
        file.find(keel::concat("\n[", key.substr(0, name - 2), ".external]\n"));
    REQUIRE(section != std::string::npos);
    const std::string_view text =
        std::string_view(file).substr(section, file.find("\n[", section + 2) - section);
    const bool has_default = note.starts_with("default ");
    const std::string line =
        has_default ? keel::concat('\n', key.substr(name + 1), " = ", note.substr(8), '\n')
                    : keel::concat("\n# ", key.substr(name + 1), " = ");
    CHECK_MESSAGE(text.find(line) != std::string_view::npos, line);
    ++keys;
  }
  CHECK(keys > 40);
}
