// PUBLISH to a client [MQTT5 3.3].
#include <bit>

#include "kernel/codec/encoder.hpp"
#include "kernel/codec/writer.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kMaxRemaining = kMaxPacketSize - 5;

struct Sizes {
  std::size_t properties = 0;  // of the section, its length field excluded
  std::size_t remaining = 0;
};

Sizes measure(Version version, const PublishFields& f) {
  Sizes sizes;
  sizes.remaining = 2 + f.topic.size() + (f.qos != 0 ? 2 : 0) + f.payload.size();
  if (version != Version::v5) return sizes;
  sizes.properties = f.properties.size();
  if (f.expiry_s != kNoExpiry) sizes.properties += 5;
  if (f.topic_alias != 0) sizes.properties += 3;
  for (const std::uint32_t id : f.subscription_ids) sizes.properties += 1 + varint_size(id);
  sizes.remaining += sizes.properties;
  sizes.remaining += sizes.properties < 128 ? 1
                     : sizes.properties <= kMaxRemaining
                         ? varint_size(static_cast<std::uint32_t>(sizes.properties))
                         : 5;
  return sizes;
}

std::size_t packet_size(const Sizes& sizes) {
  if (sizes.remaining > kMaxRemaining) return 5 + sizes.remaining;
  return 1 + varint_size(static_cast<std::uint32_t>(sizes.remaining)) + sizes.remaining;
}

bool fits(const PublishFields& f, const Sizes& sizes) {
  return sizes.remaining <= kMaxRemaining && f.topic.size() <= 65535;
}

char* put_properties(char* at, const PublishFields& f, std::size_t size) {
  PropertyWriter writer(put_varint(at, static_cast<std::uint32_t>(size)));
  if (f.expiry_s != kNoExpiry) writer.u32(Property::message_expiry, f.expiry_s);
  if (f.topic_alias != 0) writer.u16(Property::topic_alias, f.topic_alias);
  at = writer.at();
  for (const std::uint32_t id : f.subscription_ids) {
    *at++ = static_cast<char>(Property::subscription_id);
    at = put_varint(at, id);
  }
  return put_bytes(at, f.properties);
}

// Everything before the payload, written at `begin`. `id_at` as encode_publish_head answers it.
// Inline, which saves a sixth of what encoding a message takes.
[[gnu::always_inline]] inline char* put_head(char* const begin, Version version,
                                             const PublishFields& f, const Sizes& sizes,
                                             std::size_t& id_at) {
  begin[0] = publish_first_byte(f.qos, f.retain, f.dup);
  char* at = put_varint(begin + 1, static_cast<std::uint32_t>(sizes.remaining));
  at = put_bytes(store_be16(at, static_cast<std::uint32_t>(f.topic.size())), f.topic);
  id_at = 0;
  if (f.qos != 0) {
    id_at = static_cast<std::size_t>(at - begin);
    at = store_be16(at, f.packet_id);
  }
  return version == Version::v5 ? put_properties(at, f, sizes.properties) : at;
}

}  // namespace

std::size_t varint_size(std::uint32_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

char* put_varint(char* at, std::uint32_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

std::size_t publish_size(Version version, const PublishFields& fields) {
  return packet_size(measure(version, fields));
}

std::size_t encode_publish_head(OutBuffer& out, Version version, const PublishFields& fields) {
  const Sizes sizes = measure(version, fields);
  if (!fits(fields, sizes)) return 0;
  char* const begin = out.reserve(5 + sizes.remaining - fields.payload.size());
  std::size_t id_at = 0;
  char* const end = put_head(begin, version, fields, sizes, id_at);
  out.commit(static_cast<std::size_t>(end - begin));
  return id_at;
}

bool encode_publish(OutBuffer& out, Version version, const PublishFields& fields,
                    const MessagePtr& holder, std::size_t largest) {
  const Sizes sizes = measure(version, fields);
  if (!fits(fields, sizes) || packet_size(sizes) > largest) return false;
  const bool slice = holder && fields.payload.size() >= OutBuffer::kSliceFrom;
  char* const begin =
      out.reserve(5 + sizes.remaining - (slice ? fields.payload.size() : std::size_t{0}));
  std::size_t id_at = 0;
  char* at = put_head(begin, version, fields, sizes, id_at);
  if (!slice) at = put_bytes(at, fields.payload);
  out.commit(static_cast<std::size_t>(at - begin));
  if (slice) out.append_slice(holder, fields.payload);
  return true;
}

}  // namespace keel::kernel
