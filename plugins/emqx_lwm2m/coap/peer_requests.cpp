#include <algorithm>

#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/coap/peer_parts.hpp"

namespace coap {

RequestId Peer::Parts::next_request_id() {
  if (++last_request == 0) ++last_request;
  return last_request;
}

Token Peer::Parts::fresh_token() {
  for (;;) {
    const std::uint32_t high = outside->random();
    const Token out = Token::from(high, outside->random());
    const bool used = watches.find(out.view()) ||
                      std::any_of(exchanges.begin(), exchanges.end(), [&](const auto& each) {
                        return each->token == out || each->current == out;
                      });
    if (!used) return out;
  }
}

Exchange* Peer::Parts::find(RequestId id) {
  for (const auto& each : exchanges) {
    if (each->id == id) return each.get();
  }
  return nullptr;
}

std::unique_ptr<Exchange> Peer::Parts::extract(RequestId id) {
  const auto at = std::find_if(exchanges.begin(), exchanges.end(),
                               [&](const auto& each) { return each->id == id; });
  if (at == exchanges.end()) return nullptr;
  auto out = std::move(*at);
  exchanges.erase(at);
  if (exchanges.empty()) exchanges.shrink_to_fit();
  return out;
}

void Peer::Parts::on_ack(const Message& message) {
  if (rare) {
    std::erase_if(rare->separate, [&](const Transmission& each) { return each.id == message.id; });
  }
  const auto at = std::find_if(exchanges.begin(), exchanges.end(), [&](const auto& each) {
    return each->in_flight() && each->flight.id == message.id;
  });
  if (at == exchanges.end() || message.is_request()) return;
  Exchange& exchange = **at;
  if (message.code != kEmpty) {  // also behind an empty one, as some do
    ResponseOptions options;
    if (exchange.current.view() != message.token || !read_response(message, options)) return;
    return take(exchange, message, options);
  }
  if (exchange.state == Exchange::State::acknowledged) return;
  exchange.state = Exchange::State::acknowledged;
  exchange.flight.at_ms = outside->now_ms() + settings->response_timeout_ms;
  exchange.flight.datagram.clear();
  if (exchange.notification || std::exchange(exchange.told, true)) return;
  outside->acknowledged(exchange.id);
}

void Peer::Parts::on_reset(std::uint16_t id) {
  if (rare) {
    std::erase_if(rare->separate, [&](const Transmission& each) { return each.id == id; });
  }
  for (const auto& each : exchanges) {
    if (each->state != Exchange::State::sent || each->flight.id != id) continue;
    return fail(each->id, Failure::reset);
  }
}

// A response to the message of an exchange that is under way.
void Peer::Parts::take(Exchange& exchange, const Message& message, const ResponseOptions& options) {
  const RequestId id = exchange.id;
  exchange.state = Exchange::State::waiting;
  exchange.flight.datagram.clear();
  if (std::exchange(exchange.void_answer, false)) return;
  if (exchange.observe == true && !exchange.collecting()) {
    if (class_of(message.code) == 2 && options.observe) {
      watches.put(exchange.token, options.observe, outside->now_ms());
    } else {
      watches.erase(exchange.token);
    }
  }
  if (exchange.collecting()) ++counters->blocks_received;
  const std::size_t before = exchange.arrived();
  const Exchange::Step step = exchange.take(message, options, settings->max_body_size);
  if (step != Exchange::Step::next) exchange.state = Exchange::State::ended;
  if (exchange.by_blocks() && exchange.arrived() > before) {
    outside->progress(id, exchange.arrived(), exchange.total());
  }
  go_on(id, step, message);
}

// `message` is what made the last step.
void Peer::Parts::go_on(RequestId id, Exchange::Step step, const Message& message) {
  switch (step) {
    case Exchange::Step::next:
      return;  // settle() sends it
    case Exchange::Step::broken:
      return fail(id, Failure::broken_body);
    case Exchange::Step::too_large:
      return fail(id, Failure::too_large);
    case Exchange::Step::done:
      break;
  }
  const auto exchange = extract(id);
  if (!exchange) return;  // it has been cancelled
  if (exchange->observe == false) watches.erase(exchange->token);
  if (exchange->collecting()) ++counters->bodies_received;
  if (exchange->by_blocks()) ++counters->bodies_sent;
  const Response response = exchange->response(message);
  if (!exchange->notification) return outside->responded(id, response);
  ++counters->notifications;
  outside->notified(response);
}

void Peer::Parts::fail(RequestId id, Failure why) {
  const auto exchange = extract(id);
  if (!exchange) return;
  if (why == Failure::timeout) ++counters->timeouts;
  if (exchange->notification) return;
  if (exchange->observe) forget(exchange->token);
  outside->failed(id, why);
}

// False: there is no message id to be had.
bool Peer::Parts::transmit(Exchange& exchange) {
  const auto id = take_id();
  if (!id) return false;
  exchange.current = exchange.own_tokens() ? fresh_token() : exchange.token;
  exchange.flight.id = *id;
  exchange.write(exchange.flight.datagram, *id, exchange.current);
  exchange.flight.begin(*settings, outside->now_ms(), outside->random());
  exchange.state = Exchange::State::sent;
  if (exchange.by_blocks() && !exchange.collecting()) ++counters->blocks_sent;
  send(exchange.flight.datagram);
  return true;
}

void Peer::Parts::start_waiting() {
  std::size_t active = 0;
  for (const auto& each : exchanges) active += each->in_flight();
  for (const auto& each : exchanges) {
    if (active >= settings->nstart) return;
    if (each->state != Exchange::State::waiting) continue;
    if (!transmit(*each)) return;
    ++active;
  }
}

bool Peer::Parts::on_time_of_requests(std::int64_t now_ms) {
  for (const auto& each : exchanges) {
    if (!each->timed() || each->flight.at_ms > now_ms) continue;
    if (each->state == Exchange::State::sent && each->flight.again(now_ms)) {
      ++counters->retransmitted;
      send(each->flight.datagram);
      return true;
    }
    fail(each->id, each->state == Exchange::State::doomed ? Failure::too_large : Failure::timeout);
    return true;
  }
  return false;
}

}  // namespace coap
