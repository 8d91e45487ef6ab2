// The observations of a peer that we hold, and which of its notifications are new [RFC 7641 3.4].
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "emqx_lwm2m/coap/token.hpp"

namespace coap {

class Watches {
 public:
  struct Watch {
    Token token;
    bool numbered = false;  // a notification with a number has come
    std::uint32_t sequence = 0;
    std::int64_t at_ms = 0;  // when
  };

  // Valid until the next change; null: there is none.
  Watch* find(std::string_view token);
  // Anew if there is one. `sequence`: the number of the last notification.
  void put(const Token& token, std::optional<std::uint32_t> sequence, std::int64_t now_ms);
  void erase(const Token& token);

  // False: it is older than the last, or the same. Otherwise it is the last from now on.
  static bool take(Watch& watch, std::uint32_t sequence, std::int64_t now_ms);

 private:
  std::vector<Watch> watches_;
};

}  // namespace coap
