#include "emqx_store/run/condition.hpp"

namespace emqx_store {

void Condition::space(std::uint32_t level, std::string_view text) {
  const std::lock_guard lock(mutex_);
  space_ = level;
  space_text_ = level == KEEL_STORE_FINE ? std::string_view() : text;
  tell();
}

void Condition::failing(std::string_view text) {
  const std::lock_guard lock(mutex_);
  failing_ = true;
  failing_text_ = text;
  tell();
}

void Condition::writing_again() {
  const std::lock_guard lock(mutex_);
  failing_ = false;
  tell();
}

void Condition::tell_again() {
  const std::lock_guard lock(mutex_);
  tell();
}

Condition::State Condition::state() const {
  const std::lock_guard lock(mutex_);
  return now();
}

Condition::State Condition::now() const {
  if (failing_) return {KEEL_STORE_FAILING, failing_text_};
  return {space_, space_text_};
}

// Under the lock: the broker hears of changes in the order in which they happened.
void Condition::tell() {
  State state = now();
  if (told_ && state.condition == told_->condition && state.text == told_->text) return;
  if (events_.condition(state.condition, state.text)) told_ = std::move(state);
}

}  // namespace emqx_store
