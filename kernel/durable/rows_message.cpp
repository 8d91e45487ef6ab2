// Rows of messages and deliveries.
//   message   format 1, flags, received (Unix ms), topic, properties, payload; with kExpires: the
//             expiry interval behind the time
//   delivery  format 1, flags; with kIds: their number and they; with kGroup: the group; then with
//             kInline the message's row, else the message's id
#include "kernel/durable/row_io.hpp"
#include "kernel/durable/rows.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint8_t kMessageFormat = 1;
constexpr std::uint8_t kQosBits = 0x03, kRetain = 0x04;  // of both

constexpr std::uint8_t kExpires = 0x08, kMessageFlags = 0x0f;
constexpr std::size_t kMessageSize = 2 + 8 + 3 * kTextLength;

constexpr std::uint8_t kShared = 0x08, kInline = 0x10, kIds = 0x20, kGroup = 0x40,
                       kDeliveryFlags = 0x7f;

// When the message came in, by a clock that survives. Moments before it started do not overflow.
std::int64_t to_unix(std::int64_t monotonic_ms, const RowClock& clock) {
  return clock.unix_ms - (clock.now_ms - monotonic_ms);
}

// The same moment by today's monotonic clock; negative when it was before that clock started. A
// message from the future, as after the clock was set back, came in just now: so no message lives
// longer than it was published for. The bound only keeps damaged times from overflowing.
std::int64_t to_monotonic(std::int64_t unix_ms, const RowClock& clock) {
  constexpr std::uint64_t kOldest = std::uint64_t{1} << 50;
  if (unix_ms >= clock.unix_ms) return clock.now_ms;
  const std::uint64_t age =
      static_cast<std::uint64_t>(clock.unix_ms) - static_cast<std::uint64_t>(unix_ms);
  return clock.now_ms - static_cast<std::int64_t>(age < kOldest ? age : kOldest);
}

std::uint8_t flags_of(const DeliveryRow& row, bool in_row) {
  return static_cast<std::uint8_t>(
      (row.qos & kQosBits) | (row.retain ? kRetain : 0u) |
      (row.shared_subscription ? kShared : 0u) | (in_row ? kInline : 0u) |
      (row.subscription_ids.empty() ? 0u : kIds) | (row.group.empty() ? 0u : kGroup));
}

bool read_ids(RowReader& in, std::vector<std::uint32_t>& out) {
  const std::size_t count = in.u32();
  if (count == 0 || count > in.left() / 4) return false;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(in.u32());
  return true;
}

}  // namespace

std::size_t message_row_size(const MessageView& message) {
  return kMessageSize + (message.expiry_s == kNoExpiry ? 0 : 4) + message.topic.size() +
         message.properties.size() + message.payload.size();
}

char* write_message_row(char* at, const MessageView& message, const RowClock& clock) {
  const bool expires = message.expiry_s != kNoExpiry;
  *at++ = static_cast<char>(kMessageFormat);
  *at++ = static_cast<char>((message.qos & kQosBits) | (message.retain ? kRetain : 0u) |
                            (expires ? kExpires : 0u));
  at = store_be64(at, static_cast<std::uint64_t>(to_unix(message.received_ms, clock)));
  if (expires) at = store_be32(at, message.expiry_s);
  return store_text(store_text(store_text(at, message.topic), message.properties), message.payload);
}

MessagePtr read_message_row(std::string_view value, const RowClock& clock) {
  RowReader in(value);
  const std::uint8_t flags = in.begin(kMessageFormat, kMessageFlags);
  MessageView message;
  message.durability = Durability::fsync;  // as it was when it was written
  message.qos = flags & kQosBits;
  message.retain = (flags & kRetain) != 0;
  message.received_ms = to_monotonic(in.i64(), clock);
  if ((flags & kExpires) != 0) message.expiry_s = in.u32();
  message.topic = in.text();
  message.properties = in.text();
  message.payload = in.text();
  const bool never = (flags & kExpires) != 0 && message.expiry_s == kNoExpiry;
  if (!in.complete() || message.qos > 2 || never) return {};
  return Message::create(message);
}

std::size_t delivery_row_size(const DeliveryRow& row, const MessageView* inline_message) {
  std::size_t size = 2;
  if (!row.subscription_ids.empty()) size += 4 + 4 * row.subscription_ids.size();
  if (!row.group.empty()) size += kTextLength + row.group.size();
  return size + (inline_message == nullptr ? 8 : message_row_size(*inline_message));
}

char* write_delivery_row(char* at, const DeliveryRow& row, const MessageView* inline_message,
                         const RowClock& clock) {
  *at++ = static_cast<char>(kMessageFormat);
  *at++ = static_cast<char>(flags_of(row, inline_message != nullptr));
  if (!row.subscription_ids.empty()) {
    at = store_be32(at, static_cast<std::uint32_t>(row.subscription_ids.size()));
    for (const std::uint32_t id : row.subscription_ids) at = store_be32(at, id);
  }
  if (!row.group.empty()) at = store_text(at, row.group);
  return inline_message == nullptr ? store_be64(at, row.message_id)
                                   : write_message_row(at, *inline_message, clock);
}

std::optional<ReadDelivery> read_delivery_row(std::string_view value, const RowClock& clock) {
  RowReader in(value);
  const std::uint8_t flags = in.begin(kMessageFormat, kDeliveryFlags);
  ReadDelivery out;
  out.row.qos = flags & kQosBits;
  out.row.retain = (flags & kRetain) != 0;
  out.row.shared_subscription = (flags & kShared) != 0;
  if ((flags & kIds) != 0 && !read_ids(in, out.row.subscription_ids)) return std::nullopt;
  if ((flags & kGroup) != 0) out.row.group = in.text();
  if (((flags & kGroup) != 0 && out.row.group.empty()) || out.row.qos > 2) return std::nullopt;
  if ((flags & kInline) != 0) {
    out.message = read_message_row(in.rest(), clock);
    if (!out.message) return std::nullopt;
  } else {
    out.row.message_id = in.u64();
    if (out.row.message_id == 0) return std::nullopt;
  }
  if (!in.complete()) return std::nullopt;
  return out;
}

}  // namespace keel::kernel
