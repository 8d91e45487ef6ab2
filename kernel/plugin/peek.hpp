// Reads memory at addresses that somebody else gave, which may be anything: asks the system to copy
// it, which answers an error where a load would crash. For the few structs read at load time, not
// for the data path. One thread at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace keel::kernel {

class Peek {
 public:
  Peek();
  Peek(const Peek&) = delete;
  Peek& operator=(const Peek&) = delete;
  ~Peek();

  bool copy(const void* from, void* to, std::size_t size) const;
  template <class T>
  std::optional<T> object(const void* from) const {
    T out;
    if (!copy(from, &out, sizeof out)) return std::nullopt;
    return out;
  }
  // A text that ends within `max` bytes. Nothing: no memory there, or no end.
  std::optional<std::string> text(const char* from, std::size_t max) const;

 private:
  int pipe_[2];
};

}  // namespace keel::kernel
