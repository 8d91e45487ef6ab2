#include "report.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace keel::load {

void Report::add_raw(std::string_view key, std::string_view json) {
  if (!fields_.empty()) fields_ += ", ";
  fields_.append("\"").append(key).append("\": ").append(json);
}

void Report::add(std::string_view key, double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", std::isfinite(value) ? value : 0.0);
  add_raw(key, text);
}

void Report::add(std::string_view key, std::uint64_t value) { add_raw(key, std::to_string(value)); }

void Report::add(std::string_view key, std::string_view value) {
  std::string json = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') json += '\\';
    json += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  add_raw(key, json + '"');
}

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < 1u << kBits) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
  return (static_cast<std::size_t>(shift + 1) << kBits) + ((value >> shift) - (1u << kBits));
}

std::uint64_t Histogram::upper_of(std::size_t bucket) {
  const std::size_t row = bucket >> kBits, column = bucket & ((1u << kBits) - 1);
  if (row == 0) return column;
  return (((1ull << kBits) + column + 1) << (row - 1)) - 1;
}

std::uint64_t Histogram::at(double share) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted && seen > 0) return std::min(upper_of(bucket), most_);
  }
  return most_;
}

void Histogram::report(Report& report, std::string_view key) const {
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  report.add(std::string(key) + "_p50_us", us(at(0.50)));
  report.add(std::string(key) + "_p99_us", us(at(0.99)));
  report.add(std::string(key) + "_max_us", us(most_));
}

}  // namespace keel::load
