#include "emqx_store/run/jobs.hpp"

#include <utility>

namespace emqx_store {

bool Jobs::start(std::string name, Work work, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!state_.running.empty()) return false;
    state_.running = name;
  }
  if (thread_.joinable()) thread_.join();  // it has ended
  cancelled_ = false;
  thread_ =
      std::thread([this, name = std::move(name), work = std::move(work), done = std::move(done)] {
        const Result result = work(cancelled_);
        {
          const std::lock_guard lock(mutex_);
          state_.running.clear();
          state_.last = name;
          state_.last_result = result.text.substr(0, result.text.find('\n'));
        }
        done(result);
      });
  return true;
}

void Jobs::stop() {
  cancel();
  if (thread_.joinable()) thread_.join();
}

Jobs::State Jobs::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace emqx_store
