// Octets as text in JSON: base64 (RFC 4648, both alphabets) and hexadecimal. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lwm2m {

std::string to_base64(std::string_view octets);     // standard alphabet, padded
std::string to_base64url(std::string_view octets);  // without padding
// Either alphabet, with its padding or without. None: other letters, blanks, impossible lengths,
// bits that are set where the last letter has no meaning.
std::optional<std::string> from_base64(std::string_view text);
// Small and capital digits. None: an odd number of them, other letters.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace lwm2m
