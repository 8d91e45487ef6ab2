// How the store is: what the space on its disk allows, unless a write is failing. Tells the broker
// what changed. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "emqx_store/run/events.hpp"

namespace emqx_store {

class Condition {
 public:
  explicit Condition(Events& events) : events_(events) {}

  // KEEL_STORE_FINE ... KEEL_STORE_FULL.
  void space(std::uint32_t level, std::string_view text);
  void failing(std::string_view text);
  void writing_again();
  // For what the broker did not listen to.
  void tell_again();

  struct State {
    std::uint32_t condition;
    std::string text;
  };
  State state() const;

 private:
  State now() const;
  void tell();

  Events& events_;
  mutable std::mutex mutex_;
  std::uint32_t space_ = KEEL_STORE_FINE;
  bool failing_ = false;
  std::string space_text_, failing_text_;
  std::optional<State> told_;
};

}  // namespace emqx_store
