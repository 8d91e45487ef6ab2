// A value, or an error that names the cause and the remedy. For the control plane (settings,
// listeners, commands); the data path answers with MQTT reason codes instead.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace keel::kernel {

struct Error {
  std::string text;  // one line: what is wrong, and how to mend it
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const std::string& error() const { return std::get<1>(state_).text; }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const std::string& error() const { return error_->text; }

 private:
  std::optional<Error> error_;
};

}  // namespace keel::kernel
