// CoAP messages as they arrive [RFC 7252 3]: views into a datagram, nothing is copied. Pure
// functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace coap {

enum class Type : std::uint8_t { con, non, ack, rst };

// As on the wire: class in the upper three bits, detail below [RFC 7252 5.2].
using Code = std::uint8_t;
constexpr Code code(unsigned of_class, unsigned detail) {
  return static_cast<Code>(of_class << 5 | detail);
}
constexpr unsigned class_of(Code code) { return code >> 5; }
constexpr unsigned detail_of(Code code) { return code & 31u; }

inline constexpr Code kEmpty = 0, kGet = 1, kPost = 2, kPut = 3, kDelete = 4, kFetch = 5,
                      kPatch = 6, kIPatch = 7;
inline constexpr Code kCreated = code(2, 1), kDeleted = code(2, 2), kValid = code(2, 3),
                      kChanged = code(2, 4), kContent = code(2, 5), kContinue = code(2, 31);
inline constexpr Code kBadRequest = code(4, 0), kUnauthorized = code(4, 1), kBadOption = code(4, 2),
                      kForbidden = code(4, 3), kNotFound = code(4, 4),
                      kMethodNotAllowed = code(4, 5), kNotAcceptable = code(4, 6),
                      kIncomplete = code(4, 8), kPreconditionFailed = code(4, 12),
                      kTooLarge = code(4, 13), kUnsupportedFormat = code(4, 15);
inline constexpr Code kInternalError = code(5, 0), kBadGateway = code(5, 2),
                      kUnavailable = code(5, 3), kGatewayTimeout = code(5, 4),
                      kNoProxy = code(5, 5);

// Numbers of options; odd ones are critical.
namespace option {
inline constexpr std::uint16_t kIfMatch = 1, kUriHost = 3, kEtag = 4, kIfNoneMatch = 5,
                               kObserve = 6, kUriPort = 7, kLocationPath = 8, kOscore = 9,
                               kUriPath = 11, kContentFormat = 12, kMaxAge = 14, kUriQuery = 15,
                               kAccept = 17, kLocationQuery = 20, kBlock2 = 23, kBlock1 = 27,
                               kSize2 = 28, kProxyUri = 35, kProxyScheme = 39, kSize1 = 60;
}  // namespace option

struct Option {
  std::uint16_t number = 0;
  std::string_view value;
};

// Walks the options of a parsed message, in order.
class OptionReader {
 public:
  explicit OptionReader(std::string_view area) : rest_(area) {}
  bool next(Option& out);  // false: no more

 private:
  std::string_view rest_;
  std::uint16_t number_ = 0;
};

// `options` has been checked: an OptionReader goes to its end.
struct Message {
  Type type = Type::con;
  Code code = kEmpty;
  std::uint16_t id = 0;
  std::string_view token, options, payload;

  bool is_request() const { return class_of(code) == 0 && code != kEmpty; }
  bool is_response() const { return class_of(code) >= 2; }
};

enum class Parsed : std::uint8_t {
  ok,
  ignore,  // not CoAP, or malformed and not confirmable: not a word
  reset,   // malformed and confirmable: RST with Message::id, which is all that is set
};
Parsed parse(std::string_view datagram, Message& out);

// The value of an option of a number [RFC 7252 3.2]; none: longer than `most` octets.
std::optional<std::uint32_t> uint_value(std::string_view value, std::size_t most);

// Block1 and Block2 [RFC 7959 2.2].
struct Block {
  std::uint32_t number = 0;
  bool more = false;
  std::uint8_t szx = 0;  // 0..6

  std::uint32_t size() const { return 16u << szx; }
  std::uint64_t offset() const { return std::uint64_t{number} << (szx + 4); }
};
std::optional<Block> block_value(std::string_view value);  // none: too long, or szx 7
std::uint32_t value_of(const Block& block);                // for Writer::number()

}  // namespace coap
