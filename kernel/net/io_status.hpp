// The outcome of one non-blocking read or write, plain or TLS.
#pragma once

#include <cstddef>
#include <cstdint>

namespace keel::kernel {

enum class IoStatus : std::uint8_t {
  ok,          // `size` bytes were moved
  want_read,   // go on when the socket is readable
  want_write,  // go on when the socket is writable
  end,         // the peer closed its side
  failed,      // the connection is broken
};

struct IoResult {
  IoStatus status = IoStatus::failed;
  std::size_t size = 0;
};

}  // namespace keel::kernel
