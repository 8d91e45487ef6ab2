// What a client costs: octets while it is idle, and no allocation for what is most frequent.
#include <doctest/doctest.h>

#include "emqx_sn/tests/machine.hpp"
#include "gateway_tests/heap.hpp"

namespace {

using heap::allocations, heap::octets;

// Takes everything, keeps nothing.
class Nowhere : public sn::Outside {
 public:
  std::int64_t now_ms() const override { return 1'000'000; }
  void send(const sn::Head&, std::string_view) override { ++sent; }
  void wake_at(std::int64_t) override {}
  void open(bool, std::uint16_t, const sn::WillView*) override {}
  bool publish(std::string_view, std::string_view, std::uint8_t, bool,
               std::uint64_t number) override {
    token = number;
    return true;
  }
  bool subscribe(std::string_view, std::uint8_t, std::uint64_t) override { return true; }
  bool unsubscribe(std::string_view, std::uint64_t) override { return true; }
  bool set_will(const sn::WillView*, std::uint64_t) override { return true; }
  void received(std::uint32_t) override {}
  void ack(std::uint32_t, std::uint8_t) override {}
  void suspend() override {}
  void resume() override {}
  void poll() override {}
  void close(std::uint8_t) override {}
  void forget() override {}

  std::size_t sent = 0;
  std::uint64_t token = 0;
};

struct One {
  Nowhere outside;
  sn::Counters counters;
  std::shared_ptr<const sn::ClientSettings> settings = std::make_shared<sn::ClientSettings>();
  std::unique_ptr<sn::Client> client;

  void take(const std::string& datagram) {
    sn::Packet packet;
    REQUIRE(sn::decode(datagram, packet));
    client->on_packet(packet);
  }
  void connect() {
    const std::string connect = sn_test::hex("08 04 04 01 00 3C 63 31"),
                      reg = sn_test::hex("12 0A 00 00 00 01 73 65 6E 73 6F 72 2F 31 2F 74 65 6D");
    client = std::make_unique<sn::Client>(outside, settings, counters, "sensor-00000001");
    take(connect);
    client->on_opened(0, false);
    take(reg);
  }
};

TEST_CASE("a client that is idle and has registered a topic") {
  One one;
  const std::ptrdiff_t before = octets;
  one.connect();
  const std::ptrdiff_t used = octets - before;
  CAPTURE(sizeof(sn::Client));
  CHECK(used <= 400);
}

TEST_CASE("QoS 0 and 1 by a known id, both ways for QoS 0, without allocation") {
  One one;
  one.connect();
  const std::string qos0 = sn_test::hex("09 0C 00 01 00 00 00 68 69"),
                    qos1 = sn_test::hex("09 0C 20 01 00 00 02 68 69");
  one.take(qos0);
  const std::size_t before = allocations, sent = one.outside.sent;
  for (int i = 0; i < 100; ++i) {
    one.take(qos0);
    one.take(qos1);
    one.client->on_published(one.outside.token, 0);
    one.client->on_delivery({0, "sensor/1/tem", "hi", 0, false, false});
  }
  CHECK(allocations == before);
  CHECK(one.outside.sent == sent + 200);
}

}  // namespace
