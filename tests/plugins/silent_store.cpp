// A store that never commits.
#define STORE_NAME "silent_store"
#include "memory_store.hpp"

namespace {

class SilentStore final : public Store {
 public:
  explicit SilentStore(keel::Host& from) : Store(from) { holds_ = true; }
};

}  // namespace

KEEL_PLUGIN(SilentStore, STORE_NAME, STORE_VERSION, "a store of the zoo");
