// The bytes between `ctl` and the broker. All integers are 32 bit, big-endian.
//   request: count, then count arguments, each a length and its bytes
//   reply:   pieces, each a length and its bytes; then 0xFFFFFFFF and one byte, the exit code
// The tool in tools/ctl writes the other side by hand, as it links nothing of the kernel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keel::kernel {

inline constexpr std::uint32_t kCtlMaxArguments = 64;
inline constexpr std::uint32_t kCtlMaxArgument = 65'536;
inline constexpr std::uint32_t kCtlEnd = 0xFFFFFFFF;

// Reads a request that arrives in pieces, keeping no more than the limits allow.
class CtlRequestReader {
 public:
  enum class State : std::uint8_t { more, done, bad };

  // Takes bytes; what is behind a complete request is ignored.
  State feed(std::string_view bytes);

  const std::string& error() const { return error_; }  // after State::bad
  std::vector<std::string> take_arguments() { return std::move(arguments_); }

 private:
  bool take_number(std::string_view& bytes, std::uint32_t& out);
  State fail(std::string text);

  State state_ = State::more;
  bool have_count_ = false, in_argument_ = false;
  std::uint32_t count_ = 0, size_ = 0;
  std::string number_;  // the bytes of an integer so far
  std::vector<std::string> arguments_;
  std::string error_;
};

std::string ctl_piece_header(std::uint32_t size);
std::string ctl_end(std::uint8_t exit_code);

}  // namespace keel::kernel
