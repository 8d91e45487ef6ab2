#include "emqx_lwm2m/coap/remembered.hpp"

#include <cstring>
#include <functional>

namespace coap {
namespace {

struct Head {
  std::int64_t expires_ms;
  std::uint64_t digest;
  std::uint16_t id, size;  // of the answer behind it
};
constexpr std::size_t kHead = 20, kMaxAnswer = 0xffff;

Head head_at(const char* at) {
  Head out;
  std::memcpy(&out, at, kHead);
  return out;
}

}  // namespace

std::uint64_t Remembered::digest(std::string_view datagram) {
  return std::hash<std::string_view>{}(datagram);
}

std::optional<std::string_view> Remembered::find(std::uint16_t id, std::string_view datagram,
                                                 std::int64_t now_ms) const {
  std::optional<std::uint64_t> wanted;  // worked out only when an id fits
  for (std::size_t at = 0; at < records_.size();) {
    const Head head = head_at(records_.data() + at);
    at += kHead;
    if (head.id == id && head.expires_ms > now_ms) {
      if (!wanted) wanted = digest(datagram);
      if (head.digest == *wanted) return std::string_view(records_.data() + at, head.size);
    }
    at += head.size;
  }
  return std::nullopt;
}

void Remembered::add(std::uint16_t id, std::uint64_t digest, std::string_view answer,
                     std::int64_t expires_ms, const Limits& limits) {
  const std::size_t size = kHead + answer.size();
  if (answer.size() > kMaxAnswer || size > limits.octets || limits.records == 0) return;
  while (count_ >= limits.records || records_.size() + size > limits.octets) drop_first();
  const Head head{expires_ms, digest, id, static_cast<std::uint16_t>(answer.size())};
  char octets[kHead];
  std::memcpy(octets, &head, kHead);
  records_.reserve(count_ == 0 ? size : 0);
  records_.insert(records_.end(), octets, octets + kHead);
  records_.insert(records_.end(), answer.begin(), answer.end());
  ++count_;
}

void Remembered::expire(std::int64_t now_ms) {
  while (count_ > 0 && next_expiry() <= now_ms) drop_first();
  if (count_ == 0) clear();
}

std::int64_t Remembered::next_expiry() const {
  return count_ == 0 ? 0 : head_at(records_.data()).expires_ms;
}

void Remembered::clear() {
  records_.clear();
  records_.shrink_to_fit();
  count_ = 0;
}

std::string Remembered::records_since(std::int64_t expires_ms) const {
  std::string out;
  for (std::size_t at = 0; at < records_.size();) {
    const Head head = head_at(records_.data() + at);
    const std::size_t size = kHead + head.size;
    if (head.expires_ms >= expires_ms) out.append(records_.data() + at, size);
    at += size;
  }
  return out;
}

void Remembered::add_records(std::string_view records) {
  while (records.size() >= kHead) {
    const std::size_t size = kHead + head_at(records.data()).size;
    if (size > records.size()) return;
    records_.insert(records_.end(), records.begin(), records.begin() + size);
    ++count_;
    records.remove_prefix(size);
  }
}

void Remembered::drop_first() {
  const auto size = static_cast<std::ptrdiff_t>(kHead + head_at(records_.data()).size);
  records_.erase(records_.begin(), records_.begin() + size);
  --count_;
}

}  // namespace coap
