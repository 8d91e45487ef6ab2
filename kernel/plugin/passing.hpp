// Bytes that pass through a plugin without being copied by the kernel. What a plugin is being shown
// stands on the stack of who shows it, and its HostThread knows: so a call of the plugin that
// passes some of it on finds out. [the thread]
#pragma once

#include <sys/uio.h>

#include <memory>
#include <string_view>
#include <utility>

#include "kernel/codec/out_buffer.hpp"

namespace keel::kernel {

class PluginStream;

// What `data` of tcp/1 shows. Fed to a stream from there it stays where it is, and the stream gets
// it when the plugin has returned: before that the kernel must not call anybody.
struct ShownInput {
  std::string_view bytes;
  PluginStream* stream = nullptr;  // null: nothing was fed yet
  std::string_view fed;
  bool has(std::string_view part) const {
    return part.data() >= bytes.data() && part.data() + part.size() <= bytes.data() + bytes.size();
  }
};

// What `output` of stream/1 shows. Written to a connection it is kept until it is sent.
struct ShownOutput {
  static constexpr std::size_t kWorthKeeping = 8 * 1024;  // below, copying is cheaper

  explicit ShownOutput(OutBuffer& shown) : batch(shown) {}
  // Shown in the same order, as a rule.
  bool has(std::string_view piece) {
    for (int i = 0; i < count; ++i) {
      const int k = (next + i) % count;
      if (pieces[k].iov_base != piece.data() || pieces[k].iov_len != piece.size()) continue;
      next = k + 1;
      return true;
    }
    return false;
  }
  const std::shared_ptr<const OutBuffer>& keep() {
    if (!kept) kept = std::make_shared<const OutBuffer>(std::move(batch));
    return kept;
  }

  OutBuffer& batch;
  const iovec* pieces = nullptr;
  int count = 0, next = 0;
  std::shared_ptr<const OutBuffer> kept;
};

// Shows while it lives.
template <class T>
class Showing {
 public:
  Showing(T*& place, T& shown) : place_(place), outer_(std::exchange(place, &shown)) {}
  Showing(const Showing&) = delete;
  Showing& operator=(const Showing&) = delete;
  ~Showing() { place_ = outer_; }

 private:
  T*& place_;
  T* outer_;
};

}  // namespace keel::kernel
