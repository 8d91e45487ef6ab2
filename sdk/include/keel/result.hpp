// How calls of the SDK answer: a Status, or a Result with a value in it. Neither can be ignored by
// accident. A failed one carries the kernel's text. Values; any thread.
//
//   KEEL_TRY(host().udp().bind("0.0.0.0:1884", on_datagram).into(socket_));
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "keel/abi.h"

namespace keel {

// The name of a status, for messages: "limit reached".
inline std::string_view status_name(keel_status code) {
  switch (code) {
    case KEEL_OK:
      return "ok";
    case KEEL_E_INVAL:
      return "invalid argument";
    case KEEL_E_STATE:
      return "not possible now";
    case KEEL_E_NOENT:
      return "not found";
    case KEEL_E_EXISTS:
      return "exists already";
    case KEEL_E_STALE:
      return "gone";
    case KEEL_E_DENIED:
      return "denied";
    case KEEL_E_LIMIT:
      return "limit reached";
    case KEEL_E_NOMEM:
      return "out of memory";
    case KEEL_E_UNSUPPORTED:
      return "not supported by this kernel";
    case KEEL_E_IO:
      return "input/output error";
    case KEEL_E_EXCEPTION:
      return "exception";
  }
  return "unknown error";
}

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(keel_status code) : code_(code) {}  // NOLINT: `return KEEL_E_INVAL;` is meant to work
  Status(keel_status code, std::string text) : code_(code), text_(std::move(text)) {}

  static Status ok() { return {}; }
  // A failure of the plugin's own.
  static Status error(std::string text, keel_status code = KEEL_E_INVAL) {
    return {code, std::move(text)};
  }

  explicit operator bool() const { return code_ == KEEL_OK; }
  keel_status code() const { return code_; }
  // What went wrong, never empty.
  std::string_view text() const { return text_.empty() ? status_name(code_) : text_; }
  void append_to(std::string& out) const { out.append(text()); }
  // For calls whose failure changes nothing here.
  void ignore() const {}

 private:
  keel_status code_ = KEEL_OK;
  std::string text_;
};

inline bool operator==(const Status& status, keel_status code) { return status.code() == code; }

// A value, or why there is none. A Result that holds a handle can be turned into a Status: the
// object then lives until the plugin stops, with nobody holding the handle.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT
  Result(Status status) : status_(std::move(status)) {  // NOLINT
    if (status_) status_ = Status(KEEL_E_INVAL, "a result needs a value");
  }

  explicit operator bool() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  keel_status code() const { return status_.code(); }
  std::string_view text() const { return status_.text(); }

  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  T value_or(T otherwise) && { return value_ ? std::move(*value_) : std::move(otherwise); }

  // Puts the value into `target`, or leaves it alone and says why.
  Status into(T& target) && {
    if (value_) target = std::move(*value_);
    return std::move(status_);
  }

  // See above; for handles.
  Status keep() && requires requires(T& handle) { handle.keep(); }
  {
    if (value_) value_->keep();
    return std::move(status_);
  }
  operator Status() &&  // NOLINT: `return host().udp().bind(...);` is meant to work
      requires requires(T& handle) {
    handle.keep();
  }
  { return std::move(*this).keep(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace keel

// Leaves the function with the failure of `expression`, if it failed.
#define KEEL_TRY(expression)                                                                     \
  do {                                                                                           \
    if (::keel::Status keel_try_status = (expression); !keel_try_status) return keel_try_status; \
  } while (false)
