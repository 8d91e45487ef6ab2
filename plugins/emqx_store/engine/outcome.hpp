// How calls of the engine end: well, or with a fault and one line that says cause and remedy.
// A value; any thread.
#pragma once

#include <rocksdb/status.h>

#include <string>
#include <string_view>
#include <utility>

namespace emqx_store {

enum class Fault {
  none,
  in_use,    // another process has the directory
  newer,     // a later version wrote the store
  damaged,   // what was read is not what was written
  no_space,  // the disk is full, or a quota is
  io,        // the disk or the system refused
};

class [[nodiscard]] Outcome {
 public:
  Outcome() = default;
  Outcome(Fault fault, std::string text) : fault_(fault), text_(std::move(text)) {}

  explicit operator bool() const { return fault_ == Fault::none; }
  Fault fault() const { return fault_; }
  const std::string& text() const { return text_; }
  void ignore() const {}

 private:
  Fault fault_ = Fault::none;
  std::string text_;
};

// What RocksDB says, in front of it what was tried: "cannot write: No space left on device".
Outcome outcome_of(const rocksdb::Status& status, std::string_view tried);

}  // namespace emqx_store
