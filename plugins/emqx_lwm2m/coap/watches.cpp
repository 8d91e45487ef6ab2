#include "emqx_lwm2m/coap/watches.hpp"

namespace coap {
namespace {

constexpr std::uint32_t kHalf = 1u << 23;  // of the numbers
constexpr std::int64_t kForgetMs = 128'000;

bool newer(std::uint32_t last, std::uint32_t now) {
  return (last < now && now - last < kHalf) || (last > now && last - now > kHalf);
}

}  // namespace

Watches::Watch* Watches::find(std::string_view token) {
  for (Watch& each : watches_) {
    if (each.token.view() == token) return &each;
  }
  return nullptr;
}

void Watches::put(const Token& token, std::optional<std::uint32_t> sequence, std::int64_t now_ms) {
  Watch* watch = find(token.view());
  if (!watch) watch = &watches_.emplace_back();
  *watch = {token, sequence.has_value(), sequence.value_or(0), now_ms};
}

void Watches::erase(const Token& token) {
  std::erase_if(watches_, [&](const Watch& each) { return each.token == token; });
  if (watches_.empty()) watches_.shrink_to_fit();
}

bool Watches::take(Watch& watch, std::uint32_t sequence, std::int64_t now_ms) {
  const bool fresh =
      !watch.numbered || newer(watch.sequence, sequence) || now_ms > watch.at_ms + kForgetMs;
  if (fresh) watch = {watch.token, true, sequence, now_ms};
  return fresh;
}

}  // namespace coap
