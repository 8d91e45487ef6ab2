#include "emqx_lwm2m/coap/assembly.hpp"

#include <algorithm>
#include <functional>

namespace coap {
namespace {

constexpr std::size_t kMostAtOnce = 4;

std::uint64_t key_of(const Message& request) {
  std::uint64_t key = request.code;
  OptionReader reader(request.options);
  Option option;
  while (reader.next(option)) {
    if (option.number != option::kUriPath && option.number != option::kUriQuery) continue;
    key = key * 0x9e3779b97f4a7c15u + option.number;
    key ^= std::hash<std::string_view>{}(option.value);
  }
  return key;
}

}  // namespace

Code Assemblies::take(const Message& request, const Block& block,
                      std::optional<std::uint32_t> total, std::int64_t now_ms,
                      const PeerSettings& settings, std::string& whole) {
  const std::uint64_t key = key_of(request);
  auto at =
      static_cast<std::size_t>(std::find_if(parts_.begin(), parts_.end(),
                                            [&](const Part& each) { return each.key == key; }) -
                               parts_.begin());
  Code answer = kIncomplete;
  if (block.number == 0) {
    if (at < parts_.size()) parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(at));
    at = begin(key);
  }
  if (at < parts_.size()) {
    answer = total.value_or(0) > settings.max_assembly
                 ? kTooLarge
                 : add(at, request, block, settings.max_assembly);
    parts_[at].expires_ms = now_ms + settings.block_timeout_ms;
  }
  if (answer == kContinue) return answer;
  if (at < parts_.size()) {
    whole = std::move(parts_[at].body);
    parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  if (parts_.empty()) parts_.shrink_to_fit();
  return answer;
}

// A block that comes again as a message of its own counts once: its answer was lost.
Code Assemblies::add(std::size_t at, const Message& request, const Block& block, std::size_t most) {
  std::string& body = parts_[at].body;
  const std::string_view payload = request.payload;
  if (block.more ? payload.size() != block.size() : payload.size() > block.size()) {
    return kBadRequest;
  }
  if (block.more && block.offset() + payload.size() == body.size()) return kContinue;
  if (block.offset() != body.size()) return kIncomplete;
  if (octets() + payload.size() > most) return kTooLarge;
  body.append(payload);
  return block.more ? kContinue : kEmpty;
}

std::size_t Assemblies::begin(std::uint64_t key) {
  if (parts_.size() >= kMostAtOnce) parts_.erase(parts_.begin());
  parts_.push_back({key, 0, {}});
  return parts_.size() - 1;
}

std::size_t Assemblies::octets() const {
  std::size_t out = 0;
  for (const Part& each : parts_) out += each.body.size();
  return out;
}

void Assemblies::expire(std::int64_t now_ms) {
  std::erase_if(parts_, [&](const Part& each) { return each.expires_ms <= now_ms; });
  if (parts_.empty()) parts_.shrink_to_fit();
}

std::int64_t Assemblies::next_expiry() const {
  std::int64_t out = 0;
  for (const Part& each : parts_) {
    if (out == 0 || each.expires_ms < out) out = each.expires_ms;
  }
  return out;
}

}  // namespace coap
