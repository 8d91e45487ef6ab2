// Which of the compressions that a client offers is taken: RFC 7692, section 7.1.
#include <algorithm>
#include <charconv>
#include <utility>

#include "emqx_ws/deflate.hpp"
#include "emqx_ws/header_list.hpp"

namespace ws {
namespace {

// zlib writes no smaller window without its own header.
constexpr int kLeastServerBits = 9;

struct Parameters {
  bool server_no_takeover = false, client_no_takeover = false, client_may_limit = false;
  int server_bits = 0, client_bits = 0;  // 0: not said
};

bool read_bits(std::string_view value, int& out) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  return error == std::errc() && end == value.data() + value.size() && value[0] != '0' &&
         out >= 8 && out <= 15;
}

// False: an offer that must be declined.
bool read_parameter(const HeaderParameter& from, Parameters& to) {
  const auto once = [&](bool& flag) { return from.value.empty() && !std::exchange(flag, true); };
  if (from.name == "server_no_context_takeover") return once(to.server_no_takeover);
  if (from.name == "client_no_context_takeover") return once(to.client_no_takeover);
  if (from.name == "server_max_window_bits") {
    return to.server_bits == 0 && !from.value.empty() && read_bits(from.value, to.server_bits);
  }
  if (from.name == "client_max_window_bits") {
    if (std::exchange(to.client_may_limit, true)) return false;
    return from.value.empty() || read_bits(from.value, to.client_bits);
  }
  return false;
}

std::optional<DeflateOffer> accept(const Parameters& wish, const DeflateOptions& options) {
  if (wish.server_bits != 0 && wish.server_bits < kLeastServerBits) return std::nullopt;
  DeflateOffer out;
  DeflateTerms& terms = out.terms;
  terms.server_takeover = options.server_takeover && !wish.server_no_takeover;
  terms.client_takeover = options.client_takeover && !wish.client_no_takeover;
  terms.server_bits = static_cast<std::uint8_t>(
      wish.server_bits == 0 ? options.server_bits
                            : std::min(options.server_bits, wish.server_bits));
  // A client that did not mention its window may not be asked to make it smaller.
  const int client_most = wish.client_bits == 0 ? 15 : wish.client_bits;
  terms.client_bits = static_cast<std::uint8_t>(
      wish.client_may_limit ? std::min(options.client_bits, client_most) : 15);
  out.answer = "permessage-deflate";
  if (!terms.server_takeover) out.answer += "; server_no_context_takeover";
  if (!terms.client_takeover) out.answer += "; client_no_context_takeover";
  if (terms.server_bits != 15 || wish.server_bits != 0) {
    out.answer += "; server_max_window_bits=" + std::to_string(terms.server_bits);
  }
  if (wish.client_may_limit && terms.client_bits != 15) {
    out.answer += "; client_max_window_bits=" + std::to_string(terms.client_bits);
  }
  return out;
}

}  // namespace

std::optional<DeflateOffer> negotiate(std::string_view header, const DeflateOptions& options,
                                      bool& well_formed) {
  std::optional<DeflateOffer> out;
  HeaderList list(header);
  std::string_view name;
  while (list.next_element(name)) {
    Parameters wish;
    bool good = name == "permessage-deflate";
    HeaderParameter parameter;
    while (list.next_parameter(parameter)) good = good && read_parameter(parameter, wish);
    if (good && !out) out = accept(wish, options);
  }
  well_formed = list.well_formed();
  if (!well_formed) out.reset();
  return out;
}

}  // namespace ws
