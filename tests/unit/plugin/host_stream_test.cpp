// stream/1 over tcp/1, as a gateway uses them: what a connection shows is decoded in place and fed
// from there, what a stream shows is written on as it is.
#include <doctest/doctest.h>

#include <map>

#include "broker_host.hpp"
#include "keel/ext/stream.h"
#include "keel/ext/tcp.h"
#include "tcp_peer.hpp"

namespace keel::test {
namespace {

const keel_ext_stream& streams() { return tables::stream; }

// What clients send is flipped, with filling before every so many bytes; `at` is where in that.
constexpr std::size_t kEvery = 50;

std::string encoded(std::string_view bytes, std::size_t& at) {
  std::string out;
  for (const char c : bytes) {
    if (at++ % kEvery == 0) out += '+';
    out += static_cast<char>(c ^ 0x55);
  }
  return out;
}

// Every connection carries a stream. To clients bytes go as they are.
struct Gateway {
  struct Carried {
    Gateway* gateway = nullptr;
    keel_handle conn = 0, stream = 0;
    std::size_t at = 0;
    bool filling = true;  // comes next
    std::uint32_t reason = 99;
  };
  explicit Gateway(BrokerHost& with) : host(with), slot(with.plugin("gate")), tcp(slot) {
    tcp.on_opened = [this](TcpPlugin::Conn& conn) { open(conn.handle); };
    tcp.on_data = [this](TcpPlugin::Conn& conn, std::string_view bytes) {
      inside = true;
      const std::size_t taken = on_data(carried[conn.handle], bytes);
      inside = false;
      return taken;
    };
    REQUIRE(tcp.listen() == KEEL_OK);
    host.run(slot);
  }
  void open(keel_handle conn) {
    Carried& made = carried[conn];
    made.gateway = this;
    made.conn = conn;
    keel_stream_options options{};
    options.size = sizeof options;
    options.connection = conn;
    const keel_stream_callbacks called{.size = sizeof called,
                                       .reserved = 0,
                                       .output = output,
                                       .writable = nullptr,
                                       .closed = closed};
    REQUIRE(streams().open(slot.host(), &options, &called, &made, &made.stream) == KEEL_OK);
  }
  static void output(void* ctx, keel_handle, const keel_str* pieces, std::uint32_t n) {
    Carried& to = *static_cast<Carried*>(ctx);
    CHECK_FALSE(to.gateway->inside);
    to.gateway->on_output(to, pieces, n);
  }
  static void closed(void* ctx, keel_handle, std::uint32_t reason, keel_str) {
    Carried& of = *static_cast<Carried*>(ctx);
    of.reason = reason;
    of.stream = 0;
  }
  keel_status feed(Carried& to, std::string_view bytes) {
    std::uint64_t backlog = 0;
    return streams().feed(slot.host(), to.stream, str(bytes), &backlog);
  }
  // In place.
  static std::string_view decode(Carried& from, std::string_view bytes) {
    char* const to = const_cast<char*>(bytes.data());
    std::size_t n = 0;
    for (const char c : bytes) {
      if (std::exchange(from.filling, false)) continue;
      to[n++] = static_cast<char>(c ^ 0x55);
      from.filling = ++from.at % kEvery == 0;
    }
    return {to, n};
  }

  BrokerHost& host;
  Slot& slot;
  TcpPlugin tcp;
  std::map<keel_handle, Carried> carried;  // of one shard
  std::atomic<bool> inside{false};         // a call of the plugin
  std::function<std::size_t(Carried&, std::string_view)> on_data = [this](Carried& from,
                                                                          std::string_view bytes) {
    CHECK(feed(from, decode(from, bytes)) == KEEL_OK);
    return bytes.size();
  };
  std::function<void(Carried&, const keel_str*, std::uint32_t)> on_output =
      [this](Carried& to, const keel_str* pieces, std::uint32_t n) {
        CHECK(tables::tcp.write(slot.host(), to.conn, pieces, n) == KEEL_OK);
      };
};

struct HostStreamFixture {
  HostStreamFixture() : gateway(host), peer(gateway.tcp.port()) {}
  ~HostStreamFixture() { host.unload(gateway.slot); }
  // As a chunk: what was sent before has been read.
  void send(const std::string& bytes) {
    const int before = gateway.tcp.calls;
    REQUIRE(peer.send(encoded(bytes, at)));
    REQUIRE(host.eventually([&] { return gateway.tcp.calls > before; }));
  }
  void connect(std::string id = "c") {
    send(wire::connect({.id = std::move(id)}, Version::v311));
    CHECK(peer.receive(4) == std::string("\x20\x02\x00\x00", 4));
  }
  static std::string message(const std::string& payload) {
    return wire::publish({.topic = "t", .payload = payload}, Version::v311);
  }
  void subscribe() {
    send(wire::subscribe({.filter = "t"}, Version::v311));
    CHECK(peer.receive(5).size() == 5);
  }
  BrokerHost host{1};
  Gateway gateway;
  TcpPeer peer;
  std::size_t at = 0;
};

TEST_CASE("bytes decoded in place reach the broker, however packets are cut") {
  HostStreamFixture f;
  f.connect();
  f.subscribe();
  f.host.hook(f.gateway.slot, KEEL_HOOK_MESSAGE_PUBLISH, 0,
              OnPublish([&](const keel_message_view*, keel_publish_answer*) {
                CHECK_FALSE(f.gateway.inside);
                return KEEL_NEXT;
              }));
  std::string train;
  for (int i = 0; i < 200; ++i) {
    const auto size = static_cast<std::size_t>(i * 37 % 1500);
    train += f.message(std::string(size, static_cast<char>('a' + i % 26)));
  }
  std::size_t at = 0;
  for (const std::size_t size : {1u, 2u, 3u, 5000u, 900u, 40u, 20'000u, 7u}) {
    f.send(train.substr(at, size));
    at += size;
  }
  f.send(train.substr(at));
  CHECK(f.peer.receive(train.size()) == train);
}

TEST_CASE("a packet above what the shard's buffer has room for comes together from many reads") {
  HostStreamFixture f;
  f.connect();
  f.subscribe();
  const std::string large = f.message(std::string(150'000, 'x') + "end");
  for (std::size_t at = 0; at < large.size(); at += 30'000) f.send(large.substr(at, 30'000));
  f.send(f.message("after"));
  const std::string expected = large + f.message("after");
  CHECK(f.peer.receive(expected.size()) == expected);
}

TEST_CASE("what is fed twice in one call keeps its order") {
  HostStreamFixture f;
  f.connect();
  f.subscribe();
  f.gateway.on_data = [&](Gateway::Carried& from, std::string_view bytes) {
    const std::string_view all = Gateway::decode(from, bytes);
    CHECK(f.gateway.feed(from, all.substr(0, 5)) == KEEL_OK);
    CHECK(f.gateway.feed(from, all.substr(5, 6)) == KEEL_OK);
    CHECK(f.gateway.feed(from, std::string(all.substr(11))) == KEEL_OK);
    return bytes.size();
  };
  const std::string train = f.message("one") + f.message("two") + f.message("three");
  f.send(train);
  CHECK(f.peer.receive(train.size()) == train);
}

TEST_CASE("what is fed before the stream is closed is taken") {
  HostStreamFixture f;
  f.connect();
  MqttClient other(f.host);
  other.connect({.id = "other"});
  other.subscribe({.filter = "t"});
  f.gateway.on_data = [&](Gateway::Carried& from, std::string_view bytes) {
    CHECK(f.gateway.feed(from, Gateway::decode(from, bytes)) == KEEL_OK);
    CHECK(streams().close(f.gateway.slot.host(), from.stream) == KEEL_OK);
    CHECK(f.gateway.feed(from, "x") == KEEL_E_STALE);
    return bytes.size();
  };
  f.send(f.message("last words"));
  CHECK(other.expect(PacketType::publish).payload == "last words");
}

TEST_CASE("bytes fed and not consumed are the connection's still") {
  HostStreamFixture f;
  f.connect();
  f.subscribe();
  const std::string first = f.message("first"), second = f.message("second");
  bool fed = false;
  f.gateway.on_data = [&](Gateway::Carried& from, std::string_view bytes) -> std::size_t {
    // As they are: nothing may be overwritten of what is shown again.
    if (!fed) {
      fed = true;
      CHECK(f.gateway.feed(from, bytes.substr(0, first.size())) == KEEL_OK);
      return 3;
    }
    CHECK(std::string(bytes.substr(0, first.size() - 3)) == first.substr(3));
    CHECK(f.gateway.feed(from, bytes.substr(first.size() - 3)) == KEEL_OK);
    return bytes.size();
  };
  REQUIRE(f.peer.send(first));
  CHECK(f.peer.receive(first.size()) == first);
  REQUIRE(f.peer.send(second));
  CHECK(f.peer.receive(second.size()) == second);
}

TEST_CASE("an exception after feeding: what was fed counts") {
  HostStreamFixture f;
  f.connect();
  MqttClient other(f.host);
  other.connect({.id = "other"});
  other.subscribe({.filter = "t"});
  f.gateway.on_data = [&](Gateway::Carried& from, std::string_view bytes) -> std::size_t {
    CHECK(f.gateway.feed(from, Gateway::decode(from, bytes)) == KEEL_OK);
    f.gateway.inside = false;
    throw std::runtime_error("broken");
  };
  f.send(f.message("before"));
  CHECK(other.expect(PacketType::publish).payload == "before");
  CHECK(f.peer.at_end());
}

TEST_CASE("large output is passed on unchanged, between what the plugin adds") {
  HostStreamFixture f;
  f.connect();
  f.subscribe();
  f.gateway.on_output = [&](Gateway::Carried& to, const keel_str* pieces, std::uint32_t n) {
    std::vector<keel_str> all{str("<")};
    all.insert(all.end(), pieces, pieces + n);
    all.push_back(str(">"));
    CHECK(tables::tcp.write(f.gateway.slot.host(), to.conn, all.data(),
                            static_cast<std::uint32_t>(all.size())) == KEEL_OK);
    // Once more: what was kept is there as long as it is shown.
    CHECK(tables::tcp.write(f.gateway.slot.host(), to.conn, pieces, n) == KEEL_OK);
  };
  std::string train;
  for (const std::size_t size : {10u, 1000u, 3000u, 9000u, 100u, 5000u, 20'000u})
    train += f.message(std::string(size, 'x'));
  f.send(train);
  const std::string got = f.peer.receive(2 * train.size() + 2);
  CHECK(got == "<" + train + ">" + train);
}

TEST_CASE("a connection that is aborted from within output") {
  HostStreamFixture f;
  f.connect();
  f.subscribe();
  std::string shown;
  f.gateway.on_output = [&](Gateway::Carried& to, const keel_str* pieces, std::uint32_t n) {
    CHECK(tables::tcp.write(f.gateway.slot.host(), to.conn, pieces, n) == KEEL_OK);
    CHECK(tables::tcp.close(f.gateway.slot.host(), to.conn) == KEEL_OK);
    for (std::uint32_t i = 0; i < n; ++i) shown += view(pieces[i]);
  };
  const std::string large = f.message(std::string(50'000, 'x'));
  f.send(large);
  CHECK(f.peer.at_end());
  REQUIRE(f.host.eventually([&] { return f.gateway.tcp.closed == 1; }));
  CHECK(shown == large);
}

TEST_CASE("a client that reads late gets what was kept for it") {
  HostStreamFixture f;
  f.connect();
  f.subscribe();
  std::string train;
  for (int i = 0; i < 300; ++i)
    train += f.message(std::string(10'000, static_cast<char>('a' + i % 26)));
  for (std::size_t at = 0; at < train.size(); at += 60'000) f.send(train.substr(at, 60'000));
  f.host.turns();
  CHECK(f.peer.receive(train.size()) == train);
}

}  // namespace
}  // namespace keel::test
