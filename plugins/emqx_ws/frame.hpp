// WebSocket frames (RFC 6455, section 5), without input or output: a reader of what a client sends,
// which finds every violation and holds sixteen bytes between calls, and the heads of frames to a
// client. Values; any thread, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ws {

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

// Codes of close frames (section 7.4.1).
namespace code {
constexpr std::uint16_t normal = 1000, going_away = 1001, protocol_error = 1002,
                        unacceptable = 1003, none = 1005, lost = 1006, bad_data = 1007,
                        policy = 1008, too_big = 1009, internal = 1011;
}  // namespace code

constexpr std::size_t kMaxControl = 125;    // payload of a control frame
constexpr std::size_t kMaxHead = 14;        // of a client's frame
constexpr std::size_t kMaxServerHead = 10;  // of ours, which have no mask
constexpr std::uint8_t kFin = 0x80, kRsv1 = 0x40;

// Why a connection cannot go on: what its close frame says.
struct Violation {
  std::uint16_t code;
  const char* text;
};

class FrameReader {
 public:
  struct Limits {
    std::uint64_t max_frame = 0;  // payload of a data frame; 0: none
    bool compression = false;     // permessage-deflate was negotiated
  };
  enum class Event : std::uint8_t {
    need_more,  // show the same bytes again with more behind them
    data,       // the head of a data frame was consumed; its payload follows, by take()
    control,    // a whole control frame: opcode, payload
    violation
  };
  struct Step {
    Event event;
    std::size_t consumed;
    Opcode opcode;
    Violation violation;
  };
  // What take() leaves between calls, for another reader to go on with.
  struct State {
    std::uint64_t remaining;
    std::uint32_t mask;
    std::uint8_t flags;
  };

  FrameReader() = default;
  explicit FrameReader(const State& state)
      : remaining_(state.remaining), mask_(state.mask), flags_(state.flags) {}
  State state() const { return {remaining_, mask_, flags_}; }

  // The next head; to be called while payload() is 0. The unmasked payload of a control frame goes
  // to `control`.
  Step step(std::string_view in, const Limits& limits, char (&control)[kMaxControl],
            std::size_t& control_size);
  // Bytes of the data frame that are still to come.
  std::uint64_t payload() const { return remaining_; }
  // Unmasks the next bytes of it, at most `most`; answers how many. `to` may be where they are, or
  // before.
  std::size_t take(std::string_view in, char* to, std::size_t most);

  bool compressed() const { return flags_ & kCompressed; }
  bool in_message() const { return flags_ & kOpen; }
  // Whether payload() == 0 ended a message, and not only a frame of it. Once per message.
  bool take_message_end();

 private:
  enum : std::uint8_t { kOpen = 1, kCompressed = 2, kFinal = 4, kEnded = 8 };

  Step data_frame(Opcode opcode, std::uint8_t first, std::uint64_t size, const Limits& limits,
                  std::size_t consumed);

  std::uint64_t remaining_ = 0;
  std::uint32_t mask_ = 0;  // turned so that its first byte is the next one's
  std::uint8_t flags_ = 0;
};
static_assert(sizeof(FrameReader) == 16);

// XORs `n` bytes with the mask; answers the mask for what follows. `to` may be `from`, or before
// it.
std::uint32_t unmask(const char* from, char* to, std::size_t n, std::uint32_t mask);

// The head of a frame to the client; answers its size. `first`: opcode and flags.
std::size_t write_head(char (&to)[kMaxServerHead], std::uint8_t first, std::uint64_t size);

// What a close frame says. `violation.code` is not 0 when it says it wrongly.
struct CloseInfo {
  std::uint16_t code;  // code::none: nothing
  std::string_view reason;
  Violation violation;
};
CloseInfo read_close(std::string_view payload);

}  // namespace ws
