// Vectors that were long once give their memory back.
#pragma once

#include <cstddef>
#include <vector>

namespace keel::kernel {

// After something was taken out. Costs a copy of what is left once for every time that most of it
// has gone.
template <class T>
void shrink_if_sparse(std::vector<T>& vector) {
  constexpr std::size_t kWorthIt = 1024;
  if (vector.capacity() > kWorthIt && vector.size() * 4 < vector.capacity()) vector.shrink_to_fit();
}

}  // namespace keel::kernel
