// The figures of a run, printed as one line of JSON; and a histogram for those that are times.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace keel::load {

class Report {
 public:
  void add(std::string_view key, double value);
  void add(std::string_view key, std::uint64_t value);
  void add(std::string_view key, std::string_view value);
  std::string line() const { return "{" + fields_ + "}"; }

 private:
  void add_raw(std::string_view key, std::string_view json);
  std::string fields_;
};

// Values in buckets of less than 2 % width; any number of them in the same memory.
class Histogram {
 public:
  void add(std::uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    if (value > most_) most_ = value;
  }
  std::uint64_t count() const { return count_; }
  // The value that `share` of all do not exceed.
  std::uint64_t at(double share) const;
  // Adds <key>_p50, _p99 and _max in microseconds; the values are nanoseconds.
  void report(Report& report, std::string_view key) const;

 private:
  static constexpr unsigned kBits = 6;  // 2^kBits buckets for each doubling
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_of(std::size_t bucket);

  std::array<std::uint64_t, (64 - kBits + 1) << kBits> buckets_{};
  std::uint64_t count_ = 0, most_ = 0;
};

}  // namespace keel::load
