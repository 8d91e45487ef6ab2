#include <algorithm>

#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/coap/peer_parts.hpp"

namespace coap {
namespace {

constexpr std::uint32_t kProcessingDelayMs = 2'000;
constexpr std::uint8_t kMaxSzx = 6;

// The request is in hand as long as this is.
class InHand {
 public:
  InHand(Unanswered*& place, Unanswered& request)
      : place_(place), outer_(std::exchange(place, &request)) {}
  ~InHand() { place_ = outer_; }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;

 private:
  Unanswered*& place_;
  Unanswered* outer_;
};

struct Slice {
  std::string_view payload;
  std::optional<Block> block;
};

// Of the payload of a reply: the block that was asked for. None: there is no such block.
std::optional<Slice> slice(std::string_view payload, const std::optional<Block>& asked) {
  if (!asked || (asked->number == 0 && payload.size() <= asked->size())) return Slice{payload, {}};
  if (asked->offset() >= payload.size()) return std::nullopt;
  const std::string_view rest = payload.substr(asked->offset());
  Block block{asked->number, rest.size() > asked->size(), asked->szx};
  return Slice{rest.substr(0, block.size()), block};
}

void write(std::string& out, Type type, std::uint16_t id, const Unanswered& request, Reply reply) {
  Slice part{reply.payload, {}};
  if (class_of(reply.code) == 2) {
    if (const auto asked = slice(reply.payload, request.block2)) {
      part = *asked;
    } else {
      reply = {};
      reply.code = kBadRequest;
      part = {};
    }
  }
  Writer writer(out, type, reply.code, id, request.token.view());
  for (const std::string_view each : reply.location) writer.option(option::kLocationPath, each);
  if (reply.content_format) writer.number(option::kContentFormat, *reply.content_format);
  if (reply.max_age) writer.number(option::kMaxAge, *reply.max_age);
  if (part.block) writer.number(option::kBlock2, value_of(*part.block));
  if (request.block1) {
    Block echo = *request.block1;
    if (reply.code == kTooLarge) echo.szx = kMaxSzx;
    writer.number(option::kBlock1, value_of(echo));
  }
  if (reply.size1) writer.number(option::kSize1, *reply.size1);
  writer.payload(part.payload);
}

}  // namespace

Underway& Peer::Parts::underway() {
  if (!rare) rare = std::make_unique<Underway>();
  return *rare;
}

// It has come before: it is answered as then, or not at all as long as there is no answer.
bool Peer::Parts::repeated(const Message& message, std::string_view datagram) {
  if (const auto answer = remembered.find(message.id, datagram, outside->now_ms())) {
    ++counters->duplicates;
    if (!answer->empty()) send(*answer);
    return true;
  }
  if (!rare) return false;
  for (const Unanswered& each : rare->unanswered) {
    if (each.id != message.id || each.digest != Remembered::digest(datagram)) continue;
    ++counters->duplicates;
    if (each.acknowledged) send_empty(Type::ack, each.id);
    return true;
  }
  return false;
}

void Peer::Parts::on_request(const Message& message, std::string_view datagram) {
  if (repeated(message, datagram)) return;
  const RequestOptions options = read_request(message);
  const std::int64_t now = outside->now_ms();
  Unanswered request;
  request.id = message.id;
  request.confirmable = message.type == Type::con;
  request.digest = Remembered::digest(datagram);
  request.token = Token(message.token);
  request.block2 = options.block2;
  if (options.refusal != kEmpty) {
    if (!request.confirmable && options.refusal == kBadOption) return;
    return refuse(request, options.refusal);
  }
  request.block1 = options.block1;
  std::string whole;
  if (options.block1) {
    ++counters->blocks_received;
    const Code code =
        underway().assemblies.take(message, *options.block1, options.size1, now, *settings, whole);
    if (code != kEmpty) return refuse(request, code);
    if (options.block1->number > 0) ++counters->bodies_received;
  }
  if (rare && rare->unanswered.size() + rare->separate.size() >= settings->max_unanswered) {
    return refuse(request, kUnavailable);
  }
  request.acknowledge_ms = now + std::min(kProcessingDelayMs, settings->ack_timeout_ms);
  request.expires_ms = now + settings->exchange_lifetime_ms;
  hand_over(request, message, options, options.block1 ? whole : message.payload);
}

// Most are answered from within: only what is not is kept.
void Peer::Parts::hand_over(Unanswered& request, const Message& message,
                            const RequestOptions& options, std::string_view payload) {
  if (++last_ticket == 0) ++last_ticket;
  request.ticket = last_ticket;
  Incoming incoming;
  incoming.ticket = request.ticket;
  incoming.method = message.code;
  incoming.path.reserve(options.path);
  incoming.queries.reserve(options.queries);
  OptionReader reader(message.options);
  Option option;
  while (reader.next(option)) {
    if (option.number == option::kUriPath) incoming.path.push_back(option.value);
    if (option.number == option::kUriQuery) incoming.queries.push_back(option.value);
  }
  incoming.content_format = options.content_format;
  incoming.payload = payload;
  {
    const InHand now(in_hand, request);
    outside->requested(incoming);
  }
  if (request.ticket != 0) underway().unanswered.push_back(request);
}

bool Peer::Parts::reply(std::uint32_t ticket, const Reply& reply) {
  if (ticket == 0) return false;
  if (in_hand && in_hand->ticket == ticket) {
    in_hand->ticket = 0;
    return answer(*in_hand, reply);
  }
  if (!rare) return false;
  const auto at = std::find_if(rare->unanswered.begin(), rare->unanswered.end(),
                               [&](const Unanswered& each) { return each.ticket == ticket; });
  if (at == rare->unanswered.end()) return false;
  const Unanswered request = *at;
  rare->unanswered.erase(at);
  return answer(request, reply);
}

bool Peer::Parts::answer(const Unanswered& request, const Reply& reply) {
  std::string out;
  if (request.confirmable && !request.acknowledged) {
    write(out, Type::ack, request.id, request, reply);
    remember(request.id, request.digest, out, true);
    send(out);
    return true;
  }
  // A message of its own. The request, if it comes again, hears no more than that it has arrived.
  if (request.confirmable) write_empty(out, Type::ack, request.id);
  remember(request.id, request.digest, out, request.confirmable);
  const auto id = take_id();
  if (!id) return false;
  write(out, request.confirmable ? Type::con : Type::non, *id, request, reply);
  send(out);
  if (!request.confirmable) return true;
  Transmission& sent = underway().separate.emplace_back();
  sent.id = *id;
  sent.datagram = std::move(out);
  sent.begin(*settings, outside->now_ms(), outside->random());
  return true;
}

void Peer::Parts::refuse(const Unanswered& request, Code code) {
  Reply out;
  out.code = code;
  if (code == kTooLarge) out.size1 = settings->max_assembly;
  answer(request, out);
}

void Peer::Parts::on_time_of_unanswered(std::int64_t now_ms) {
  if (!rare) return;
  rare->assemblies.expire(now_ms);
  std::erase_if(rare->separate, [&](Transmission& each) {
    if (each.at_ms > now_ms) return false;
    if (!each.again(now_ms)) return true;
    ++counters->retransmitted;
    send(each.datagram);
    return false;
  });
  std::erase_if(rare->unanswered,
                [&](const Unanswered& each) { return each.expires_ms <= now_ms; });
  for (Unanswered& each : rare->unanswered) {
    if (!each.confirmable || each.acknowledged || each.acknowledge_ms > now_ms) continue;
    each.acknowledged = true;
    send_empty(Type::ack, each.id);
  }
}

}  // namespace coap
