// Tables of packet bodies and what becomes of them.
#pragma once

#include <doctest/doctest.h>

#include <span>
#include <string>

#include "hex.hpp"
#include "kernel/codec/decoder.hpp"

namespace keel::kernel::test {

struct Case {
  const char* name;
  const char* body;  // as hex() reads it
  Reason expected = Reason::success;
};

// Runs `parse(Bytes) -> Fault` over every case. The body lies in a block of exactly its size, so
// that a sanitizer sees each byte read beyond it.
template <class Parse>
void check_table(std::span<const Case> cases, Parse parse) {
  for (const Case& c : cases) {
    const std::string text = hex(c.body);
    const std::vector<char> body(text.begin(), text.end());
    const Fault fault = parse(Bytes(body.data(), body.size()));
    CAPTURE(std::string(c.name));
    CAPTURE(std::string(fault.what));
    CHECK(reason_name(fault.reason) == reason_name(c.expected));
    CHECK((*fault.what != '\0') == static_cast<bool>(fault));
  }
}

// A body that is whole must be refused wherever it is cut off, unless `may_end_at` allows that
// length.
template <class Parse, class MayEnd>
void check_truncation(const char* body, Parse parse, MayEnd may_end_at) {
  const std::string text = hex(body);
  CHECK_FALSE(parse(Bytes(text)));
  for (std::size_t n = 0; n < text.size(); ++n) {
    const std::vector<char> part(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(n));
    CAPTURE(std::string(body));
    CAPTURE(n);
    CHECK(static_cast<bool>(parse(Bytes(part.data(), n))) != may_end_at(n));
  }
}

}  // namespace keel::kernel::test
