#include "kernel/durable/row_io.hpp"
#include "kernel/durable/rows.hpp"

namespace keel::kernel {

namespace {
constexpr std::uint8_t kTransitFormat = 1;
constexpr std::uint8_t kPlain = 1;
}  // namespace

std::string write_row(const TransitRow& row, const MessageView& message, const RowClock& clock) {
  std::size_t size = 2 + 3 * 4 + 8;
  for (const std::string& group : row.groups) size += kTextLength + group.size();
  std::string value(size + message_row_size(message), '\0');
  char* at = value.data();
  *at++ = static_cast<char>(kTransitFormat);
  *at++ = static_cast<char>(row.plain ? kPlain : 0);
  at = store_be64(store_be32(store_be32(at, row.shard), row.shards), row.seed);
  at = store_be32(at, static_cast<std::uint32_t>(row.groups.size()));
  for (const std::string& group : row.groups) at = store_text(at, group);
  write_message_row(at, message, clock);
  return value;
}

std::optional<TransitRow> read_transit_row(std::string_view value, const RowClock& clock,
                                           MessagePtr& message) {
  RowReader in(value);
  TransitRow row;
  row.plain = in.begin(kTransitFormat, kPlain) & kPlain;
  row.shard = in.u32();
  row.shards = in.u32();
  row.seed = in.u64();
  const std::uint32_t groups = in.u32();
  if (!in.ok() || groups > in.left() / kTextLength || row.shard >= row.shards) return std::nullopt;
  for (std::uint32_t i = 0; i < groups; ++i) row.groups.emplace_back(in.text());
  message = read_message_row(in.rest(), clock);
  if (!in.complete() || !message) return std::nullopt;
  return row;
}

}  // namespace keel::kernel
