#include "kernel/net/udp_socket.hpp"

#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <set>

#include "udp_rig.hpp"

using namespace keel::test;

namespace {

// Sends everything back, and can be told otherwise.
struct UdpEcho final : DatagramHandler {
  void on_datagrams(std::span<const Datagram> datagrams) override {
    largest_batch = std::max(largest_batch, datagrams.size());
    ++batches;
    for (const Datagram& datagram : datagrams) {
      local = datagram.local;
      peer = datagram.peer;
      seen.emplace_back(datagram.bytes);
      if (answer) outcome = socket->send(datagram.peer, datagram.bytes);
    }
    if (then) then();
  }
  UdpSocket* socket = nullptr;
  std::function<void()> then;
  bool answer = true;
  std::vector<std::string> seen;
  std::size_t largest_batch = 0, batches = 0;
  Endpoint local, peer;
  SendOutcome outcome = SendOutcome::failed;
};

// A socket on shard 0 with its handler.
struct Bound {
  explicit Bound(Rig& rig_, const BindAddress& address, UdpSocket::Options options = {})
      : rig(rig_) {
    options.address = address;
    socket = std::make_unique<UdpSocket>(rig.shards.shard(0), opened(address), echo, options);
    echo.socket = socket.get();
  }
  ~Bound() {
    rig.on([this] { socket.reset(); });
  }
  void open() {
    rig.on([this] { CHECK(socket->open()); });
  }
  Endpoint server(std::string_view host = "127.0.0.1") const {
    return at(host, socket->local().endpoint.port);
  }
  std::size_t seen() {
    std::size_t n = 0;
    rig.on([&] { n = echo.seen.size(); });
    return n;
  }
  Rig& rig;
  UdpEcho echo;
  std::unique_ptr<UdpSocket> socket;
};

}  // namespace

TEST_CASE("UDP: echo over IPv4 and IPv6, from empty to the largest datagram") {
  Rig rig;
  struct Case {
    const char* host;
    std::size_t largest;
  };
  for (const Case& c : {Case{"127.0.0.1", 65'507}, Case{"::1", 65'527}}) {
    CAPTURE(c.host);
    const auto probe = open_udp_socket(bind_to(c.host), {});
    if (!probe) continue;  // a machine without IPv6
    ::close(*probe);
    Bound bound(rig, bind_to(c.host));
    bound.open();
    const Peer peer(bound.server(c.host));
    for (const std::size_t size : {std::size_t{1}, std::size_t{0}, std::size_t{1'232}, c.largest}) {
      const std::string text(size, 'x');
      peer.send(text);
      CHECK(peer.receive() == text);
    }
    rig.on([] {});  // what was sent is counted now
    CHECK(bound.echo.peer == peer.local());
    CHECK(bound.echo.local == bound.server(c.host));
    CHECK(bound.socket->stats().datagrams_in.get() == 4);
    CHECK(bound.socket->stats().datagrams_out.get() == 4);
    CHECK(bound.socket->stats().bytes_in.get() == 1'233 + c.largest);
    CHECK(bound.socket->stats().bytes_out.get() == 1'233 + c.largest);
  }
}

TEST_CASE("UDP: answers leave from the address that was asked") {
  Rig rig;
  for (const char* wildcard : {"0.0.0.0", "::"}) {
    CAPTURE(wildcard);
    const auto probe = open_udp_socket(bind_to(wildcard), {});
    if (!probe) continue;
    ::close(*probe);
    Bound bound(rig, bind_to(wildcard));
    bound.open();
    for (const char* host : {"127.0.0.2", "127.0.0.1", "127.1.2.3"}) {
      const Peer peer(bound.server(host));  // hears its server only
      peer.send("hello");
      CHECK(peer.receive() == "hello");
      CHECK(bound.echo.local == bound.server(host));
      // Later, and when told explicitly.
      rig.on([&] {
        CHECK(bound.socket->send(peer.local(), "later") == SendOutcome::sent);
        const Endpoint from = bound.server(host);
        CHECK(bound.socket->send(peer.local(), "told", &from) == SendOutcome::sent);
        const Endpoint foreign = at("198.51.100.1", 1);  // not ours: the system's choice
        CHECK(bound.socket->send(peer.local(), "foreign", &foreign) == SendOutcome::sent);
      });
      CHECK(peer.receive() == "later");
      CHECK(peer.receive() == "told");
    }
  }
}

TEST_CASE("UDP: a datagram is made of pieces; what cannot be sent says why") {
  Rig rig;
  Bound bound(rig, bind_to("127.0.0.1"));
  const Peer peer(bound.server());
  rig.on([&] {
    char a[] = "one ", b[] = "two";
    const iovec pieces[] = {{a, 4}, {nullptr, 0}, {b, 3}};
    CHECK(bound.socket->send(peer.local(), pieces, 3) == SendOutcome::sent);
    CHECK(bound.socket->send(peer.local(), std::string(65'508, 'x')) == SendOutcome::too_large);
    CHECK(bound.socket->send(at("::1", 9), "x") == SendOutcome::failed);
    CHECK(bound.socket->send(Endpoint{}, "x") == SendOutcome::failed);
    CHECK(bound.socket->send(at("127.0.0.1", 0), "x") == SendOutcome::failed);
    CHECK(bound.socket->stats().dropped_out.get() == 4);
    bound.socket->close();
    CHECK(bound.socket->send(peer.local(), "x") == SendOutcome::failed);
    CHECK_FALSE(bound.socket->open());
  });
  CHECK(peer.receive() == "one two");
}

TEST_CASE("UDP: larger than the owner wants: dropped and counted") {
  Rig rig;
  Bound bound(rig, bind_to("127.0.0.1"), {.address = {}, .max_datagram = 100});
  bound.open();
  const Peer peer(bound.server());
  peer.send(std::string(101, 'x'));
  peer.send(std::string(100, 'y'));
  CHECK(peer.receive() == std::string(100, 'y'));
  CHECK(bound.socket->stats().dropped_in.get() == 1);
  CHECK(bound.socket->stats().datagrams_in.get() == 1);
}

TEST_CASE("UDP: a flood comes in batches, and other sockets have their turn") {
  Rig rig;
  Bound flooded(rig, bind_to("127.0.0.1")), other(rig, bind_to("127.0.0.1"));
  flooded.echo.answer = false;
  std::size_t flooded_before_other = 0;
  other.echo.then = [&] { flooded_before_other = flooded.echo.seen.size(); };
  const Peer peer(flooded.server()), patient(other.server());
  for (int i = 0; i < 200; ++i) peer.send(std::to_string(i));
  patient.send("me too");
  rig.on([&] {  // both become readable in one turn, the flooded one first
    flooded.socket->open();
    other.socket->open();
  });
  CHECK(patient.receive() == "me too");
  CHECK(rig.eventually([&] { return flooded.echo.seen.size() == 200; }));
  CHECK(flooded.echo.largest_batch == UdpSocket::kBatch);
  CHECK(flooded_before_other <= UdpSocket::kBatch * UdpSocket::kBatchesPerEvent);
  for (std::size_t i = 0; i < 200; ++i) REQUIRE(flooded.echo.seen[i] == std::to_string(i));
}

TEST_CASE("UDP: paused and given another handler, nothing is lost") {
  Rig rig;
  Bound bound(rig, bind_to("127.0.0.1"));
  UdpEcho second;
  second.socket = bound.socket.get();
  bound.open();
  const Peer peer(bound.server());
  peer.send("first");
  CHECK(peer.receive() == "first");
  for (int round = 0; round < 50; ++round) {
    rig.on([&] { bound.socket->pause(); });
    for (int i = 0; i < 20; ++i) peer.send(std::to_string(round * 20 + i));
    rig.on([&] {
      bound.socket->set_handler(round % 2 == 0 ? second : bound.echo);
      CHECK(bound.socket->resume());
    });
    for (int i = 0; i < 20; ++i) REQUIRE(peer.receive() == std::to_string(round * 20 + i));
  }
  CHECK(second.seen.size() == 500);
  CHECK(bound.echo.seen.size() == 501);
}

TEST_CASE("UDP: the handler may pause, close and destroy the socket while it is called") {
  Rig rig;
  SUBCASE("pause") {
    Bound bound(rig, bind_to("127.0.0.1"));
    bound.echo.then = [&] { bound.socket->pause(); };
    const Peer peer(bound.server());
    for (int i = 0; i < 40; ++i) peer.send("x");
    bound.open();
    CHECK(rig.eventually([&] { return !bound.echo.seen.empty(); }));
    CHECK(bound.seen() == UdpSocket::kBatch);  // one batch, the rest waits
    bound.open();
    CHECK(rig.eventually([&] { return bound.echo.seen.size() == 40; }));
  }
  SUBCASE("pause and resume at once") {
    Bound bound(rig, bind_to("127.0.0.1"));
    bound.echo.then = [&] {
      bound.socket->pause();
      bound.socket->resume();
    };
    const Peer peer(bound.server());
    for (int i = 0; i < 40; ++i) peer.send("x");
    bound.open();
    CHECK(rig.eventually([&] { return bound.echo.seen.size() == 40; }));
  }
  SUBCASE("close") {
    Bound bound(rig, bind_to("127.0.0.1"));
    bound.echo.then = [&] { bound.socket->close(); };
    const Peer peer(bound.server());
    for (int i = 0; i < 40; ++i) peer.send("x");
    bound.open();
    CHECK(rig.eventually([&] { return bound.socket->closed(); }));
    CHECK(bound.seen() == UdpSocket::kBatch);
  }
  SUBCASE("destroy") {
    Bound bound(rig, bind_to("127.0.0.1"));
    std::atomic<bool> done{false};
    bound.echo.then = [&] {
      bound.socket.reset();
      done = true;
    };
    const Peer peer(bound.server());
    for (int i = 0; i < 40; ++i) peer.send("x");
    bound.open();
    CHECK(rig.eventually([&] { return done.load(); }));
  }
}

TEST_CASE("UDP: answers nobody listens for (ICMP) do not stop a socket") {
  Rig rig;
  Bound bound(rig, bind_to("127.0.0.1"));
  bound.open();
  // Reports errors while receiving, as some systems do anyway.
  rig.on([&] {
    const int fd = opened(bind_to("127.0.0.1"));
    const Endpoint nobody = bound_address(fd, bind_to("127.0.0.1")).endpoint;
    ::close(fd);
    for (int i = 0; i < 10; ++i) bound.socket->send(nobody, "anybody?");
  });
  const Peer peer(bound.server());
  peer.send("still there?");
  CHECK(peer.receive() == "still there?");
}

TEST_CASE("UDP: sockets of several shards share one port, and a peer meets the same one") {
  Rig rig(2);
  const auto fds = open_udp_sockets(bind_to("127.0.0.1"), {}, 2);
  REQUIRE(fds);
  const BindAddress bound = bound_address((*fds)[0], bind_to("127.0.0.1"));
  // Somebody else is kept out, also with reuse_port.
  const auto second = open_udp_sockets(bound, {}, 2);
  REQUIRE_FALSE(second);
  CHECK(second.error().find("something else is bound there") != std::string::npos);
  CHECK_FALSE(open_udp_socket(bound, {}));

  UdpEcho echoes[2];
  std::unique_ptr<UdpSocket> sockets[2];
  for (std::uint32_t i = 0; i < 2; ++i) {
    sockets[i] = std::make_unique<UdpSocket>(rig.shards.shard(i), (*fds)[i], echoes[i],
                                             UdpSocket::Options{.address = bound});
    echoes[i].socket = sockets[i].get();
    CHECK(sockets[i]->local() == bound);
    rig.on(i, [&] { CHECK(sockets[i]->open()); });
  }
  for (int p = 0; p < 40; ++p) {
    const Peer peer(bound.endpoint);
    for (int i = 0; i < 5; ++i) {
      peer.send(std::to_string(p));
      REQUIRE(peer.receive() == std::to_string(p));
    }
  }
  for (std::uint32_t i = 0; i < 2; ++i) rig.on(i, [&] { sockets[i].reset(); });
  std::set<std::string> first(echoes[0].seen.begin(), echoes[0].seen.end());
  CHECK(echoes[0].seen.size() + echoes[1].seen.size() == 200);
  CHECK(echoes[1].seen.size() > 0);
  CHECK(first.size() > 0);
  for (const std::string& text : echoes[1].seen) CHECK(first.count(text) == 0);
}

TEST_CASE("UDP: what cannot be bound says why and what to do") {
  const int fd = opened(bind_to("127.0.0.1"));
  const BindAddress taken = bound_address(fd, bind_to("127.0.0.1"));
  struct Case {
    BindAddress address;
    const char* expect;
  };
  BindAddress unix_socket;
  unix_socket.unix_path = "/tmp/x.sock";
  for (const Case& c : {Case{taken, "something else is bound there"},
                        Case{bind_to("198.51.100.1"), "no interface of this machine"},
                        Case{unix_socket, "not an IP address"}, Case{{}, "not an IP address"}}) {
    const auto got = open_udp_socket(c.address, {});
    REQUIRE_FALSE(got);
    CHECK_MESSAGE(got.error().find(c.expect) != std::string::npos, got.error());
  }
  ::close(fd);
  // A buffer the system does not grant is no failure.
  ::close(opened(bind_to("127.0.0.1"), {.broadcast = true, .rcvbuf = 1u << 31, .sndbuf = 4096}));
}

TEST_CASE("UDP: groups") {
  Rig rig;
  Bound bound(rig, bind_to("0.0.0.0"));
  bound.open();
  const std::uint32_t lo = ::if_nametoindex("lo");
  const Endpoint group = at("239.1.2.3", 0);
  rig.on([&] {
    const auto joined = bound.socket->join(group, lo);
    REQUIRE(joined);
    CHECK(*joined);
    const auto again = bound.socket->join(group, lo);
    REQUIRE(again);
    CHECK_FALSE(*again);
    const auto no_group = bound.socket->join(at("10.0.0.1", 0), 0);
    REQUIRE_FALSE(no_group);
    CHECK(no_group.error().find("no multicast address") != std::string::npos);
    CHECK_FALSE(bound.socket->join(group, 99'999));
    CHECK_FALSE(bound.socket->leave(at("239.1.2.4", 0), lo));
    CHECK(bound.socket->set_multicast_hops(3));
    CHECK(bound.socket->set_multicast_interface(lo));
    CHECK(bound.socket->set_multicast_loop(true));
    CHECK_FALSE(bound.socket->set_multicast_interface(99'999));
  });
  // To the group by way of the loopback interface, unconnected: the answer comes from our address.
  const int fd = opened(bind_to("127.0.0.1"));
  const ip_mreqn interface {
    .imr_multiaddr = {}, .imr_address = {}, .imr_ifindex = static_cast<int>(lo)
  };
  REQUIRE(::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface) == 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(bound.socket->local().endpoint.port);
  std::memcpy(&to.sin_addr, group.bytes.data(), 4);
  REQUIRE(::sendto(fd, "search", 6, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) == 6);
  CHECK(rig.eventually([&] { return bound.echo.seen.size() == 1; }));
  CHECK(bound.echo.local.host() == "239.1.2.3");
  CHECK(bound.echo.outcome == SendOutcome::sent);
  rig.on([&] { CHECK(bound.socket->leave(group, lo)); });
  ::close(fd);
}

TEST_CASE("UDP: a full socket says so and goes on later") {
  Rig rig;
  const int fd = opened(bind_to("127.0.0.1"), {.sndbuf = 1});
  UdpEcho echo;
  UdpSocket socket(rig.shards.shard(0), fd, echo, {.address = bind_to("127.0.0.1")});
  // The peer's buffer takes what is sent on loopback at once, so a full one is rare here; whatever
  // is said must be counted.
  rig.on([&] {
    const std::string large(60'000, 'x');
    std::uint64_t sent = 0, lost = 0;
    for (int i = 0; i < 1'000; ++i) {
      const SendOutcome outcome = socket.send(at("127.0.0.1", 9), large);
      ++(outcome == SendOutcome::sent ? sent : lost);
    }
    CHECK(socket.stats().datagrams_out.get() == sent);
    CHECK(socket.stats().dropped_out.get() == lost);
    socket.close();
  });
}
