#include "emqx_lwm2m/store/frame.hpp"

#include <algorithm>

#include "emqx_lwm2m/store/crc32c.hpp"

namespace lwm2m {
namespace {

constexpr std::string_view kMagic = "\x89LwM2M\r\n";
constexpr std::size_t kHeadCopy = kJournalHead / 2;

template <class Number>
void append_number(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i) out += static_cast<char>(number >> (8 * i));
}
template <class Number>
Number number_at(std::string_view in, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number |= static_cast<Number>(static_cast<unsigned char>(in[at + i])) << (8 * i);
  }
  return number;
}
std::uint32_t seed_of(std::uint64_t salt) {
  std::string octets;
  append_number(octets, salt);
  return crc32c(octets);
}

}  // namespace

JournalHead read_journal_head(std::string_view begin) {
  for (std::size_t at = 0; at + kHeadCopy <= begin.size() && at < kJournalHead; at += kHeadCopy) {
    const std::string_view copy = begin.substr(at, kHeadCopy);
    if (!copy.starts_with(kMagic)) continue;
    if (number_at<std::uint32_t>(copy, 20) != crc32c(copy.substr(0, 20))) continue;
    const auto version = number_at<std::uint32_t>(copy, 8);
    return {
        version == kJournalVersion ? JournalHead::Kind::ours : JournalHead::Kind::foreign_version,
        version, number_at<std::uint64_t>(copy, 12)};
  }
  // A head that was cut off has nothing behind it.
  const std::string_view start = begin.substr(0, kMagic.size());
  if (begin.size() < kJournalHead && kMagic.starts_with(start)) return {};
  return {JournalHead::Kind::not_a_journal};
}

void append_journal_head(std::string& out, std::uint64_t salt, std::uint32_t version) {
  std::string copy(kMagic);
  append_number(copy, version);
  append_number(copy, salt);
  append_number(copy, crc32c(copy));
  out.append(copy).append(copy);
}

// Size of the endpoint, size of the state, checksum of both texts, checksum of these three.
void append_frame(std::string& out, std::uint64_t salt, std::string_view endpoint,
                  std::string_view state) {
  const std::uint32_t seed = seed_of(salt);
  std::string head;
  append_number(head, static_cast<std::uint32_t>(endpoint.size()));
  append_number(head, static_cast<std::uint32_t>(state.size()));
  append_number(head, crc32c(state, crc32c(endpoint, seed)));
  append_number(head, crc32c(head, seed));
  out.append(head).append(endpoint).append(state);
}

FrameReader::FrameReader(std::uint64_t salt, std::uint64_t end)
    : seed_(seed_of(salt)), end_(std::max<std::uint64_t>(end, kJournalHead)) {}

std::optional<Frame> FrameReader::next(std::string_view& window) {
  while (true) {
    const std::uint64_t left = end_ - position_;
    if (left < kFrameHead) {
      damaged_ += left;
      skip(window, left);
      need_ = 0;
      return {};
    }
    need_ = kFrameHead;
    if (window.size() < need_) return {};
    const auto endpoint_size = number_at<std::uint32_t>(window, 0);
    const auto state_size = number_at<std::uint32_t>(window, 4);
    if (endpoint_size == 0 || endpoint_size > kMostEndpoint || state_size > kMostState ||
        number_at<std::uint32_t>(window, 12) != crc32c(window.substr(0, 12), seed_)) {
      ++damaged_;
      skip(window, 1);
      continue;
    }
    const std::size_t size = kFrameHead + endpoint_size + state_size;
    if (size > left) {  // the torn end
      damaged_ += left;
      skip(window, left);
      need_ = 0;
      return {};
    }
    need_ = size;
    if (window.size() < need_) return {};
    const std::string_view octets = window.substr(0, size), texts = octets.substr(kFrameHead);
    const std::uint64_t offset = position_;
    const bool good = number_at<std::uint32_t>(octets, 8) == crc32c(texts, seed_);
    skip(window, size);
    if (!good) {
      damaged_ += size;
      continue;
    }
    good_end_ = position_;
    return Frame{texts.substr(0, endpoint_size), texts.substr(endpoint_size), octets, offset};
  }
}

void FrameReader::skip(std::string_view& window, std::uint64_t octets) {
  window.remove_prefix(static_cast<std::size_t>(std::min<std::uint64_t>(octets, window.size())));
  position_ += octets;
}

}  // namespace lwm2m
