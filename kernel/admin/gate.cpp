#include "kernel/admin/gate.hpp"

namespace keel::kernel {

void Gate::close() {
  const std::lock_guard lock(shared_->mutex);
  shared_->closed = true;
  shared_->changed.notify_all();
}

}  // namespace keel::kernel
