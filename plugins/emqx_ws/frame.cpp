#include "emqx_ws/frame.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <keel/utf8.hpp>

namespace ws {
namespace {

constexpr std::uint8_t kReserved = 0x30, kOpcodeBits = 0x0f, kMasked = 0x80, kLengthBits = 0x7f;

using Step = FrameReader::Step;
typedef std::uint64_t Block __attribute__((vector_size(16)));  // what every machine has

Step violated(std::uint16_t with, const char* text) {
  return {FrameReader::Event::violation, 0, Opcode::continuation, {with, text}};
}
Step more() { return {FrameReader::Event::need_more, 0, Opcode::continuation, {}}; }

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char c : bytes) out = out << 8 | static_cast<std::uint8_t>(c);
  return out;
}

// What the first two bytes alone tell.
const char* bad_start(std::uint8_t first, std::uint8_t second) {
  if (first & kReserved) return "a reserved bit is set";
  if (!(second & kMasked)) return "a client's frame must be masked";
  const std::uint8_t opcode = first & kOpcodeBits;
  if ((opcode > 2 && opcode < 8) || opcode > 10) return "a reserved opcode";
  if (opcode < 8) return nullptr;
  if (first & kRsv1) return "a reserved bit is set in a control frame";
  if (!(first & kFin)) return "a control frame must not be fragmented";
  if ((second & kLengthBits) > kMaxControl) return "a control frame has at most 125 bytes";
  return nullptr;
}

}  // namespace

Step FrameReader::step(std::string_view in, const Limits& limits, char (&control)[kMaxControl],
                       std::size_t& control_size) {
  if (in.size() < 2) return more();
  const auto first = static_cast<std::uint8_t>(in[0]), second = static_cast<std::uint8_t>(in[1]);
  if (const char* const wrong = bad_start(first, second)) {
    return violated(code::protocol_error, wrong);
  }
  std::uint64_t size = second & kLengthBits;
  const std::size_t extra = size == 127 ? 8 : size == 126 ? 2 : 0;
  const std::size_t head = 2 + extra + 4;
  if (in.size() < head) return more();
  if (extra != 0) {
    size = big_endian(in.substr(2, extra));
    if (size < (extra == 2 ? 126u : 65536u)) {
      return violated(code::protocol_error, "a length must be written as short as possible");
    }
    if (size >> 63) return violated(code::protocol_error, "a length of more than 63 bits");
  }
  std::uint32_t mask;
  std::memcpy(&mask, in.data() + 2 + extra, sizeof mask);
  const auto opcode = static_cast<Opcode>(first & kOpcodeBits);
  if (opcode < Opcode::close) {
    const Step out = data_frame(opcode, first, size, limits, head);
    if (out.event == Event::data) mask_ = mask;
    return out;
  }
  if (in.size() < head + size) return more();
  control_size = static_cast<std::size_t>(size);
  unmask(in.data() + head, control, control_size, mask);
  return {Event::control, head + control_size, opcode, {}};
}

Step FrameReader::data_frame(Opcode opcode, std::uint8_t first, std::uint64_t size,
                             const Limits& limits, std::size_t consumed) {
  if (opcode == Opcode::text) {
    return violated(code::unacceptable, "MQTT needs binary frames, this is text");
  }
  const bool begins = opcode == Opcode::binary;
  if (begins && in_message()) {
    return violated(code::protocol_error, "a new message within a fragmented one");
  }
  if (!begins && !in_message()) {
    return violated(code::protocol_error, "a continuation of nothing");
  }
  if ((first & kRsv1) && (!begins || !limits.compression)) {
    return violated(code::protocol_error, "compression that was not agreed on");
  }
  if (limits.max_frame != 0 && size > limits.max_frame) {
    return violated(code::too_big, "a frame above max_frame_size");
  }
  if (begins) flags_ = static_cast<std::uint8_t>(kOpen | (first & kRsv1 ? kCompressed : 0));
  if (first & kFin) flags_ |= kFinal;
  remaining_ = size;
  if (size == 0 && (flags_ & kFinal)) flags_ |= kEnded;
  return {Event::data, consumed, opcode, {}};
}

std::size_t FrameReader::take(std::string_view in, char* to, std::size_t most) {
  const auto n =
      static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, std::min(most, in.size())));
  mask_ = unmask(in.data(), to, n, mask_);
  remaining_ -= n;
  if (remaining_ == 0 && (flags_ & kFinal)) flags_ |= kEnded;
  return n;
}

bool FrameReader::take_message_end() {
  if (!(flags_ & kEnded)) return false;
  flags_ = 0;
  return true;
}

// In blocks that the compiler turns into vector instructions, then bytes.
std::uint32_t unmask(const char* from, char* to, std::size_t n, std::uint32_t mask) {
  const std::uint64_t wide = std::uint64_t{mask} << 32 | mask;
  std::size_t i = 0;
  for (; i + sizeof(Block) <= n; i += sizeof(Block)) {
    Block block;
    std::memcpy(&block, from + i, sizeof block);
    block ^= wide;
    std::memcpy(to + i, &block, sizeof block);
  }
  for (; i + sizeof wide <= n; i += sizeof wide) {
    std::uint64_t word;
    std::memcpy(&word, from + i, sizeof word);
    word ^= wide;
    std::memcpy(to + i, &word, sizeof word);
  }
  char key[4];
  std::memcpy(key, &mask, 4);
  for (; i < n; ++i) to[i] = static_cast<char>(from[i] ^ key[i & 3]);
  const int turn = static_cast<int>(n & 3) * 8;
  return std::endian::native == std::endian::little ? std::rotr(mask, turn) : std::rotl(mask, turn);
}

std::size_t write_head(char (&to)[kMaxServerHead], std::uint8_t first, std::uint64_t size) {
  to[0] = static_cast<char>(first);
  if (size < 126) {
    to[1] = static_cast<char>(size);
    return 2;
  }
  const int bytes = size < 65536 ? 2 : 8;
  to[1] = bytes == 2 ? 126 : 127;
  for (int i = 0; i < bytes; ++i) to[2 + i] = static_cast<char>(size >> (8 * (bytes - 1 - i)));
  return static_cast<std::size_t>(2 + bytes);
}

CloseInfo read_close(std::string_view payload) {
  if (payload.empty()) return {code::none, {}, {}};
  CloseInfo out{0, {}, {}};
  if (payload.size() == 1) {
    out.violation = {code::protocol_error, "half a close code"};
    return out;
  }
  out.code = static_cast<std::uint16_t>(big_endian(payload.substr(0, 2)));
  out.reason = payload.substr(2);
  const bool defined = (out.code >= 1000 && out.code <= 1003) ||
                       (out.code >= 1007 && out.code <= 1014) ||
                       (out.code >= 3000 && out.code <= 4999);
  if (!defined) {
    out.violation = {code::protocol_error, "a close code that must not be sent"};
  } else if (!keel::is_utf8(out.reason)) {
    out.violation = {code::bad_data, "a close reason that is not UTF-8"};
  }
  return out;
}

}  // namespace ws
