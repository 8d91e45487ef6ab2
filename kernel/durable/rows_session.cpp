// Rows of sessions and subscriptions.
//   session       format 1, flags, store id, expiry, created, away since, sent through, user name,
//                 mountpoint; with kWill: delay, expiry, topic, properties, payload
//   subscription  format 1, flags, subscription identifier
#include "kernel/durable/row_io.hpp"
#include "kernel/durable/rows.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint8_t kSessionFormat = 1;

// Of a session.
constexpr std::uint8_t kCleanStart = 0x01, kWill = 0x02, kWillRetain = 0x04, kWillQosShift = 3,
                       kWillQos = 0x18, kSessionFlags = 0x1f;
constexpr std::size_t kSessionSize = 2 + 8 + 4 + 8 + 8 + 8 + 2 * kTextLength;
constexpr std::size_t kWillSize = 4 + 4 + 3 * kTextLength;

// Of a subscription.
constexpr std::uint8_t kMaximumQosBits = 0x03, kNoLocal = 0x04, kRetainAsPublished = 0x08,
                       kSubscriptionFlags = 0x0f;
constexpr std::size_t kSubscriptionSize = 2 + 4;

std::uint8_t flags_of(const SessionRow& row) {
  unsigned flags = row.clean_start ? kCleanStart : 0;
  if (row.will) {
    flags |= kWill | (row.will->retain ? kWillRetain : 0u) |
             (static_cast<unsigned>(row.will->qos) << kWillQosShift & kWillQos);
  }
  return static_cast<std::uint8_t>(flags);
}

Will read_will(RowReader& in, std::uint8_t flags) {
  Will will;
  will.qos = static_cast<std::uint8_t>((flags & kWillQos) >> kWillQosShift);
  will.retain = (flags & kWillRetain) != 0;
  will.delay_s = in.u32();
  will.expiry_s = in.u32();
  will.topic = in.text();
  will.properties = in.text();
  will.payload = in.text();
  return will;
}

}  // namespace

std::string write_row(const SessionRow& row) {
  std::size_t size = kSessionSize + row.username.size() + row.mountpoint.size();
  if (row.will) size += kWillSize + static_cast<std::size_t>(row.will->size());
  std::string value(size, '\0');
  char* at = value.data();
  *at++ = static_cast<char>(kSessionFormat);
  *at++ = static_cast<char>(flags_of(row));
  at = store_be64(at, row.store_id);
  at = store_be32(at, row.expiry_s);
  at = store_be64(at, static_cast<std::uint64_t>(row.created_at_s));
  at = store_be64(at, static_cast<std::uint64_t>(row.away_since_ms));
  at = store_be64(at, row.sent_through);
  at = store_text(store_text(at, row.username), row.mountpoint);
  if (row.will) {
    const Will& will = *row.will;
    at = store_be32(store_be32(at, will.delay_s), will.expiry_s);
    at = store_text(store_text(store_text(at, will.topic), will.properties), will.payload);
  }
  return value;
}

std::optional<SessionRow> read_session_row(std::string_view value) {
  RowReader in(value);
  const std::uint8_t flags = in.begin(kSessionFormat, kSessionFlags);
  SessionRow row;
  row.clean_start = (flags & kCleanStart) != 0;
  row.store_id = in.u64();
  row.expiry_s = in.u32();
  row.created_at_s = in.i64();
  row.away_since_ms = in.i64();
  row.sent_through = in.u64();
  row.username = in.text();
  row.mountpoint = in.text();
  if ((flags & kWill) != 0)
    row.will = read_will(in, flags);
  else if ((flags & (kWillQos | kWillRetain)) != 0)
    return std::nullopt;
  if (!in.complete() || (row.will && row.will->qos > 2)) return std::nullopt;
  return row;
}

std::string write_row(const SubscriptionRow& row) {
  std::string value(kSubscriptionSize, '\0');
  const unsigned flags = (row.qos & kMaximumQosBits) | (row.no_local ? kNoLocal : 0u) |
                         (row.retain_as_published ? kRetainAsPublished : 0u);
  value[0] = static_cast<char>(kSessionFormat);
  value[1] = static_cast<char>(flags);
  store_be32(value.data() + 2, row.subscription_id);
  return value;
}

std::optional<SubscriptionRow> read_subscription_row(std::string_view value) {
  RowReader in(value);
  const std::uint8_t flags = in.begin(kSessionFormat, kSubscriptionFlags);
  SubscriptionRow row;
  row.qos = flags & kMaximumQosBits;
  row.no_local = (flags & kNoLocal) != 0;
  row.retain_as_published = (flags & kRetainAsPublished) != 0;
  row.subscription_id = in.u32();
  if (!in.complete() || row.qos > 2) return std::nullopt;
  return row;
}

}  // namespace keel::kernel
