// A version of memory_store that cannot start.
#include "keel/plugin.hpp"
#include "keel/store.hpp"

namespace {

class FailingStore final : public keel::Plugin, public keel::StoreProvider {
 public:
  using Plugin::Plugin;
  keel::Status start() override { return keel::Status::error("no disk", KEEL_E_IO); }
  keel::Result<keel::StoreInfo> info() override { return keel::StoreInfo{}; }
  void submit(const keel::StoreBatch&) override {}
  keel::Status read(std::uint64_t, keel::StoreQuery) override { return KEEL_E_IO; }
};

}  // namespace

KEEL_PLUGIN(FailingStore, "memory_store", "3.0.0", "a store of the zoo");
