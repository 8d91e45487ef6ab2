// base64url without padding (RFC 7515, appendix C), strict: one text for each sequence of bytes.
// Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace jwt {

// Nothing for padding, blanks, other letters, impossible lengths and bits that are set where the
// last letter has no meaning.
std::optional<std::string> from_base64url(std::string_view text);
std::string to_base64url(std::string_view bytes);

}  // namespace jwt
