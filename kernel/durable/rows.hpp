// The values of the store's rows, as octets. Every value begins with the number of its format, so
// that later versions read what earlier ones wrote. Numbers are big-endian; texts carry their
// length. Reading checks everything: a row that does not parse is damaged, and reported as such.
// Times are Unix milliseconds: the monotonic clock does not survive a restart. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/clock.hpp"
#include "kernel/codec/message.hpp"
#include "kernel/session/will.hpp"

namespace keel::kernel {

// ---- keys ---------------------------------------------------------------------------------------
// A number, as 8 octets, alone or in front of another part.
std::string number_key(std::uint64_t number);
std::string number_key(std::uint64_t number, std::uint64_t second);   // queue, sent
std::string id_key(std::uint64_t store_id, std::uint16_t packet_id);  // released, awaiting
std::string text_key(std::uint64_t store_id, std::string_view text);  // subscriptions
// False: not of this form.
bool read_number_key(std::string_view key, std::uint64_t& number);
bool read_number_key(std::string_view key, std::uint64_t& number, std::uint64_t& second);
bool read_id_key(std::string_view key, std::uint64_t& store_id, std::uint16_t& packet_id);
bool read_text_key(std::string_view key, std::uint64_t& store_id, std::string_view& text);

// ---- sessions -----------------------------------------------------------------------------------
struct SessionRow {
  std::uint64_t store_id = 0;
  std::uint32_t expiry_s = 0;
  std::int64_t created_at_s = 0;
  std::int64_t away_since_ms = 0;  // Unix; 0: the client was connected when this was written
  std::uint64_t sent_through = 0;  // the highest sequence that may have been sent to the client
  bool clean_start = false;
  std::string username, mountpoint;
  std::optional<Will> will;
};
std::string write_row(const SessionRow& row);
std::optional<SessionRow> read_session_row(std::string_view value);

struct SubscriptionRow {
  std::uint8_t qos = 0;
  bool no_local = false, retain_as_published = false;
  std::uint32_t subscription_id = 0;
};
std::string write_row(const SubscriptionRow& row);
std::optional<SubscriptionRow> read_subscription_row(std::string_view value);

// ---- messages -----------------------------------------------------------------------------------
// A message with its clock turned: `now_ms` is the monotonic clock now, `unix_ms` the same moment's
// Unix time. The publisher is not kept: its number means nothing after a restart.
struct RowClock {
  std::int64_t now_ms, unix_ms;
  static RowClock now() {
    return {monotonic_ms(), unix_time_ms()};
  }  // for threads that are no shard
};
std::size_t message_row_size(const MessageView& message);
// Writes exactly that many octets; answers the end.
char* write_message_row(char* at, const MessageView& message, const RowClock& clock);
// Null: damaged. What has expired is read like any other; ask Message::expired().
MessagePtr read_message_row(std::string_view value, const RowClock& clock);

// What a queue holds: the delivery's own part, then the message itself, or the id of a shared one.
struct DeliveryRow {
  std::uint8_t qos = 0;
  bool retain = false, shared_subscription = false;
  std::vector<std::uint32_t> subscription_ids;
  std::string group;  // of a shared subscription: its filter as subscribed, for redispatch
  std::uint64_t message_id = 0;  // of a shared message; 0: the message follows in the row
};
std::size_t delivery_row_size(const DeliveryRow& row, const MessageView* inline_message);
char* write_delivery_row(char* at, const DeliveryRow& row, const MessageView* inline_message,
                         const RowClock& clock);
struct ReadDelivery {
  DeliveryRow row;
  MessagePtr message;  // null: shared, see row.message_id
};
std::optional<ReadDelivery> read_delivery_row(std::string_view value, const RowClock& clock);

// A message that a shard has taken and that sessions of another one are to get: written by the
// first, erased by the other one together with what it makes of it. Only a broker that ended in
// between finds it.
struct TransitRow {
  std::uint32_t shard = 0, shards = 0;  // for which shard, of how many
  std::uint64_t seed = 0;               // by which their sessions were chosen
  bool plain = false;                   // for its sessions that have subscribed
  std::vector<std::string> groups;      // for shared subscriptions with these filters
};
std::string write_row(const TransitRow& row, const MessageView& message, const RowClock& clock);
std::optional<TransitRow> read_transit_row(std::string_view value, const RowClock& clock,
                                           MessagePtr& message);

// ---- meta ---------------------------------------------------------------------------------------
inline constexpr std::uint32_t kStoreFormat = 1;
inline constexpr std::string_view kFormatKey = "format", kOpenedKey = "opened";
inline constexpr std::string_view kSeedKey = "seed";
// Of Space::meta, keys "format" and "opened": 8 octets, without a format number.
std::string write_number(std::uint64_t number);
std::optional<std::uint64_t> read_number(std::string_view value);

}  // namespace keel::kernel
