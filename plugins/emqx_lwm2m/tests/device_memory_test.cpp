// What a registered device costs: octets while it is idle, and the allocations of what is frequent.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/device/counters.hpp"
#include "emqx_lwm2m/device/device.hpp"
#include "gateway_tests/heap.hpp"

namespace {

using heap::allocations, heap::octets;

using namespace lwm2m;

// Takes everything, keeps nothing.
class Nowhere final : public DeviceOutside {
 public:
  std::int64_t now_ms() const override { return now; }
  double unix_s() const override { return 1.7e9; }
  std::uint32_t random() override { return number += 0x9e3779b9; }
  void send(std::string_view datagram) override { last_size = datagram.copy(last, sizeof last); }
  void wake_at(std::int64_t) override { ++orders; }
  void publish(Topic, std::string) override { ++published; }
  void answered(std::uint32_t, std::string) override {}
  void changed() override {}
  void over() override {}

  std::int64_t now = 1'000'000;
  std::uint32_t number = 0;
  int published = 0, orders = 0;
  char last[256] = {};
  std::size_t last_size = 0;
};

// Of a newcomer: answers the Register.
class Door final : public coap::Outside {
 public:
  std::int64_t now_ms() const override { return 1'000'000; }
  std::uint32_t random() override { return 1; }
  void send(std::string_view) override {}
  void wake_at(std::int64_t) override {}
  void responded(coap::RequestId, const coap::Response&) override {}
  void failed(coap::RequestId, coap::Failure) override {}
  void notified(const coap::Response&) override {}
  std::optional<coap::Request> observed(std::string_view) override { return {}; }
  void requested(const coap::Incoming& request) override {
    coap::Reply reply;
    reply.code = coap::kCreated;
    reply.location = {"rd", "aB3dE5gH7j"};
    peer->reply(request.ticket, reply);
  }

  coap::Peer* peer = nullptr;
};

struct One {
  Nowhere outside;
  DeviceCounters counters;
  coap::Counters coap_counters;
  std::shared_ptr<DeviceSettings> settings = std::make_shared<DeviceSettings>();
  std::unique_ptr<Device> device;

  One() {
    settings->coap = std::make_shared<const coap::PeerSettings>();
    settings->definitions = std::make_shared<const Definitions>();
  }
  void begin() {
    Door door;
    auto peer = std::make_unique<coap::Peer>(door, settings->coap, coap_counters);
    door.peer = peer.get();
    peer->on_datagram(message(coap::Type::con, coap::kPost, 1, {"rd"}));
    Registration registration;
    registration.endpoint = "urn:imei:352456010000001";
    registration.version = "1.1";
    registration.binding = "U";
    registration.formats = {110};
    registration.objects = {"/1/0", "/3/0", "/4/0", "/5/0", "/6/0", "/7/0", "/3303/0", "/3304/0"};
    registration.versions = {{3, "1.1"}};
    device = std::make_unique<Device>(outside, settings, counters, std::move(peer), registration,
                                      "aB3dE5gH7j");
  }
  static std::string message(coap::Type type, coap::Code code, std::uint16_t id,
                             std::initializer_list<std::string_view> path) {
    std::string out;
    coap::Writer to(out, type, code, id, "tokn");
    for (const std::string_view segment : path) to.option(coap::option::kUriPath, segment);
    return out;
  }
};

TEST_CASE("a device that is idle") {
  One one;
  const std::ptrdiff_t before = octets;
  one.begin();
  const std::ptrdiff_t used = octets - before;
  one.outside.now += 300'000;
  one.device->on_time();
  const std::ptrdiff_t later = octets - before;
  MESSAGE("octets of an idle device: ", used, ", later ", later);
  CHECK(used <= 1024);
  CHECK(later <= used);
}

TEST_CASE("Updates") {
  One one;
  one.begin();
  const std::ptrdiff_t before = octets;
  const int orders = one.outside.orders;
  std::size_t most = 0;
  for (std::uint16_t id = 2; id < 500; ++id) {
    one.outside.now += 250'000;  // what is remembered of one has expired before the next
    one.device->on_time();
    const std::string update = One::message(coap::Type::con, coap::kPost, id, {"rd", "aB3dE5gH7j"});
    const std::size_t first = allocations;
    one.device->on_datagram(update);
    most = std::max(most, allocations - first);
  }
  CHECK(one.counters.updates == 498);
  CHECK(one.outside.published == 499);
  const std::ptrdiff_t more = octets - before;
  MESSAGE("allocations of an Update: ", most);
  CHECK(most <= 20);
  CHECK(more <= 256);  // the last reply, for duplicates
  CHECK(one.outside.orders - orders <= 2 * 498);
}

TEST_CASE("what has been done leaves nothing behind") {
  One one;
  one.begin();
  const auto read = [&](int i) {
    for (int n = 0; n < 10; ++n)
      one.device->command({}, R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/9"}})", {});
    for (int n = 0; n < 10; ++n) {
      coap::Message asked;
      REQUIRE(coap::parse({one.outside.last, one.outside.last_size}, asked) == coap::Parsed::ok);
      std::string answer;
      coap::Writer to(answer, coap::Type::ack, coap::kContent, asked.id, asked.token);
      to.payload(std::to_string(i));
      one.device->on_datagram(answer);
    }
    REQUIRE(one.device->waiting() == 0);
  };
  one.outside.now += 300'000;
  read(0);
  const std::ptrdiff_t before = octets;
  for (int i = 1; i < 100; ++i) {
    one.outside.now += 1'000;
    read(i);
  }
  CHECK(one.counters.answered == 1'000);
  CHECK(octets - before <= 512);
}

}  // namespace
