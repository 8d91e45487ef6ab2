#include "emqx_lwm2m/format/cbor.hpp"

#include <bit>
#include <cmath>
#include <keel/text.hpp>
#include <keel/utf8.hpp>
#include <limits>
#include <utility>

#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

using keel::Result, keel::Status;

constexpr std::uint8_t kIndefinite = 31;
constexpr std::uint64_t kDecimalFraction = 4;  // tag: [exponent, mantissa]
constexpr std::uint8_t kBreak = 0xff;

Status truncated() { return Status::error("it ends within an item"); }
Status not_cbor() { return Status::error("it is not CBOR"); }

double half(std::uint64_t bits) {
  const auto exponent = static_cast<int>(bits >> 10 & 0x1f);
  const auto mantissa = static_cast<double>(bits & 0x3ff);
  double out = 0;
  if (exponent == 0) {
    out = std::ldexp(mantissa, -24);
  } else if (exponent != 31) {
    out = std::ldexp(mantissa + 1024, exponent - 25);
  } else {
    out = mantissa == 0 ? std::numeric_limits<double>::infinity()
                        : std::numeric_limits<double>::quiet_NaN();
  }
  return bits & 0x8000 ? -out : out;
}

Plain natural(std::uint64_t number) {
  if (number <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return static_cast<std::int64_t>(number);
  return number;
}

// -1 - n.
Plain negative(std::uint64_t n) {
  if (n <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return -1 - static_cast<std::int64_t>(n);
  return -1 - static_cast<double>(n);
}

}  // namespace

Result<CborReader::Head> CborReader::take_head() {
  if (rest_.empty()) return truncated();
  const auto first = static_cast<std::uint8_t>(rest_[0]);
  Head out{static_cast<Major>(first >> 5), static_cast<std::uint8_t>(first & 0x1f), 0};
  rest_.remove_prefix(1);
  if (out.low < 24) {
    out.argument = out.low;
  } else if (out.low < 28) {
    const std::size_t size = std::size_t{1} << (out.low - 24);
    if (rest_.size() < size) return truncated();
    for (std::size_t i = 0; i < size; ++i)
      out.argument = out.argument << 8 | static_cast<std::uint8_t>(rest_[i]);
    rest_.remove_prefix(size);
  } else if (out.low != kIndefinite) {
    return not_cbor();
  }
  const bool is_number = out.major == Major::natural || out.major == Major::negative;
  if (out.low == kIndefinite && (is_number || out.major == Major::tag)) return not_cbor();
  return out;
}

// Any number of tags; only the innermost one counts.
Result<CborReader::Head> CborReader::take_untagged(bool& is_decimal) {
  is_decimal = false;
  for (;;) {
    auto head = take_head();
    if (!head || head->major != Major::tag) return head;
    is_decimal = head->argument == kDecimalFraction;
  }
}

Result<CborReader::Count> CborReader::take_container(Major major) {
  bool is_decimal = false;
  const auto head = take_untagged(is_decimal);
  if (!head) return head.status();
  if (head->major != major)
    return Status::error(major == Major::array ? "an array is missing" : "a map is missing");
  return head->low == kIndefinite ? Count() : Count(head->argument);
}

Result<bool> CborReader::at_end_of(Count& count) {
  if (count) {
    if (*count == 0) return true;
    --*count;
    return false;
  }
  if (rest_.empty()) return truncated();
  if (static_cast<std::uint8_t>(rest_[0]) != kBreak) return false;
  rest_.remove_prefix(1);
  return true;
}

Result<std::string> CborReader::take_chunk(std::uint64_t size) {
  if (rest_.size() < size) return truncated();
  std::string out(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return out;
}

Result<std::string> CborReader::take_string(const Head& head) {
  if (head.low != kIndefinite) return take_chunk(head.argument);
  std::string out;
  for (Count count;;) {
    const auto ended = at_end_of(count);
    if (!ended) return ended.status();
    if (*ended) return out;
    const auto chunk = take_head();
    if (!chunk) return chunk.status();
    if (chunk->major != head.major || chunk->low == kIndefinite) return not_cbor();
    auto piece = take_chunk(chunk->argument);
    if (!piece) return piece;
    out += *piece;
  }
}

// An array of exponent (to base 10) and mantissa, whose head is `head`.
Result<Plain> CborReader::take_decimal(const Head& head) {
  if (head.major != Major::array || head.low == kIndefinite || head.argument != 2)
    return Status::error("a decimal fraction that is none");
  const auto exponent = take_head();
  if (!exponent) return exponent.status();
  const auto mantissa = take_head();
  if (!mantissa) return mantissa.status();
  if (exponent->major > Major::negative || mantissa->major > Major::negative)
    return Status::error("a decimal fraction that is none");
  std::string text;
  // -1 - n, whose n may have all 64 bits.
  if (mantissa->major == Major::negative) text.push_back('-');
  const bool carry = mantissa->major == Major::negative;
  if (carry && mantissa->argument == std::numeric_limits<std::uint64_t>::max())
    return Status::error("a decimal fraction that is too large");
  append_number(text, mantissa->argument + (carry ? 1 : 0));
  text += exponent->major == Major::negative ? "e-" : "e";
  if (exponent->argument >= 10'000) return Status::error("a decimal fraction that is too large");
  append_number(text, exponent->argument + (exponent->major == Major::negative ? 1 : 0));
  const auto number = parse_float(text);
  if (!number) return Status::error("a decimal fraction that is too large");
  return Plain(*number);
}

Result<Plain> CborReader::simple(const Head& head) const {
  switch (head.low) {
    case 20:
    case 21:
      return Plain(head.low == 21);
    case 22:
    case 23:
      return Plain();
    case 25:
      return Plain(half(head.argument));
    case 26:
      return Plain(double{std::bit_cast<float>(static_cast<std::uint32_t>(head.argument))});
    case 27:
      return Plain(std::bit_cast<double>(head.argument));
    default:
      return Status::error("a value of a kind that is not used here");
  }
}

Result<Plain> CborReader::take_scalar() {
  bool is_decimal = false;
  const auto head = take_untagged(is_decimal);
  if (!head) return head.status();
  if (is_decimal) return take_decimal(*head);
  switch (head->major) {
    case Major::natural:
      return natural(head->argument);
    case Major::negative:
      return negative(head->argument);
    case Major::octets:
    case Major::text: {
      auto octets = take_string(*head);
      if (!octets) return octets.status();
      if (head->major == Major::octets) return Plain(Octets{std::move(*octets)});
      if (!keel::is_utf8(*octets)) return Status::error("a text that is not UTF-8");
      return Plain(std::move(*octets));
    }
    case Major::simple:
      return simple(*head);
    default:
      return Status::error("an array or map where a value is due");
  }
}

Status CborReader::skip(int depth) {
  bool is_decimal = false;
  const auto head = take_untagged(is_decimal);
  if (!head) return head.status();
  if (head->major == Major::octets || head->major == Major::text)
    return take_string(*head).status();
  if (head->major == Major::simple && head->low == kIndefinite) return not_cbor();
  if (head->major != Major::array && head->major != Major::map) return {};
  if (depth == 0) return Status::error("it is nested too deep");
  Count count = head->low == kIndefinite ? Count() : Count(head->argument);
  for (;;) {
    const auto ended = at_end_of(count);
    if (!ended) return ended.status();
    if (*ended) return {};
    KEEL_TRY(skip(depth - 1));
    if (head->major == Major::map) KEEL_TRY(skip(depth - 1));
  }
}

void append_cbor_head(std::string& out, std::uint8_t major, std::uint64_t argument) {
  const auto first = static_cast<std::uint8_t>(major << 5);
  if (argument < 24) {
    out.push_back(static_cast<char>(first | argument));
    return;
  }
  const int width = argument <= 0xff ? 0 : argument <= 0xffff ? 1 : argument <= 0xffffffff ? 2 : 3;
  out.push_back(static_cast<char>(first | (24 + width)));
  for (int i = (1 << width) - 1; i >= 0; --i)
    out.push_back(static_cast<char>(argument >> 8 * i & 0xff));
}

void append_cbor_integer(std::string& out, std::int64_t number) {
  if (number >= 0) {
    append_cbor_head(out, 0, static_cast<std::uint64_t>(number));
  } else {
    append_cbor_head(out, 1, static_cast<std::uint64_t>(-1 - number));
  }
}

void append_cbor_text(std::string& out, std::string_view text) {
  append_cbor_head(out, 3, text.size());
  out += text;
}

void append_cbor_octets(std::string& out, std::string_view octets) {
  append_cbor_head(out, 2, octets.size());
  out += octets;
}

void append_cbor_double(std::string& out, double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  out.push_back(static_cast<char>(0xfb));
  for (int i = 7; i >= 0; --i) out.push_back(static_cast<char>(bits >> 8 * i & 0xff));
}

}  // namespace lwm2m
