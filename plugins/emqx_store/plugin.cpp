#include <keel/plugin.hpp>
namespace {
class Store final : public keel::Plugin {
 public:
  using Plugin::Plugin;
  keel::Status start() override { return {}; }
};
}  // namespace
KEEL_PLUGIN(Store, "emqx_store", "1.0.0", "Keeps sessions, queues and retained messages on disk");
