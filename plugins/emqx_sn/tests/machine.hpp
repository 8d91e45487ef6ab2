// What the tests of the client machine share: an Outside with a clock that stands still, which
// writes down what it is asked for, and the machine on it. Messages are octets in hex.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"
#include "emqx_sn/predefined.hpp"
#include "emqx_sn/saved.hpp"
#include "emqx_sn/tests/messages.hpp"

namespace sn_test {

class FakeOutside : public sn::Outside {
 public:
  std::int64_t now = 1'000'000, timer = 0;
  std::string log;  // since take(): what was sent, in hex, and the orders, with "; " between
  std::deque<std::uint64_t> tokens;  // of the orders that are to be answered, oldest first
  bool busy = false;                 // publish, subscribe ... are refused
  bool forgotten = false;

  std::string take() { return std::exchange(log, {}); }

  std::int64_t now_ms() const override { return now; }
  void send(const sn::Head& head, std::string_view data) override {
    note(to_hex(std::string(head.view()).append(data)));
  }
  void wake_at(std::int64_t when) override { timer = when; }
  void open(bool clean, std::uint16_t keep_alive, const sn::WillView* will) override {
    note("open" + std::string(clean ? " clean " : " ") + std::to_string(keep_alive) + say(will));
  }
  bool publish(std::string_view topic, std::string_view payload, std::uint8_t qos, bool retain,
               std::uint64_t token) override {
    if (busy) return false;
    note("publish " + std::string(topic) + " '" + std::string(payload) + "' q" +
         std::to_string(qos) + (retain ? " retain" : ""));
    if (qos > 0) tokens.push_back(token);
    return true;
  }
  bool subscribe(std::string_view filter, std::uint8_t qos, std::uint64_t token) override {
    if (busy) return false;
    note("subscribe " + std::string(filter) + " q" + std::to_string(qos));
    tokens.push_back(token);
    return true;
  }
  bool unsubscribe(std::string_view filter, std::uint64_t token) override {
    if (busy) return false;
    note("unsubscribe " + std::string(filter));
    tokens.push_back(token);
    return true;
  }
  bool set_will(const sn::WillView* will, std::uint64_t token) override {
    if (busy) return false;
    note(will ? "set" + say(will) : "no will");
    tokens.push_back(token);
    return true;
  }
  void received(std::uint32_t id) override { note("received " + std::to_string(id)); }
  void ack(std::uint32_t id, std::uint8_t reason) override {
    note("ack " + std::to_string(id) + (reason ? " refused" : ""));
  }
  void suspend() override { note("suspend"); }
  void resume() override { note("resume"); }
  void poll() override { note("poll"); }
  void close(std::uint8_t reason) override { note(reason ? "close with will" : "close"); }
  void forget() override {
    note("forget");
    forgotten = true;
  }

 private:
  void note(const std::string& what) { log += (log.empty() ? "" : "; ") + what; }
  static std::string say(const sn::WillView* will) {
    if (!will) return "";
    return " will " + std::string(will->topic) + " '" + std::string(will->payload) + "' q" +
           std::to_string(will->qos) + (will->retain ? " retain" : "");
  }
};

// A machine and everything that comes to it. Each function answers what the machine did.
class Machine {
 public:
  FakeOutside out;
  sn::Counters counters;
  std::shared_ptr<sn::ClientSettings> settings = std::make_shared<sn::ClientSettings>();
  std::unique_ptr<sn::Client> client;

  Machine() { make("c1"); }
  void make(const std::string& id) {
    client = std::make_unique<sn::Client>(out, settings, counters, id);
  }
  void predefine(std::string_view of, std::uint16_t id, std::string_view topic) {
    auto names = settings->predefined ? *settings->predefined : sn::Predefined();
    names.add(of, id, topic);
    settings->predefined = std::make_shared<sn::Predefined>(names);
  }
  // As an upgrade does it, through octets.
  void upgrade() {
    sn::Client::Saved saved, read;
    client->save(saved);
    std::string blob;
    append(blob, saved);
    if (!read_saved(blob, read)) out.log += "unreadable";
    client.reset();
    out.timer = 0;
    client = std::make_unique<sn::Client>(out, settings, counters, read);
  }

  // "-": the codec drops it.
  std::string in(std::string_view digits) {
    const std::string datagram = hex(digits);
    sn::Packet packet;
    if (!sn::decode(datagram, packet)) return "-";
    return in(packet);
  }
  std::string in(const sn::Packet& packet) {
    client->on_packet(packet);
    return out.take();
  }
  std::string opened(std::uint8_t reason = 0, bool present = false) {
    client->on_opened(reason, present);
    return out.take();
  }
  std::string closed(std::uint8_t reason = 0) {
    out.tokens.clear();
    client->on_closed(reason);
    return out.take();
  }
  std::string published(std::uint8_t reason = 0) {
    client->on_published(next_token(), reason);
    return out.take();
  }
  std::string suback(std::uint8_t code = 0) {
    client->on_suback(next_token(), code);
    return out.take();
  }
  std::string polled() {
    client->on_polled();
    return out.take();
  }
  std::string deliver(std::uint32_t id, std::string_view topic, std::string_view payload,
                      std::uint8_t qos, bool retain = false, bool dup = false) {
    client->on_delivery({id, topic, payload, qos, retain, dup});
    return out.take();
  }
  std::string after(std::int64_t ms) {
    const std::int64_t until = out.now + ms;
    while (!out.forgotten && out.timer != 0 && out.timer <= until) {
      out.now = std::exchange(out.timer, 0);
      client->on_time();
    }
    out.now = until;
    return out.take();
  }

  // ---- the usual beginnings ----
  void connect(std::string_view connect = kConnect, bool present = false) {
    in(connect);
    opened(0, present);
  }
  // DISCONNECT with a duration of 300 s.
  void sleep() { in("04 18 01 2C"); }

  static constexpr std::string_view kConnect = "08 04 04 01 00 3C 63 31";     // clean, 60 s
  static constexpr std::string_view kPersistent = "08 04 00 01 00 3C 63 31";  // not clean
  static constexpr std::string_view kWithWill = "08 04 0C 01 00 3C 63 31";    // clean

 private:
  std::uint64_t next_token() {
    if (out.tokens.empty()) return ~std::uint64_t{0};
    const std::uint64_t token = out.tokens.front();
    out.tokens.pop_front();
    return token;
  }
};

}  // namespace sn_test
