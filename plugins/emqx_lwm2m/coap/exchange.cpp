#include "emqx_lwm2m/coap/exchange.hpp"

#include <bit>
#include <utility>

#include "emqx_lwm2m/coap/encode.hpp"

namespace coap {
namespace {

constexpr std::uint32_t kMaxNumber = (1u << 20) - 1;  // of a block
constexpr std::size_t kMaxOptions = 4'096;            // octets of path and queries

std::uint8_t szx_of(std::uint32_t block_size) {
  const int bits = static_cast<int>(std::bit_width(block_size)) - 1;
  return static_cast<std::uint8_t>(std::clamp(bits, 4, 10) - 4);
}

bool success(Code code) { return class_of(code) == 2; }

// Asking twice does nothing twice.
bool repeatable(Code method) {
  return method == kGet || method == kPut || method == kDelete || method == kFetch;
}

std::size_t octets_of(const std::vector<std::string>& options) {
  std::size_t out = 0;
  for (const std::string& each : options) out += each.size() + 5;
  return out;
}

}  // namespace

Exchange::Exchange(RequestId its_id, Request request, const Token& its_token, bool is_notification,
                   const PeerSettings& settings)
    : id(its_id),
      token(its_token),
      notification(is_notification),
      observe(request.observe),
      request_(std::move(request)),
      szx_(szx_of(settings.block_size)) {
  if (body().size() > settings.max_body_size || !numbered() ||
      octets_of(request_.path) + octets_of(request_.queries) > kMaxOptions) {
    state = State::doomed;
  }
}

Exchange::Exchange(RequestId its_id, Request request, const Token& its_token,
                   const PeerSettings& settings)
    : Exchange(its_id, std::move(request), its_token, false, settings) {}

std::unique_ptr<Exchange> Exchange::rest(RequestId id, Request request, const Token& observation,
                                         const PeerSettings& settings) {
  request.observe.reset();
  request.body.reset();
  return std::unique_ptr<Exchange>(
      new Exchange(id, std::move(request), observation, true, settings));
}

std::string_view Exchange::body() const {
  return request_.body ? std::string_view(*request_.body) : std::string_view();
}

bool Exchange::numbered() const {
  return body().size() <= (std::uint64_t{kMaxNumber} + 1) << (szx_ + 4);
}

Block Exchange::block() const {
  const std::size_t size = std::size_t{16} << szx_;
  return {static_cast<std::uint32_t>(offset_ / size), offset_ + size < body().size(), szx_};
}

bool Exchange::by_blocks() const { return by_blocks_ || body().size() > std::size_t{16} << szx_; }

void Exchange::write(std::string& datagram, std::uint16_t message_id,
                     const Token& its_token) const {
  Writer writer(datagram, Type::con, request_.method, message_id, its_token.view());
  const bool blocks = by_blocks() && !collecting_;
  // The rest of a response is asked for without the body; FETCH says there what it is about.
  const bool with_body =
      !body().empty() && (!collecting_ || (request_.method == kFetch && !by_blocks()));
  if (observe && !collecting_) writer.number(option::kObserve, *observe ? 0 : 1);
  for (const std::string& each : request_.path) writer.option(option::kUriPath, each);
  if (with_body && request_.content_format) {
    writer.number(option::kContentFormat, *request_.content_format);
  }
  for (const std::string& each : request_.queries) writer.option(option::kUriQuery, each);
  if (request_.accept) writer.number(option::kAccept, *request_.accept);
  if (collecting_) writer.number(option::kBlock2, value_of(next_));
  if (!blocks) {
    if (with_body) writer.payload(body());
    return;
  }
  const Block due = block();
  writer.number(option::kBlock1, value_of(due));
  if (offset_ == 0) writer.number(option::kSize1, static_cast<std::uint32_t>(body().size()));
  writer.payload(body().substr(offset_, due.size()));
}

Exchange::Step Exchange::take(const Message& message, const ResponseOptions& options,
                              std::uint32_t max_body) {
  if (!collecting_ && !body().empty()) {
    if (const auto step = take_continue(message.code, options)) return *step;
  }
  if (options.block2 && success(message.code)) return take_part(message, options, max_body);
  if (collecting_ && success(message.code)) return mismatch();
  begin_response(message, options);
  return Step::done;
}

Exchange::Step Exchange::replace(const Message& message, const ResponseOptions& options,
                                 std::uint32_t max_body) {
  collecting_ = restarted_ = false;
  return take(message, options, max_body);
}

// The body is under way. None: this is the answer to all of it.
std::optional<Exchange::Step> Exchange::take_continue(Code code, const ResponseOptions& options) {
  const bool smaller = options.block1 && options.block1->szx < szx_;
  if (code == kTooLarge && smaller) {
    szx_ = options.block1->szx;
    by_blocks_ = true;
    offset_ = 0;
    return numbered() ? Step::next : Step::too_large;
  }
  if (!by_blocks()) return std::nullopt;
  if (code == kIncomplete && !std::exchange(restarted_, true)) {
    offset_ = 0;
    return Step::next;
  }
  if (!success(code)) return std::nullopt;
  const Block sent = block();
  offset_ = std::min<std::size_t>(offset_ + sent.size(), body().size());
  if (!sent.more || !(options.block1 || code == kContinue)) return std::nullopt;
  if (smaller) szx_ = options.block1->szx;
  return numbered() ? Step::next : Step::too_large;
}

Exchange::Step Exchange::take_part(const Message& message, const ResponseOptions& options,
                                   std::uint32_t max_body) {
  const Block& block = *options.block2;
  const std::string_view payload = message.payload;
  if (!collecting_) begin_response(message, options);
  if (block.offset() != collected_.size() || options.etag != etag_ ||
      (block.more ? payload.size() != block.size() : payload.size() > block.size())) {
    return mismatch();
  }
  if (collected_.size() + payload.size() > max_body) return Step::too_large;
  if (!block.more && !collecting_) return Step::done;  // it is the only one
  collected_.append(payload);
  if (!block.more) return Step::done;
  if (block.number == kMaxNumber) return Step::too_large;
  collecting_ = true;
  next_ = {block.number + 1, false, block.szx};
  return Step::next;
}

Exchange::Step Exchange::mismatch() {
  if (std::exchange(restarted_, true) || !repeatable(request_.method)) return Step::broken;
  collecting_ = false;
  offset_ = 0;
  return Step::next;
}

void Exchange::begin_response(const Message& message, const ResponseOptions& options) {
  collecting_ = false;
  collected_.clear();
  etag_ = options.etag;
  location_ = options.location;
  code_ = message.code;
  content_format_ = options.content_format;
  // A representation that was fetched from the beginning is still what the notification told of.
  if (!notification || options.observe) sequence_ = options.observe;
}

Response Exchange::response(const Message& last) const {
  Response out;
  out.code = code_;
  out.content_format = content_format_;
  out.observe = sequence_;
  out.token = token.view();
  out.payload = collecting_ ? std::string_view(collected_) : last.payload;
  out.location = location_;
  return out;
}

}  // namespace coap
