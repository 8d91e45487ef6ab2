// How long a plugin may take to answer a question that it wants to think about; then it has denied.
#pragma once

#include <cstdint>

namespace keel::kernel {

inline constexpr std::int64_t kAnswerTimeoutMs = 5'000;

}  // namespace keel::kernel
