// Encodings: base64, hexadecimal, fields of a line, check sums. Values only; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace user_store {

std::string to_base64(std::string_view bytes);  // with padding
// Strict: the standard alphabet, padding in place. Nothing else.
std::optional<std::string> from_base64(std::string_view text);
std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view text);

// A name as a field of a line: ':', '%', blanks and control characters become %XX.
std::string escape(std::string_view text);
std::optional<std::string> unescape(std::string_view text);  // null: a '%' without two digits

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
// Decimal digits only, at most `most`.
std::optional<std::uint64_t> number(std::string_view text, std::uint64_t most = UINT64_MAX);

std::uint32_t crc32(std::string_view bytes);

}  // namespace user_store
