#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/coap/peer_parts.hpp"

namespace coap {

// It has been acknowledged.
void Peer::Parts::on_notification(Watches::Watch& watch, const Message& message,
                                  const ResponseOptions& options, std::string_view datagram) {
  const Token token = watch.token;
  const bool success = class_of(message.code) == 2;
  if (success && options.observe) {
    if (!Watches::take(watch, *options.observe, outside->now_ms())) {
      ++counters->stale_notifications;
      return;
    }
  } else if (message.type == Type::con) {  // without a number only its id tells it from the next
    std::string ack;
    write_empty(ack, Type::ack, message.id);
    remember(message.id, Remembered::digest(datagram), ack, true);
  }
  if (!success) watches.erase(token);
  Exchange* const older = collecting(token);
  const bool whole =
      !success || !options.block2 || (!options.block2->more && options.block2->number == 0);
  if (!older) return whole ? deliver(token, message, options) : begin_rest(token, message, options);
  if (whole && older->notification) {
    extract(older->id);
    return deliver(token, message, options);
  }
  older->void_answer = older->in_flight();
  go_on(older->id, older->replace(message, options, settings->max_body_size), message);
}

void Peer::Parts::begin_rest(const Token& token, const Message& message,
                             const ResponseOptions& options) {
  auto request = outside->observed(token.view());
  if (!request) return;
  exchanges.push_back(Exchange::rest(next_request_id(), std::move(*request), token, *settings));
  Exchange& rest = *exchanges.back();
  ++counters->blocks_received;
  go_on(rest.id, rest.take(message, options, settings->max_body_size), message);
}

void Peer::Parts::deliver(const Token& token, const Message& message,
                          const ResponseOptions& options) {
  Response out;
  out.code = message.code;
  out.content_format = options.content_format;
  out.observe = options.observe;
  out.token = token.view();
  out.payload = message.payload;
  out.location = options.location;
  ++counters->notifications;
  outside->notified(out);
}

// Of an observation: the exchange that puts together what is larger than a message.
Exchange* Peer::Parts::collecting(const Token& token) {
  for (const auto& each : exchanges) {
    const bool of_it = each->notification || (each->observe == true && each->collecting());
    if (of_it && each->token == token) return each.get();
  }
  return nullptr;
}

void Peer::Parts::forget(const Token& token) {
  watches.erase(token);
  std::erase_if(exchanges,
                [&](const auto& each) { return each->notification && each->token == token; });
  if (exchanges.empty()) exchanges.shrink_to_fit();
}

}  // namespace coap
