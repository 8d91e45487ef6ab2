// What the tests of coap::Peer share: an Outside with a clock that stands still, which writes down
// what it is asked for, and the peer on it. Messages as in coap_text.hpp.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/coap/peer.hpp"
#include "emqx_lwm2m/tests/coap_text.hpp"

namespace coap_test {

class FakeOutside : public coap::Outside {
 public:
  explicit FakeOutside(Tokens& its_tokens) : tokens(its_tokens) {}

  Tokens& tokens;
  std::int64_t now = 1'000'000, timer = 0;
  std::string log;        // since take(): what was sent, and the calls, with "; " between
  std::string last_sent;  // octets
  std::string last_payload;
  bool quiet = false;  // what is sent is not written down
  coap::RequestId last_ended = 0;
  std::uint32_t last_ticket = 0;
  std::mt19937 numbers{1};
  std::optional<std::uint32_t> fixed_random;
  std::optional<coap::Request> rest;  // of every observation
  // What is done from within.
  std::function<void(const coap::Incoming&)> on_requested;
  std::function<void(coap::RequestId)> on_ended, on_acknowledged, on_progress;
  std::function<void(const coap::Response&)> on_notified;

  std::string take() { return std::exchange(log, {}); }

  std::int64_t now_ms() const override { return now; }
  std::uint32_t random() override {
    return fixed_random ? *fixed_random : static_cast<std::uint32_t>(numbers());
  }
  void send(std::string_view datagram) override {
    last_sent = datagram;
    if (!quiet) note(say(datagram, tokens));
  }
  void wake_at(std::int64_t when) override { timer = when; }
  void acknowledged(coap::RequestId id) override {
    note("acknowledged " + std::to_string(id));
    if (on_acknowledged) on_acknowledged(id);
  }
  void progress(coap::RequestId id, std::size_t sent, std::size_t total) override {
    note("progress " + std::to_string(id) + " " + std::to_string(sent) + "/" +
         std::to_string(total));
    if (on_progress) on_progress(id);
  }
  void responded(coap::RequestId id, const coap::Response& response) override {
    note("responded " + std::to_string(id) + say_response(response));
    last_ended = id;
    if (on_ended) on_ended(id);
  }
  void failed(coap::RequestId id, coap::Failure why) override {
    constexpr const char* kWhy[] = {"timeout", "reset", "broken_body", "too_large"};
    note("failed " + std::to_string(id) + " " + kWhy[static_cast<int>(why)]);
    last_ended = id;
    if (on_ended) on_ended(id);
  }
  void notified(const coap::Response& notification) override {
    note("notified " + tokens.name(notification.token, false) + say_response(notification));
    if (on_notified) on_notified(notification);
  }
  std::optional<coap::Request> observed(std::string_view) override { return rest; }
  void requested(const coap::Incoming& request) override {
    std::string text = "requested " + code_text(request.method);
    for (const auto each : request.path) text.append(" /").append(each);
    for (const auto each : request.queries) text.append(" ?").append(each);
    if (request.content_format) text += " ct=" + std::to_string(*request.content_format);
    note(text + payload_text(request.payload));
    last_payload = request.payload;
    last_ticket = request.ticket;
    if (on_requested) on_requested(request);
  }

 private:
  void note(const std::string& what) { log += (log.empty() ? "" : "; ") + what; }
  std::string say_response(const coap::Response& response) {
    last_payload = response.payload;
    std::string out = " " + code_text(response.code);
    if (response.observe) out += " obs=" + std::to_string(*response.observe);
    if (response.content_format) out += " ct=" + std::to_string(*response.content_format);
    if (!response.location.empty()) out += " loc=" + response.location;
    return out + payload_text(response.payload);
  }
};

struct World {
  World() { restart(); }

  // A new peer; its ids begin with 1.
  void restart() {
    peer = std::make_unique<coap::Peer>(outside, settings, counters);
    peer->begin_at(1);
  }
  template <class Change>
  void change(Change&& to) {
    auto copy = std::make_shared<coap::PeerSettings>(*settings);
    to(*copy);
    settings = copy;
    peer->use(settings);
  }

  // What comes of a message of the peer.
  std::string in(const std::string& text, std::string_view payload = {}) {
    return raw(encode(text, tokens, payload));
  }
  std::string raw(std::string_view datagram) {
    peer->on_datagram(datagram);
    return outside.take();
  }
  std::string request(coap::Request what) {
    last = peer->request(std::move(what));
    return outside.take();
  }
  std::string get(const char* segment) { return request(request_of(coap::kGet, segment)); }
  static coap::Request request_of(coap::Code method, const char* segment) {
    coap::Request out;
    out.method = method;
    out.path = {segment};
    return out;
  }
  std::string observe(const char* segment) {
    coap::Request what = request_of(coap::kGet, segment);
    what.observe = true;
    return request(std::move(what));
  }
  // On to the time that was asked for, which must come.
  std::string next() {
    if (outside.timer == 0) return "nothing is to come";
    outside.now = std::max(outside.now, outside.timer);
    peer->on_time();
    return outside.take();
  }
  // So long, with all that falls into it.
  std::string pass(std::int64_t ms) {
    const std::int64_t until = outside.now + ms;
    std::string out;
    while (outside.timer != 0 && outside.timer <= until) {
      const std::string step = next();
      if (!step.empty()) out += (out.empty() ? "" : "; ") + step;
    }
    outside.now = until;
    return out;
  }
  // Answers whatever the peer asks from now on.
  void answer_with(coap::Code code, std::string payload = {}) {
    outside.on_requested = [this, code, payload](const coap::Incoming& request) {
      coap::Reply reply;
      reply.code = code;
      reply.payload = payload;
      peer->reply(request.ticket, reply);
    };
  }
  bool reply(std::uint32_t ticket, coap::Code code, std::string_view payload = {}) {
    coap::Reply reply;
    reply.code = code;
    reply.payload = payload;
    return peer->reply(ticket, reply);
  }

  Tokens tokens;
  FakeOutside outside{tokens};
  coap::Counters counters;
  std::shared_ptr<const coap::PeerSettings> settings = std::make_shared<coap::PeerSettings>();
  std::unique_ptr<coap::Peer> peer;
  coap::RequestId last = 0;
};

}  // namespace coap_test
