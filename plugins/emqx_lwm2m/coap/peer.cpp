#include "emqx_lwm2m/coap/peer.hpp"

#include <utility>

#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/coap/peer_parts.hpp"

namespace coap {

Peer::Parts::Parts(Outside& its_outside, std::shared_ptr<const PeerSettings> its_settings,
                   Counters& its_counters)
    : outside(&its_outside),
      settings(std::move(its_settings)),
      counters(&its_counters),
      ids(static_cast<std::uint16_t>(its_outside.random())) {}

void Peer::Parts::on_datagram(std::string_view datagram) {
  ++counters->received;
  Message message;
  switch (parse(datagram, message)) {
    case Parsed::ignore:
      ++counters->malformed;
      return;
    case Parsed::reset:
      ++counters->malformed;
      send_empty(Type::rst, message.id);
      return;
    case Parsed::ok:
      break;
  }
  if (message.type == Type::rst) {
    ++counters->resets_received;
    on_reset(message.id);
  } else if (message.type == Type::ack) {
    on_ack(message);
  } else if (message.code == kEmpty) {
    send_empty(Type::rst, message.id);  // a ping
  } else if (message.is_request()) {
    on_request(message, datagram);
  } else {
    on_response(message, datagram);
  }
}

// One that is a message of its own: it comes late, or tells of something observed.
void Peer::Parts::on_response(const Message& message, std::string_view datagram) {
  const bool confirmable = message.type == Type::con;
  if (confirmable && repeated(message, datagram)) return;
  ResponseOptions options;
  const bool acceptable = read_response(message, options);
  Exchange* exchange = nullptr;
  for (const auto& each : exchanges) {
    if (each->in_flight() && each->current.view() == message.token) exchange = each.get();
  }
  Watches::Watch* const watch = watches.find(message.token);
  // While an observation is being ended its notifications still have the token.
  if (exchange && watch && exchange->observe == false && options.observe) exchange = nullptr;
  if (!acceptable || (!exchange && !watch)) {
    if (confirmable) send_empty(Type::rst, message.id);
    return;
  }
  if (confirmable) send_empty(Type::ack, message.id);
  if (!exchange) return on_notification(*watch, message, options, datagram);
  if (confirmable) {
    std::string ack;
    write_empty(ack, Type::ack, message.id);
    remember(message.id, Remembered::digest(datagram), ack, true);
  }
  take(*exchange, message, options);
}

void Peer::Parts::on_time() {
  const std::int64_t now = outside->now_ms();
  while (on_time_of_requests(now)) {
  }
  on_time_of_unanswered(now);
  remembered.expire(now);
}

void Peer::Parts::settle() {
  if (rare && rare->empty()) rare.reset();
  start_waiting();
  const std::int64_t next = next_time();
  if (next == ordered_ms) return;
  ordered_ms = next;
  outside->wake_at(next);
}

std::int64_t Peer::Parts::next_time() const {
  std::int64_t out = remembered.next_expiry();
  const auto earlier = [&](std::int64_t at) {
    if (at != 0 && (out == 0 || at < out)) out = at;
  };
  std::size_t active = 0;
  for (const auto& each : exchanges) {
    active += each->in_flight();
    if (each->timed()) earlier(each->flight.at_ms);
    if (each->state == Exchange::State::waiting && active < settings->nstart) {
      earlier(ids.free_at(settings->exchange_lifetime_ms));  // it waits for an id
    }
  }
  if (!rare) return out;
  earlier(rare->assemblies.next_expiry());
  for (const Transmission& each : rare->separate) earlier(each.at_ms);
  for (const Unanswered& each : rare->unanswered) {
    earlier(each.confirmable && !each.acknowledged ? each.acknowledge_ms : each.expires_ms);
  }
  return out;
}

void Peer::Parts::send(std::string_view datagram) {
  ++counters->sent;
  outside->send(datagram);
}

void Peer::Parts::send_empty(Type type, std::uint16_t id) {
  if (type == Type::rst) ++counters->resets_sent;
  std::string out;
  write_empty(out, type, id);
  send(out);
}

void Peer::Parts::remember(std::uint16_t id, std::uint64_t digest, std::string_view answer,
                           bool confirmable) {
  const std::int64_t now = outside->now_ms();
  remembered.expire(now);
  remembered.add(id, digest, answer,
                 now + (confirmable ? settings->exchange_lifetime_ms : settings->non_lifetime_ms),
                 {settings->max_remembered, settings->max_remembered_octets});
}

std::optional<std::uint16_t> Peer::Parts::take_id() {
  return ids.take(outside->now_ms(), settings->exchange_lifetime_ms);
}

Peer::Peer(Outside& outside, std::shared_ptr<const PeerSettings> settings, Counters& counters)
    : parts_(std::make_unique<Parts>(outside, std::move(settings), counters)) {}
Peer::~Peer() = default;

void Peer::on_datagram(std::string_view datagram) {
  parts_->on_datagram(datagram);
  parts_->settle();
}

void Peer::on_time() {
  parts_->on_time();
  parts_->ordered_ms = -1;  // that order has been carried out: there is to be another
  parts_->settle();
}

RequestId Peer::request(Request request) {
  const RequestId id = parts_->next_request_id();
  const Token token = request.token.empty() ? parts_->fresh_token() : Token(request.token);
  auto exchange = std::make_unique<Exchange>(id, std::move(request), token, *parts_->settings);
  if (exchange->state == Exchange::State::doomed) {
    exchange->flight.at_ms = parts_->outside->now_ms() + 1;  // not in the same on_time()
  }
  parts_->exchanges.push_back(std::move(exchange));
  parts_->settle();
  return id;
}

void Peer::cancel(RequestId id) {
  const auto exchange = parts_->extract(id);
  if (!exchange) return;
  if (exchange->observe == true) parts_->forget(exchange->token);
  parts_->settle();
}

bool Peer::reply(std::uint32_t ticket, const Reply& reply) {
  const bool sent = parts_->reply(ticket, reply);
  parts_->settle();
  return sent;
}

void Peer::watch(std::string_view token, std::optional<std::uint32_t> sequence) {
  parts_->watches.put(Token(token), sequence, parts_->outside->now_ms());
}

void Peer::unwatch(std::string_view token) {
  parts_->forget(Token(token));
  parts_->settle();
}

void Peer::moved() {
  parts_->remembered.clear();
  parts_->rare.reset();
  parts_->settle();
}

void Peer::serve(Outside& outside) {
  parts_->outside = &outside;
  parts_->ordered_ms = 0;
  parts_->settle();
}

void Peer::use(std::shared_ptr<const PeerSettings> settings) {
  parts_->settings = std::move(settings);
  parts_->settle();
}

bool Peer::busy() const { return !parts_->exchanges.empty(); }
std::uint16_t Peer::next_message_id() const { return parts_->ids.next(); }
void Peer::begin_at(std::uint16_t message_id) { parts_->ids.begin_at(message_id); }

std::string Peer::answered_within(std::int64_t ms) const {
  return parts_->remembered.records_since(parts_->outside->now_ms() - ms +
                                          parts_->settings->exchange_lifetime_ms);
}

void Peer::recall(std::string_view answered) {
  parts_->remembered.add_records(answered);
  parts_->settle();
}

}  // namespace coap
