#include "kernel/admin/ctl_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernel/base/bytes.hpp"

namespace keel::kernel {

CtlRequestReader::State CtlRequestReader::fail(std::string text) {
  error_ = std::move(text);
  arguments_.clear();
  return state_ = State::bad;
}

bool CtlRequestReader::take_number(std::string_view& bytes, std::uint32_t& out) {
  const std::size_t n = std::min<std::size_t>(4 - number_.size(), bytes.size());
  number_.append(bytes.substr(0, n));
  bytes.remove_prefix(n);
  if (number_.size() < 4) return false;
  out = load_be32(number_.data());
  number_.clear();
  return true;
}

CtlRequestReader::State CtlRequestReader::feed(std::string_view bytes) {
  if (state_ != State::more) return state_;
  if (!have_count_) {
    if (!take_number(bytes, count_)) return state_;
    have_count_ = true;
    if (count_ > kCtlMaxArguments)
      return fail(fmt::format("too many arguments; at most {} are taken", kCtlMaxArguments));
  }
  while (arguments_.size() < count_ || in_argument_) {
    if (!in_argument_) {
      if (!take_number(bytes, size_)) return state_;
      if (size_ > kCtlMaxArgument)
        return fail(fmt::format("argument too long; at most {} bytes are taken", kCtlMaxArgument));
      arguments_.emplace_back();
      in_argument_ = true;
    }
    std::string& argument = arguments_.back();
    const std::size_t n = std::min<std::size_t>(size_ - argument.size(), bytes.size());
    argument.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (argument.size() < size_) return state_;
    in_argument_ = false;
  }
  return state_ = State::done;
}

std::string ctl_piece_header(std::uint32_t size) {
  std::string out(4, '\0');
  store_be32(out.data(), size);
  return out;
}

std::string ctl_end(std::uint8_t exit_code) {
  return ctl_piece_header(kCtlEnd) + static_cast<char>(exit_code);
}

}  // namespace keel::kernel
