// A table of the kernel, together with how much of it this kernel has. Calling what is missing
// answers KEEL_E_UNSUPPORTED instead of jumping into the void. Valid as long as the host; any
// thread.
//
//   keel::Extension<keel_ext_timer> timer(host, KEEL_EXT_TIMER);
//   if (timer.has(&keel_ext_timer::rearm)) ...
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "keel/abi.h"

namespace keel {

template <class T>
class Extension {
 public:
  Extension() = default;
  Extension(const keel_host* host, const char* id)
      : table_(static_cast<const T*>(host->get_extension(host, id))), id_(id) {}

  explicit operator bool() const { return table_ != nullptr; }
  const T* table() const { return table_; }
  const char* id() const { return id_; }

  // Whether this kernel's table reaches as far as `member`, and has it.
  template <class F>
  bool has(F T::*member) const {
    if (!table_) return false;
    const auto* const field = reinterpret_cast<const char*>(&(table_->*member));
    const auto end =
        static_cast<std::size_t>(field - reinterpret_cast<const char*>(table_)) + sizeof(F);
    return table_->size >= end && table_->*member != nullptr;
  }

  // For functions that answer a keel_status.
  template <class... P, class... A>
  keel_status call(keel_status (*T::*member)(P...), A&&... arguments) const {
    return has(member) ? (table_->*member)(std::forward<A>(arguments)...) : KEEL_E_UNSUPPORTED;
  }
  template <class... P, class... A>
  void call(void (*T::*member)(P...), A&&... arguments) const {
    if (has(member)) (table_->*member)(std::forward<A>(arguments)...);
  }
  // For the others.
  template <class R, class... P, class... A>
  R call_or(R otherwise, R (*T::*member)(P...), A&&... arguments) const {
    return has(member) ? (table_->*member)(std::forward<A>(arguments)...) : otherwise;
  }

 private:
  const T* table_ = nullptr;
  const char* id_ = "";
};

}  // namespace keel
