// A store that starts and then cannot say how far it is.
#include "keel/plugin.hpp"
#include "keel/store.hpp"

namespace {

class ClosedStore final : public keel::Plugin, public keel::StoreProvider {
 public:
  using Plugin::Plugin;
  keel::Status start() override { return {}; }
  keel::Result<keel::StoreInfo> info() override {
    return keel::Status::error("the first page is damaged", KEEL_E_IO);
  }
  void submit(const keel::StoreBatch&) override {}
  keel::Status read(std::uint64_t, keel::StoreQuery) override { return KEEL_E_IO; }
};

}  // namespace

KEEL_PLUGIN(ClosedStore, "closed_store", "1.0.0", "a store of the zoo");
