// Memory for messages and output buffers: what lives for a turn or a round trip only is kept per
// thread and handed out again, so that busy connections do not go to the heap for each message; a
// thread's blocks are freed when it ends. A block may be released on another thread than the one
// that took it: small ones go back to whoever has none, some hundred at a time.
#pragma once

#include <cstddef>

namespace keel::kernel::block_pool {

// The size of the block for an output buffer of `size` bytes; never less than `size`.
std::size_t fitting(std::size_t size);

// A block of `size` bytes; null when there is no memory. Those of any size up to 512 and of the
// sizes that fitting() answers come from what is kept. It is released with the same size.
char* take(std::size_t size) noexcept;
void release(char* block, std::size_t size) noexcept;

// Frees what this thread keeps, and what is on its way between threads: the peak that it is of is
// over.
void give_back() noexcept;

// How many blocks this thread keeps, for tests and for `ctl vm`.
std::size_t kept() noexcept;

}  // namespace keel::kernel::block_pool
