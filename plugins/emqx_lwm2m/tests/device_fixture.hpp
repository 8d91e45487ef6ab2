// What the tests of the device's machine share: an Outside with a clock that stands still, which
// writes down what it is asked for, the machine on it, and a device that says what it is told to.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/device/counters.hpp"
#include "emqx_lwm2m/device/device.hpp"
#include "emqx_lwm2m/device/saved.hpp"

namespace lwm2m_test {

inline std::string octets(std::string_view digits) {
  std::string out;
  const auto value = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < digits.size();) {
    if (digits[i] == ' ') {
      ++i;
      continue;
    }
    out += static_cast<char>(value(digits[i]) << 4 | value(digits[i + 1]));
    i += 2;
  }
  return out;
}

inline std::string in_hex(std::string_view octets) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : octets) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

inline std::string number(std::string_view value) {
  std::uint32_t out = 0;
  for (const char c : value) out = out << 8 | static_cast<unsigned char>(c);
  return std::to_string(out);
}

// "GET 3/0/9?pmin=1 observe 0 accept 11542", "PUT 1/0/1 format 11542 C1013C", "2.04", "ACK".
inline std::string describe(std::string_view datagram) {
  coap::Message message;
  if (coap::parse(datagram, message) != coap::Parsed::ok) return "malformed";
  if (message.code == coap::kEmpty) return message.type == coap::Type::rst ? "RST" : "ACK";
  constexpr std::string_view kMethods[] = {"",       "GET",   "POST",  "PUT",
                                           "DELETE", "FETCH", "PATCH", "iPATCH"};
  std::string path, queries, rest;
  coap::OptionReader options(message.options);
  for (coap::Option option; options.next(option);) {
    const std::string value(option.value);
    if (option.number == coap::option::kUriPath) path += (path.empty() ? "" : "/") + value;
    if (option.number == coap::option::kUriQuery) queries += (queries.empty() ? "?" : "&") + value;
    if (option.number == coap::option::kObserve) rest += " observe " + number(value);
    if (option.number == coap::option::kContentFormat) rest += " format " + number(value);
    if (option.number == coap::option::kAccept) rest += " accept " + number(value);
    if (option.number == coap::option::kBlock1) rest += " block1 " + number(value);
    if (option.number == coap::option::kBlock2) rest += " block2 " + number(value);
  }
  std::string out;
  if (message.is_request())
    out = std::string(kMethods[message.code]) + " " + path + queries;
  else
    out = std::to_string(coap::class_of(message.code)) + "." +
          std::to_string(100 + coap::detail_of(message.code)).substr(1);
  out += rest;
  if (!message.payload.empty()) out += " " + in_hex(message.payload.substr(0, 32));
  return out;
}

class FakeOutside final : public lwm2m::DeviceOutside {
 public:
  std::int64_t now = 1'000'000, timer = 0;
  double unix_offset = 1'700'000'000;
  std::mt19937 engine{1};
  std::string log;                // since take(): a line for each order but wake_at() and changed()
  std::vector<std::string> sent;  // datagrams, all of them
  unsigned changes = 0;
  bool gone = false;

  std::string take() { return std::exchange(log, {}); }
  void note(const std::string& what) { log += (log.empty() ? "" : "\n") + what; }

  std::int64_t now_ms() const override { return now; }
  double unix_s() const override { return unix_offset + static_cast<double>(now) / 1000; }
  std::uint32_t random() override { return static_cast<std::uint32_t>(engine()); }
  void send(std::string_view datagram) override {
    sent.emplace_back(datagram);
    note(describe(datagram));
  }
  void wake_at(std::int64_t when) override { timer = when; }
  void publish(lwm2m::Topic topic, std::string payload) override {
    constexpr std::string_view kNames[] = {"response",   "v3",      "notify",
                                           "registered", "updated", "deregistered"};
    note(std::string(kNames[static_cast<std::size_t>(topic)]) + " " + payload);
  }
  void answered(std::uint32_t ticket, std::string payload) override {
    note("answered " + std::to_string(ticket) + " " + payload);
  }
  void changed() override { ++changes; }
  void over() override {
    note("over");
    gone = true;
  }
};

inline std::shared_ptr<lwm2m::Definitions> definitions() {
  using lwm2m::DataType;
  auto out = std::make_shared<lwm2m::Definitions>();
  const auto add = [&](std::uint16_t id, bool multiple,
                       std::vector<std::tuple<std::uint16_t, DataType, bool>> resources) {
    lwm2m::ObjectDefinition object;
    object.id = id;
    object.multiple = multiple;
    for (const auto& [number, type, several] : resources) {
      lwm2m::ResourceDefinition resource;
      resource.id = number;
      resource.type = type;
      resource.readable = resource.writable = true;
      resource.multiple = several;
      object.resources.push_back(std::move(resource));
    }
    out->add(std::move(object));
  };
  add(1, true, {{1, DataType::integer, false}});
  add(3, false,
      {{0, DataType::string, false},
       {6, DataType::integer, true},
       {9, DataType::integer, false},
       {13, DataType::time, false},
       {14, DataType::string, false}});
  add(5, false, {{0, DataType::opaque, false}, {1, DataType::string, false}});
  add(3303, true, {{5700, DataType::floating, false}});
  return out;
}

// Of a message of the device.
struct Options {
  std::optional<std::uint32_t> observe, format;
  std::string payload;
  std::vector<std::string> location = {};
};

// A machine and everything that comes to it. Each function answers what the machine did.
class Machine {
 public:
  FakeOutside out;
  lwm2m::DeviceCounters counters;
  coap::Counters coap_counters;
  std::shared_ptr<lwm2m::DeviceSettings> settings = std::make_shared<lwm2m::DeviceSettings>();
  std::shared_ptr<coap::PeerSettings> coap_settings = std::make_shared<coap::PeerSettings>();
  lwm2m::Registration registration;
  std::unique_ptr<lwm2m::Device> device;

  Machine() {
    registration.endpoint = "ep1";
    registration.lifetime_s = 300;
    registration.objects = {"/1/0", "/3/0", "/5/0", "/3303/0"};
    settings->definitions = definitions();
    settings->coap = coap_settings;
  }

  std::string begin() {
    auto peer = std::make_unique<coap::Peer>(*new_outside(), coap_settings, coap_counters);
    device = std::make_unique<lwm2m::Device>(out, settings, counters, std::move(peer), registration,
                                             "loc1");
    return out.take();
  }
  // As an upgrade, or a restart after `away_s`, does it: through octets.
  std::string restart(double away_s = 0) {
    restart_silently(away_s);
    CHECK(out.take() == "");
    return after(0);
  }
  // The same before its first tick.
  void restart_silently(double away_s = 0) {
    const std::string blob = saved();
    device.reset();
    out.timer = 0;
    out.unix_offset += away_s;
    out.now += 5'000'000;  // the monotonic clock means nothing there
    out.unix_offset -= 5'000;
    lwm2m::Device::Saved read;
    REQUIRE(read_saved(blob, read));
    device = std::make_unique<lwm2m::Device>(out, settings, counters, coap_counters, read);
  }
  std::string saved() const {
    lwm2m::Device::Saved saved;
    device->save(saved);
    std::string blob;
    append(blob, saved);
    return blob;
  }

  std::string in(const std::string& datagram) {
    device->on_datagram(datagram);
    return out.take();
  }
  std::string after(std::int64_t ms) {
    const std::int64_t until = out.now + ms;
    while (!out.gone && out.timer != 0 && out.timer <= until) {
      out.now = std::max(out.now, std::exchange(out.timer, 0));
      device->on_time();
    }
    out.now = until;
    return out.take();
  }
  std::string command(std::string_view json, std::optional<std::uint32_t> expiry = {},
                      lwm2m::Channel channel = lwm2m::Channel::documented,
                      std::uint32_t ticket = 0) {
    device->command({channel, ticket}, json, expiry);
    return out.take();
  }
  std::string read(int id, std::string_view path = "/3/0/9") {
    return command(R"({"reqID":)" + std::to_string(id) + R"(,"msgType":"read","data":{"path":")" +
                   std::string(path) + R"("}})");
  }
  std::string observe(int id, std::string_view path = "/3/0/9") {
    return command(R"({"reqID":)" + std::to_string(id) +
                   R"(,"msgType":"observe","data":{"path":")" + std::string(path) + R"("}})");
  }

  // ---- of the device ----
  static Options text(std::string payload, std::optional<std::uint32_t> observe = {}) {
    return {observe, 0, std::move(payload)};
  }
  // Of the last request of ours.
  coap::Message asked() const {
    for (auto it = out.sent.rbegin(); it != out.sent.rend(); ++it) {
      coap::Message message;
      if (coap::parse(*it, message) == coap::Parsed::ok && message.is_request()) return message;
    }
    return {};
  }
  // The answer to it, in its ACK.
  std::string answer(coap::Code code, const Options& options = {}) {
    const coap::Message request = asked();
    return in(written(coap::Type::ack, code, request.id, request.token, options));
  }
  std::string empty(coap::Type type) {
    std::string datagram;
    coap::write_empty(datagram, type, asked().id);
    return in(datagram);
  }
  // A message of the device's own: a notification, or a separate response.
  std::string say(coap::Code code, std::string_view token, const Options& options,
                  coap::Type type = coap::Type::con) {
    return in(written(type, code, next_id_++, token, options));
  }
  std::string ask(coap::Code method, const std::vector<std::string>& path,
                  const std::vector<std::string>& queries = {}, const Options& options = {}) {
    std::string datagram;
    coap::Writer to(datagram, coap::Type::con, method, next_id_++, "tok");
    for (const std::string& segment : path) to.option(coap::option::kUriPath, segment);
    if (options.format) to.number(coap::option::kContentFormat, *options.format);
    for (const std::string& query : queries) to.option(coap::option::kUriQuery, query);
    to.payload(options.payload);
    return in(datagram);
  }
  std::string update(const std::vector<std::string>& queries = {}) {
    return ask(coap::kPost, {"rd", "loc1"}, queries);
  }
  std::string token() const { return std::string(asked().token); }
  // Makes an observation; the token it has.
  std::string observed(int id, std::string_view path = "/3/0/9") {
    observe(id, path);
    const std::string out_token = token();
    answer(coap::kContent, text("1", 1));
    return out_token;
  }

 private:
  // A peer that has served a newcomer.
  class Newcomer final : public coap::Outside {
   public:
    explicit Newcomer(FakeOutside& through) : out_(through) {}
    std::int64_t now_ms() const override { return out_.now; }
    std::uint32_t random() override { return out_.random(); }
    void send(std::string_view) override {}
    void wake_at(std::int64_t) override {}
    void responded(coap::RequestId, const coap::Response&) override {}
    void failed(coap::RequestId, coap::Failure) override {}
    void notified(const coap::Response&) override {}
    std::optional<coap::Request> observed(std::string_view) override { return std::nullopt; }
    void requested(const coap::Incoming&) override {}

   private:
    FakeOutside& out_;
  };

  static std::string written(coap::Type type, coap::Code code, std::uint16_t id,
                             std::string_view token, const Options& options) {
    std::string datagram;
    coap::Writer to(datagram, type, code, id, token);
    if (options.observe) to.number(coap::option::kObserve, *options.observe);
    for (const std::string& segment : options.location)
      to.option(coap::option::kLocationPath, segment);
    if (options.format) to.number(coap::option::kContentFormat, *options.format);
    to.payload(options.payload);
    return datagram;
  }

  std::unique_ptr<Newcomer> newcomer_;
  std::uint16_t next_id_ = 100;

 public:
  Newcomer* new_outside() {
    newcomer_ = std::make_unique<Newcomer>(out);
    return newcomer_.get();
  }
  std::unique_ptr<coap::Peer> another_peer() {
    return std::make_unique<coap::Peer>(*new_outside(), coap_settings, coap_counters);
  }
};

}  // namespace lwm2m_test
