#include "kernel/plugin/kv_writer.hpp"

#include "kernel/plugin/runtime.hpp"

namespace keel::kernel {

void KvWriter::put(std::string_view key, std::string_view value) {
  batch().put(Space::plugins, key, value);
  written();
}

void KvWriter::erase(std::string_view key) {
  batch().erase(Space::plugins, key);
  written();
}

Batch& KvWriter::batch() {
  if (!batch_) {
    batch_ = std::make_unique<Batch>();
    thread_.post([this] { flush(); });
  }
  return *batch_;
}

void KvWriter::written() {
  if (batch_->bytes() > kLargest) flush();
}

std::uint64_t KvWriter::flush() {
  return thread_.runtime().realm().journal.submit(std::move(batch_));
}

}  // namespace keel::kernel
