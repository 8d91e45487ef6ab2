#include "kernel/plugin/peek.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace keel::kernel {

namespace {

// Less than any pipe holds, so that no write waits.
constexpr std::size_t kChunk = 512;
constexpr std::uintptr_t kPage = 4096;

}  // namespace

Peek::Peek() {
  if (::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) pipe_[0] = pipe_[1] = -1;
}

Peek::~Peek() {
  if (pipe_[0] < 0) return;
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}

bool Peek::copy(const void* from, void* to, std::size_t size) const {
  auto source = reinterpret_cast<std::uintptr_t>(from);
  auto* target = static_cast<char*>(to);
  while (size != 0) {
    const std::size_t chunk = std::min(size, kChunk);
    // The system call itself: the C library's wrapper is instrumented by sanitizers, which would
    // look at the memory first.
    const long written = ::syscall(SYS_write, pipe_[1], source, chunk);
    if (written <= 0) return false;
    const ssize_t got = ::read(pipe_[0], target, static_cast<std::size_t>(written));
    if (got != written) return false;
    source += static_cast<std::uintptr_t>(got);
    target += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

std::optional<std::string> Peek::text(const char* from, std::size_t max) const {
  std::string all;
  char piece[kChunk];
  auto at = reinterpret_cast<std::uintptr_t>(from);
  while (all.size() < max) {
    // Up to the end of the page: the next one may not be there, and need not be.
    const std::size_t size =
        std::min<std::size_t>({sizeof piece, kPage - at % kPage, max - all.size()});
    if (!copy(reinterpret_cast<const void*>(at), piece, size)) return std::nullopt;
    char* const end = std::find(piece, piece + size, '\0');
    all.append(piece, end);
    if (end != piece + size) return all;
    at += size;
  }
  return std::nullopt;
}

}  // namespace keel::kernel
