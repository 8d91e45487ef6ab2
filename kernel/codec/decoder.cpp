// Fixed headers, topic names, and the packets without a family of their own.
#include "kernel/codec/decoder.hpp"

#include "kernel/base/utf8.hpp"
#include "kernel/codec/reader.hpp"

namespace keel::kernel {
namespace {

// For every packet type the flags it may have, one bit per value [MQTT5 2.1.3].
constexpr std::uint16_t kFlags[16] = {0x0000, 0x0001, 0x0001, 0xffff, 0x0001, 0x0001,
                                      0x0004, 0x0001, 0x0004, 0x0001, 0x0004, 0x0001,
                                      0x0001, 0x0001, 0x0001, 0x0001};
// MQTT 3.1 also marks resent PUBREL, SUBSCRIBE and UNSUBSCRIBE with DUP.
constexpr std::uint16_t kResent = 0x0404;

bool flags_allowed(unsigned type, unsigned flags, Version version) {
  std::uint16_t allowed = kFlags[type];
  if (version == Version::v31 && allowed == 0x0004) allowed = kResent;
  return (allowed >> flags & 1) != 0;
}

// Eight bytes of ASCII that may all stand in a topic name.
bool plain(const char* at) {
  const std::uint64_t word = swar::load(at);
  const std::uint64_t suspects = word | swar::differs_from(word, '\0') |
                                 swar::differs_from(word, '+') | swar::differs_from(word, '#');
  return (suspects & swar::kHighs) == 0;
}

}  // namespace

HeaderStatus parse_header(Bytes bytes, FixedHeader& out, Version version) {
  if (bytes.empty()) return HeaderStatus::incomplete;
  const std::uint8_t first = octet(bytes[0]);
  if (!flags_allowed(first >> 4, first & 15, version)) return HeaderStatus::malformed;
  out.type = static_cast<PacketType>(first >> 4);
  out.flags = first & 15;
  if (bytes.size() >= 2 && octet(bytes[1]) < 0x80) {  // as most have it
    out.remaining = octet(bytes[1]);
    out.size = 2;
    return HeaderStatus::ok;
  }
  std::uint32_t remaining = 0;
  for (std::uint8_t at = 1; at <= 4; ++at) {
    if (at == bytes.size()) return HeaderStatus::incomplete;
    const std::uint8_t byte = octet(bytes[at]);
    remaining |= std::uint32_t{byte & 0x7fu} << (7 * (at - 1));
    if (byte >= 0x80) continue;
    if (byte == 0 && at > 1 && version == Version::v5) return HeaderStatus::malformed;
    out.remaining = remaining;
    out.size = static_cast<std::uint8_t>(at + 1);
    return HeaderStatus::ok;
  }
  return HeaderStatus::malformed;
}

Fault parse_empty(Bytes body) { return body.empty() ? Fault{} : malformed("PINGREQ has a body"); }

bool valid_topic_name(Bytes topic) {
  const char* at = topic.data();
  const char* const end = at + topic.size();
  if (at == end) return false;
  while (at != end) {
    while (end - at >= 8 && plain(at)) at += 8;
    // A short rest, looked at together with what stands before it, or eight bytes to look at one by
    // one.
    if (end - at < 8 && topic.size() >= 8 && plain(end - 8)) return true;
    for (const char* stop = end - at < 8 ? end : at + 8; at < stop;) {
      if (octet(*at) < 0x80) {
        if (*at == '\0' || *at == '+' || *at == '#') return false;
        ++at;
      } else if ((at = skip_utf8_sequence(at, end)) == nullptr) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace keel::kernel
