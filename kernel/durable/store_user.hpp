// What the plugin host tells the broker about a store: it is there, it goes, it is replaced. All
// [control]; the shards run meanwhile.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/durable/store_port.hpp"

namespace keel::kernel {

class StoreUser {
 public:
  using Done = std::function<void(Result<void>)>;

  virtual ~StoreUser() = default;
  // A store was loaded: what is in it is read, and from then on sessions are kept there. `done` is
  // called once, here or later; with an error the store is of no use and nothing was changed.
  virtual void store_ready(StorePort& store, Done done) = 0;
  // The client ids of sessions that are kept in it: at most `max` of them, and how many there are.
  virtual std::vector<std::string> dependants(std::size_t max, std::size_t& count) = 0;
  // The store is to be unloaded although sessions depend on it: they go on in memory. It may be
  // closed once `done` has been called.
  virtual void store_leaving(std::function<void()> done) = 0;
  // The broker stops: `done` is called when all that was written is safe, and nothing follows. It
  // may never be called by a store that fails.
  virtual void store_stopping(std::function<void()> done) = 0;
  // The store is being replaced: no call goes to it from now on, batches are kept.
  virtual void store_paused() = 0;
  // Its successor, or itself after all: gets what was not committed.
  virtual void store_back(StorePort& store) = 0;
};

}  // namespace keel::kernel
