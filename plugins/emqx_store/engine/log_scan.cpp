#include "emqx_store/engine/log_scan.hpp"

#include <algorithm>
#include <array>

namespace emqx_store {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables out{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    out[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::size_t t = 1; t < 8; ++t) {
      out[t][i] = out[t - 1][i] >> 8 ^ out[0][out[t - 1][i] & 0xff];
    }
  }
  return out;
}

constexpr Tables kTables = make_tables();

std::uint8_t octet(std::string_view octets, std::size_t at) {
  return static_cast<std::uint8_t>(octets[at]);
}

std::uint32_t number(std::string_view octets, std::size_t at) {
  return octet(octets, at) | static_cast<std::uint32_t>(octet(octets, at + 1)) << 8 |
         static_cast<std::uint32_t>(octet(octets, at + 2)) << 16 |
         static_cast<std::uint32_t>(octet(octets, at + 3)) << 24;
}

// CRC-32C, eight octets at a time.
std::uint32_t crc32c(std::string_view octets) {
  std::uint32_t crc = ~0u;
  std::size_t at = 0;
  for (; at + 8 <= octets.size(); at += 8) {
    const std::uint32_t low = number(octets, at) ^ crc, high = number(octets, at + 4);
    crc = kTables[7][low & 0xff] ^ kTables[6][low >> 8 & 0xff] ^ kTables[5][low >> 16 & 0xff] ^
          kTables[4][low >> 24] ^ kTables[3][high & 0xff] ^ kTables[2][high >> 8 & 0xff] ^
          kTables[1][high >> 16 & 0xff] ^ kTables[0][high >> 24];
  }
  for (; at < octets.size(); ++at) crc = crc >> 8 ^ kTables[0][(crc ^ octet(octets, at)) & 0xff];
  return ~crc;
}

bool all_zero(std::string_view octets) {
  return std::all_of(octets.begin(), octets.end(), [](char c) { return c == 0; });
}

}  // namespace

std::uint32_t log_checksum(std::string_view octets) {
  const std::uint32_t crc = crc32c(octets);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

LogScanner::Header LogScanner::header_at(std::string_view octets) {
  const auto length = octet(octets, 4) | static_cast<unsigned>(octet(octets, 5)) << 8;
  return {number(octets, 0), static_cast<std::uint16_t>(length), octet(octets, 6)};
}

// The checksum covers the type and what follows the header.
bool LogScanner::intact(std::string_view octets, const Header& header) {
  if (header.type < 1 || header.type > 4) return false;
  if (kHeader + header.length > octets.size()) return false;
  return log_checksum(octets.substr(kHeader - 1, 1 + std::size_t{header.length})) ==
         header.checksum;
}

bool LogScanner::take(Piece piece, std::string_view payload, std::uint64_t begin,
                      std::uint64_t end) {
  const bool begins = piece == Piece::full || piece == Piece::first;
  if (begins == in_record_) return false;
  if (begins) {
    scan_.good = begin;
    kept_.clear();
  }
  if (piece != Piece::full) {
    kept_.append(payload.substr(0, kKept - std::min(kKept, kept_.size())));
  }
  in_record_ = piece == Piece::first || piece == Piece::middle;
  if (in_record_) return true;
  if (!record_(piece == Piece::full ? payload.substr(0, kKept) : std::string_view(kept_))) {
    return false;
  }
  scan_.good = end;
  ++scan_.records;
  return true;
}

void LogScanner::fail(bool interrupted) {
  failed_ = true;
  interrupted_ = interrupted;
}

void LogScanner::block(std::string_view octets) {
  const std::uint64_t base = scan_.size;
  scan_.size += octets.size();
  std::size_t at = 0;
  while (!failed_ && at + kHeader <= octets.size()) {
    const std::string_view rest = octets.substr(at);
    const Header header = header_at(rest);
    const std::size_t size = kHeader + header.length;
    if (!intact(rest, header)) {
      fail(size > rest.size() && octets.size() < kBlock);
    } else if (!take(static_cast<Piece>(header.type), rest.substr(kHeader, header.length),
                     base + at, base + at + size)) {
      fail(false);
    } else {
      at += size;
    }
  }
  if (failed_) return look_behind(octets.substr(at));
  // A block ends with zeros where no header fits in any more.
  if (at < octets.size() && (octets.size() < kBlock || !all_zero(octets.substr(at)))) {
    fail(octets.size() < kBlock);
    zeros_ = all_zero(octets.substr(at));
  } else if (at < octets.size() && !in_record_) {
    scan_.good = scan_.size;
  }
}

// What may begin anywhere.
void LogScanner::look_behind(std::string_view octets) {
  zeros_ = zeros_ && all_zero(octets);
  for (std::size_t at = 0; at + kHeader < octets.size();) {
    const std::string_view rest = octets.substr(at);
    const Header header = header_at(rest);
    if (header.length != 0 && intact(rest, header)) {
      ++scan_.behind;
      const bool single = static_cast<Piece>(header.type) == Piece::full;
      if (single && stray_) stray_(rest.substr(kHeader, header.length));
      at += kHeader + header.length;
    } else {
      ++at;
    }
  }
}

LogScan LogScanner::finish() {
  const bool torn = failed_ ? interrupted_ || zeros_ : in_record_;
  if (failed_ || in_record_) {
    scan_.end = torn && scan_.behind == 0 ? LogScan::End::torn : LogScan::End::damaged;
  }
  return scan_;
}

}  // namespace emqx_store
