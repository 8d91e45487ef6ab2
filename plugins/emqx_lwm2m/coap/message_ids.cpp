#include "emqx_lwm2m/coap/message_ids.hpp"

namespace coap {

std::int64_t MessageIds::free_at(std::uint32_t lifetime_ms) const {
  const bool enters = next_ % (1u << kShift) == 0;  // all behind it are as old, or older
  const std::uint32_t used = used_s_[next_ >> kShift];
  return enters && used != 0 ? std::int64_t{used} * 1'000 + lifetime_ms : 0;
}

std::optional<std::uint16_t> MessageIds::take(std::int64_t now_ms, std::uint32_t lifetime_ms) {
  if (now_ms < free_at(lifetime_ms)) return std::nullopt;
  used_s_[next_ >> kShift] = static_cast<std::uint32_t>(now_ms / 1'000 + 1);
  return next_++;
}

}  // namespace coap
