// Deadlines for everything a test waits for. A test that passes never waits one out; sanitizer
// builds, which are slower, get more time.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

namespace keel::test {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

#if defined(KEEL_SANITIZED)
inline constexpr int kSlowdown = 4;
#else
inline constexpr int kSlowdown = 1;
#endif

inline constexpr Milliseconds kPatience{8'000 * kSlowdown};

class Deadline {
 public:
  explicit Deadline(Milliseconds in = kPatience) : at_{Clock::now() + in} {}
  int left_ms() const {
    const auto left = std::chrono::ceil<Milliseconds>(at_ - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
  }
  bool passed() const { return left_ms() == 0; }

 private:
  Clock::time_point at_;
};

// A line of a test. (std::source_location is more than Clang 14 can do.)
struct At {
  const char* file;
  int line;
  static constexpr At current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

inline std::string where(const At& at) {
  const std::string file = at.file;
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(at.line);
}

// A test's requirement that did not hold; names the line of the test.
[[noreturn]] inline void fail(const At& at, const std::string& what) {
  throw std::runtime_error(where(at) + ": " + what);
}

// Asks again every few milliseconds until `condition` holds.
template <class Condition>
void eventually(Condition condition, const std::string& what, At at = At::current()) {
  const Deadline deadline;
  while (!condition()) {
    if (deadline.passed()) fail(at, "never came true: " + what);
    ::poll(nullptr, 0, 5);
  }
}

}  // namespace keel::test
