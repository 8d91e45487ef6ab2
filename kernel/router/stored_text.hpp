// Text that stands behind a slab object when it is short, and on the heap when it is long. Written
// once, before the object is published.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "kernel/router/slab_arena.hpp"

namespace keel::kernel::stored_text {

inline bool fits_inline(std::size_t header, std::size_t size) {
  return header + size <= SlabArena::kMaxObject;
}

// What to allocate for an object with `header` bytes before its text.
inline std::size_t object_size(std::size_t header, std::size_t size) {
  return header + (fits_inline(header, size) ? size : sizeof(char*));
}

// Stores `first` + `second` as the text of the object whose text stands at `place`.
inline void write(char* place, std::size_t header, std::string_view first,
                  std::string_view second) {
  const std::size_t size = first.size() + second.size();
  char* to = place;
  if (!fits_inline(header, size)) {
    to = static_cast<char*>(std::malloc(size));
    if (to == nullptr) throw std::bad_alloc();
    std::memcpy(place, &to, sizeof to);
  }
  second.copy(to + first.copy(to, first.size()), second.size());
}

inline std::string_view read(const char* place, std::size_t header, std::size_t size) {
  if (fits_inline(header, size)) return {place, size};
  const char* memory;
  std::memcpy(&memory, place, sizeof memory);
  return {memory, size};
}

inline void destroy(const char* place, std::size_t header, std::size_t size) {
  if (!fits_inline(header, size)) std::free(const_cast<char*>(read(place, header, size).data()));
}

// Bytes on the heap, for accounts.
inline std::size_t heap_size(std::size_t header, std::size_t size) {
  return fits_inline(header, size) ? 0 : size;
}

}  // namespace keel::kernel::stored_text
