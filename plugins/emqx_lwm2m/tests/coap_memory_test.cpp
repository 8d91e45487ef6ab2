// What a peer costs: octets while nothing is under way, and the allocations of what is frequent.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/coap/peer.hpp"
#include "emqx_lwm2m/tests/coap_text.hpp"
#include "gateway_tests/heap.hpp"

namespace {

using heap::allocations, heap::octets;

using coap_test::encode, coap_test::Tokens;

// Takes everything, keeps nothing, answers at once.
class Nowhere : public coap::Outside {
 public:
  std::int64_t now_ms() const override { return now; }
  std::uint32_t random() override { return number += 0x9e3779b9; }
  void send(std::string_view datagram) override {
    ++sent;
    datagram.copy(last, sizeof last);
  }
  void wake_at(std::int64_t when) override { timer = when; }
  void responded(coap::RequestId, const coap::Response&) override {}
  void failed(coap::RequestId, coap::Failure) override {}
  void notified(const coap::Response&) override { ++notifications; }
  std::optional<coap::Request> observed(std::string_view) override { return {}; }
  void requested(const coap::Incoming& request) override {
    coap::Reply reply;
    reply.code = coap::kChanged;
    peer->reply(request.ticket, reply);
  }

  coap::Peer* peer = nullptr;
  std::int64_t now = 1'000'000, timer = 0;
  std::uint32_t number = 0;
  std::size_t sent = 0, notifications = 0;
  char last[64] = {};
};

struct One {
  One() { outside.peer = &peer; }

  Nowhere outside;
  coap::Counters counters;
  std::shared_ptr<const coap::PeerSettings> settings = std::make_shared<coap::PeerSettings>();
  coap::Peer peer{outside, settings, counters};
};

std::string update(int id) {
  return encode("CON POST #" + std::to_string(id) + " x0102 /rd /5a3f8899", Tokens(false));
}

TEST_CASE("a peer with nothing under way") {
  const std::ptrdiff_t before = octets;
  One one;
  const std::ptrdiff_t settings = static_cast<std::ptrdiff_t>(sizeof(coap::PeerSettings)) + 32;
  CHECK(octets - before - settings <= 250);
}

TEST_CASE("what was remembered, watched or under way leaves nothing") {
  One one;
  const std::ptrdiff_t idle = octets;
  for (int i = 0; i < 100; ++i) one.peer.on_datagram(update(i));
  CHECK(octets > idle);
  CHECK(octets - idle < 16'000);
  one.outside.now = one.outside.timer;
  one.peer.on_time();
  CHECK(octets == idle);

  one.peer.on_datagram(encode("CON POST #1 /rd b1=0+/16 'aaaaaaaaaaaaaaaa", Tokens(false)));
  one.peer.watch("\x01\x02", 1);
  coap::Request what;
  what.path = {"3", "0"};
  const coap::RequestId id = one.peer.request(what);
  one.peer.request(what);
  CHECK(octets > idle);
  one.peer.cancel(id);
  one.peer.cancel(id + 1);
  one.peer.unwatch("\x01\x02");
  one.outside.now += 247'000;
  one.peer.on_time();
  CHECK(octets - idle <= static_cast<std::ptrdiff_t>(sizeof(what) + 64));  // `what` itself
}

TEST_CASE("one Update that is remembered") {
  One one;
  const std::ptrdiff_t idle = octets;
  const std::string datagram = update(7);
  const std::ptrdiff_t datagram_octets = octets - idle;
  const std::size_t before = allocations;
  one.peer.on_datagram(datagram);
  CHECK(allocations - before <= 2);  // the path, and what is remembered
  CHECK(octets - idle - datagram_octets <= 64);
}

TEST_CASE("notifications without allocation") {
  One one;
  one.peer.watch("\x01\x02", 0);
  std::string con = encode("CON 2.05 #1 x0102 obs=1 'value", Tokens(false)), non = con;
  non[0] = static_cast<char>(non[0] | 0x10);
  const std::size_t before = allocations;
  for (int i = 1; i <= 100; ++i) {
    for (std::string* each : {&con, &non}) {
      (*each)[7] = static_cast<char>(i);
      one.peer.on_datagram(*each);
    }
  }
  CHECK(allocations == before);
  CHECK(one.outside.notifications == 100);
  CHECK(one.outside.sent == 100);
}

}  // namespace
