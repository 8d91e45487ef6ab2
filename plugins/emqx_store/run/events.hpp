// What the threads of the store have to tell the broker. Implemented by the plugin over store/1, by
// tests in memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "emqx_store/engine/engine.hpp"
#include "keel/ext/store.h"

namespace emqx_store {

class Events {
 public:
  virtual ~Events() = default;
  // The last write; committed() follows. [writer]
  virtual void synced(std::uint64_t duration_ns, std::uint32_t batches,
                      std::uint32_t operations) = 0;
  // Every batch up to `ticket` is safe. [writer]
  virtual void committed(std::uint64_t ticket) = 0;
  // KEEL_STORE_FINE ...; one line that says why. False: the broker does not listen yet. [any]
  virtual bool condition(std::uint32_t condition, std::string_view text) = 0;
  // Something in the files is not what was written. [writer, reader]
  virtual void damaged(std::string_view text) = 0;
  // The answer to a query. [reader]
  virtual void rows(std::uint64_t request, const Answer& answer) = 0;
};

}  // namespace emqx_store
