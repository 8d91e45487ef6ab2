// Counts what one test program takes from the heap. Replaces operator new: include it in one source
// file of the program, and only there.
#pragma once

#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace heap {

inline std::size_t allocations = 0;
inline std::ptrdiff_t octets = 0;  // in use

}  // namespace heap

void* operator new(std::size_t size) {
  void* const out = std::malloc(size);
  if (!out) throw std::bad_alloc();
  ++heap::allocations;
  heap::octets += static_cast<std::ptrdiff_t>(malloc_usable_size(out));
  return out;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return operator new(size);  // of std::stable_sort
}
void operator delete(void* at) noexcept {
  if (at) heap::octets -= static_cast<std::ptrdiff_t>(malloc_usable_size(at));
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept { operator delete(at); }
