// Who presents a token, as far as claims and rules may speak of it. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace jwt {

struct Asker {
  std::string client_id = {};
  std::string username = {};
  bool has_username = false;
};

// `text` with %c and %u put in. Nothing: it names a user, and there is none; or what is put in is
// longer than `max_size`.
inline std::optional<std::string> fill_in(std::string_view text, const Asker& asker,
                                          std::size_t max_size) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool placeholder =
        text[i] == '%' && i + 1 < text.size() && (text[i + 1] == 'u' || text[i + 1] == 'c');
    if (!placeholder) {
      out += text[i];
    } else if (text[++i] == 'c') {
      out += asker.client_id;
    } else if (asker.has_username) {
      out += asker.username;
    } else {
      return std::nullopt;
    }
    if (out.size() > max_size) return std::nullopt;
  }
  return out;
}

}  // namespace jwt
