// The machine of a registered LwM2M device between a device and clients that do what the input
// says: datagrams that fit and that do not, commands, Updates, time, restarts. Each command must
// have one final answer, and what is kept must stay within its bounds.
#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "check.hpp"
#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/device/counters.hpp"
#include "emqx_lwm2m/device/device.hpp"
#include "emqx_lwm2m/device/saved.hpp"
#include "input.hpp"

namespace {

using namespace lwm2m;

constexpr std::string_view kMark = R"("reqID":"fuzz-)";

using keel::fuzz::Input;

// The gateway, as far as a device sees it.
class World final : public DeviceOutside {
 public:
  std::int64_t now = 1'000'000, timer = 0;
  std::uint32_t seed = 1;
  std::string last_request;
  std::set<int> open;  // commands without a final answer
  bool gone = false, silent = false;

  std::int64_t now_ms() const override { return now; }
  double unix_s() const override { return 1.7e9 + static_cast<double>(now) / 1000; }
  std::uint32_t random() override { return seed = seed * 1664525 + 1013904223; }
  void send(std::string_view datagram) override {
    FUZZ_CHECK(!silent);
    coap::Message message;
    FUZZ_CHECK(coap::parse(datagram, message) == coap::Parsed::ok);
    if (message.is_request()) last_request = datagram;
  }
  void wake_at(std::int64_t when) override { timer = when; }
  void publish(Topic topic, std::string payload) override {
    FUZZ_CHECK(!silent && !gone && !payload.empty());
    if (topic != Topic::response && topic != Topic::v3_response) return;
    const auto is = [&](std::string_view type) {
      return payload.find(R"("msgType":")" + std::string(type)) != payload.npos;
    };
    const std::size_t at = payload.find(kMark);
    if (at == payload.npos || is("ack") || is("progress")) return;
    FUZZ_CHECK(open.erase(std::atoi(payload.c_str() + at + kMark.size())) == 1);
  }
  void answered(std::uint32_t ticket, std::string) override {
    FUZZ_CHECK(open.erase(static_cast<int>(ticket)) == 1);
  }
  void changed() override {}
  void over() override { gone = true; }
};

class Nobody final : public coap::Outside {
 public:
  explicit Nobody(World& world) : world_(world) {}
  std::int64_t now_ms() const override { return world_.now; }
  std::uint32_t random() override { return world_.random(); }
  void send(std::string_view) override {}
  void wake_at(std::int64_t) override {}
  void responded(coap::RequestId, const coap::Response&) override {}
  void failed(coap::RequestId, coap::Failure) override {}
  void notified(const coap::Response&) override {}
  std::optional<coap::Request> observed(std::string_view) override { return std::nullopt; }
  void requested(const coap::Incoming&) override {}

 private:
  World& world_;
};

class Run {
 public:
  explicit Run(Input in) : in_(in) {
    const std::uint8_t bits = in_.octet();
    settings_->queue_max = 4;
    settings_->max_observations = 3;
    settings_->queue_ttl_s = 300;
    settings_->refresh_on_any = bits & 1;
    settings_->auto_observe = bits & 2;
    settings_->observe_restore = bits & 4;
    settings_->requeue_on_timeout = bits & 8;
    settings_->definitions = std::make_shared<Definitions>();
    auto coap = std::make_shared<coap::PeerSettings>();
    coap->max_body_size = coap->max_assembly = 4096;
    coap->block_size = 64;
    settings_->coap = coap;
    registration_.endpoint = "ep";
    registration_.lifetime_s = 600;
    registration_.objects = {"/1/0", "/3/0", "/3303/0"};
    registration_.queue_flag = bits & 16;
    registration_.version = bits & 32 ? "1.1" : "1.0";
    if (bits & 64) registration_.alternate_path = "/a/b";
    device_ = std::make_unique<Device>(world_, settings_, counters_, peer(), registration_, "loc");
  }

  void run() {
    for (int steps = 0; in_.more() && !world_.gone && steps < 500; ++steps) {
      step();
      check();
    }
    device_->end(Refusal::shutdown, std::nullopt);
    FUZZ_CHECK(world_.open.empty());
    FUZZ_CHECK(device_->waiting() == 0 && world_.timer == 0);
  }

 private:
  std::unique_ptr<coap::Peer> peer() {
    return std::make_unique<coap::Peer>(nobody_, settings_->coap, coap_counters_);
  }

  void step() {
    switch (in_.octet() % 16) {
      case 0:
      case 1:
        return device_->on_datagram(std::string(in_.take(in_.octet())));
      case 2:
      case 3:
      case 4:
      case 5:
        return respond();
      case 6:
        return empty();
      case 7:
        return notify();
      case 8:
      case 9:
      case 10:
        return command();
      case 11:
        return raw_command();
      case 12:
        return update();
      case 13:
        return time();
      case 14:
        return restart();
      default:
        return again();
    }
  }

  // What follows the token of a response.
  void fill(coap::Writer& to) {
    static constexpr std::uint16_t kFormats[] = {0, 42, 110, 112, 11542, 11543, 40, 60, 9999};
    const std::uint8_t bits = in_.octet();
    if (bits & 1) to.number(coap::option::kObserve, in_.octet());
    if (bits & 2) to.number(coap::option::kContentFormat, in_.pick(kFormats));
    if (bits & 4) to.number(coap::option::kBlock2, in_.octet());
    if (bits & 8) to.number(coap::option::kBlock1, in_.octet());
    to.payload(in_.take(bits >> 4 == 15 ? 64 : bits >> 4));
  }

  coap::Code code() {
    static constexpr coap::Code kCodes[] = {
        coap::kContent,       coap::kContent,           coap::kChanged,  coap::kCreated,
        coap::kDeleted,       coap::kContinue,          coap::kNotFound, coap::kTooLarge,
        coap::kNotAcceptable, coap::kUnsupportedFormat, coap::kValid,    coap::kIncomplete};
    return in_.pick(kCodes);
  }

  void respond() {
    coap::Message asked;
    if (world_.last_request.empty()) return;
    FUZZ_CHECK(coap::parse(world_.last_request, asked) == coap::Parsed::ok);
    const bool separate = in_.octet() & 1;
    std::string datagram;
    const std::uint16_t id = separate ? next_id_++ : asked.id;
    coap::Writer to(datagram, separate ? coap::Type::con : coap::Type::ack, code(), id,
                    asked.token);
    fill(to);
    device_->on_datagram(datagram);
  }

  void empty() {
    coap::Message asked;
    if (coap::parse(world_.last_request, asked) != coap::Parsed::ok) return;
    std::string datagram;
    coap::write_empty(datagram, in_.octet() & 1 ? coap::Type::ack : coap::Type::rst, asked.id);
    device_->on_datagram(datagram);
  }

  void notify() {
    std::string token;
    int which = in_.octet() % 3;
    device_->each_observation([&](const Device::ObservationView& view) {
      if (which-- == 0) token = view.token;
    });
    std::string datagram;
    coap::Writer to(datagram, in_.octet() & 1 ? coap::Type::con : coap::Type::non, code(),
                    next_id_++, token);
    fill(to);
    device_->on_datagram(datagram);
  }

  void submit(int id, std::string_view json) {
    static constexpr Channel kChannels[] = {Channel::documented, Channel::v3, Channel::operation};
    const Channel channel = in_.pick(kChannels);
    if (id == 0 && channel == Channel::operation) id = ++last_id_;
    if (id != 0) world_.open.insert(id);
    if (channel == Channel::operation) operations_.insert(id);
    std::optional<std::uint32_t> expiry;
    const std::uint8_t seconds = in_.octet();
    if (seconds & 1) expiry = seconds;
    device_->command({channel, static_cast<std::uint32_t>(id)}, json, expiry);
  }

  void command() {
    static constexpr std::string_view kKinds[] = {
        R"("read","data":{"path":"/3/0/9"})",
        R"("read","ttl":0,"data":{"path":"/3"})",
        R"("discover","data":{"path":"/3"})",
        R"("observe","data":{"path":"/3/0/9"})",
        R"("observe","data":{"path":"/3303"})",
        R"("observe","data":{"path":"/1/0"})",
        R"("cancel-observe","data":{"path":"/3/0/9"})",
        R"("execute","data":{"path":"/3/0/4","args":"0"})",
        R"("write","data":{"path":"/3/0/14","value":"x"})",
        R"("write","data":{"path":"/5/0/0","type":"Opaque","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
        R"(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})",
        R"("create","data":{"basePath":"/3303","content":[{"path":"1/5700","value":1.5}]})",
        R"("delete","data":{"path":"/3303/1"})",
        R"("read-composite","data":{"paths":["/3/0/9"]})",
        R"("write-attr","data":{"path":"/3","pmin":1})",
        R"("nonsense","data":{})",
    };
    const int id = ++last_id_;
    submit(id, "{" + std::string(kMark) + std::to_string(id) + R"(","msgType":)" +
                   std::string(in_.pick(kKinds)) + "}");
  }

  void raw_command() {
    const std::string json(in_.take(in_.octet()));
    if (json.find("fuzz-") == json.npos) submit(0, json);
  }

  void update() {
    std::string datagram;
    coap::Writer to(datagram, coap::Type::con, in_.octet() % 16 ? coap::kPost : coap::kDelete,
                    next_id_++, "t");
    to.option(coap::option::kUriPath, "rd").option(coap::option::kUriPath, device_->location());
    for (int n = in_.octet() % 3; n > 0; --n)
      to.option(coap::option::kUriQuery, in_.take(in_.octet() % 12));
    to.payload(in_.take(in_.octet() % 64));
    device_->on_datagram(datagram);
  }

  void time() {
    static constexpr std::int64_t kUnits[] = {1, 100, 2'000, 10'000};
    const std::int64_t until = world_.now + in_.octet() * in_.pick(kUnits);
    while (!world_.gone && world_.timer != 0 && world_.timer <= until) {
      world_.now = std::max(world_.now, std::exchange(world_.timer, 0));
      device_->on_time();
      check();
    }
    world_.now = until;
  }

  void restart() {
    Device::Saved saved, read;
    device_->save(saved);
    std::string blob;
    append(blob, saved);
    FUZZ_CHECK(read_saved(blob, read));
    world_.silent = true;
    device_.reset();
    for (const int id : operations_) world_.open.erase(id);
    device_ = std::make_unique<Device>(world_, settings_, counters_, coap_counters_, read);
    world_.silent = false;
    FUZZ_CHECK(world_.timer != 0);
  }

  void again() {
    switch (in_.octet() % 4) {
      case 0:
        return device_->registered_again(registration_, "loc", nullptr);
      case 1:
        return device_->registered_again(registration_, "loc", peer());
      case 2:
        return device_->moved();
      default:
        return device_->use(settings_);
    }
  }

  void check() {
    std::set<Path> paths;
    std::size_t observations = 0, waiting = 0;
    device_->each_observation([&](const Device::ObservationView& view) {
      paths.insert(view.path);
      ++observations;
    });
    device_->each_waiting([&](std::string_view, std::int64_t) { ++waiting; });
    FUZZ_CHECK(observations == paths.size() && observations <= settings_->max_observations);
    FUZZ_CHECK(waiting == device_->waiting() && waiting <= settings_->queue_max + 2u);
    FUZZ_CHECK(world_.gone == (world_.timer == 0));
  }

  Input in_;
  World world_;
  Nobody nobody_{world_};
  DeviceCounters counters_;
  coap::Counters coap_counters_;
  std::shared_ptr<DeviceSettings> settings_ = std::make_shared<DeviceSettings>();
  Registration registration_;
  std::unique_ptr<Device> device_;
  std::set<int> operations_;
  int last_id_ = 0;
  std::uint16_t next_id_ = 1;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Run(Input(data, size)).run();
  return 0;
}
