// Memory for output buffers. Blocks of the sizes that live for one turn only are kept per thread
// and handed out again, so that a busy connection does not go to the heap on every turn; a thread's
// blocks are freed when it ends. A block may be released on another thread than the one that took
// it.
#pragma once

#include <cstddef>

namespace keel::kernel::block_pool {

// The size of the block to take for `size` bytes; never less than `size`.
std::size_t fitting(std::size_t size);

// A block of `size` bytes, as fitting() answered it; null when there is no memory.
char* take(std::size_t size) noexcept;
void release(char* block, std::size_t size) noexcept;

// How many blocks this thread keeps, for tests and for `ctl vm`.
std::size_t kept() noexcept;

}  // namespace keel::kernel::block_pool
