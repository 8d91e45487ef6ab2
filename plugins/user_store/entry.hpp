// One line of the store's file:
//
//   name:hash:scram:check      a user; scram is empty or a ScramVerifier
//   name:::check               the user is gone
//
// The last line of a name counts. `check` is the CRC-32 of what stands before it, so that a torn or
// changed line does not pass for another password. The file begins with #user_store:1:secret:check.
// Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace user_store {

// What is known about a user: "hash" or "hash:scram". One text, because there may be a million.
class UserValue {
 public:
  explicit UserValue(std::string_view text) : text_(text) {}
  static std::string join(std::string_view hash, std::string_view scram) {
    std::string out(hash);
    if (!scram.empty()) out.append(1, ':').append(scram);
    return out;
  }
  std::string_view hash() const { return text_.substr(0, text_.find(':')); }
  std::string_view scram() const {
    const std::size_t cut = text_.find(':');
    return cut == std::string_view::npos ? std::string_view() : text_.substr(cut + 1);
  }

 private:
  std::string_view text_;
};

struct Entry {
  std::string name;
  std::string value;  // see UserValue; empty: the user is gone
};

// Why a text can be no name here; empty: it can.
std::string name_problem(std::string_view name);

std::string to_line(std::string_view name, std::string_view value);  // with \n
std::string header_line(std::string_view secret);

// Lines without their \n. `problem` is set when there is no value.
std::optional<Entry> parse_line(std::string_view line, std::string& problem);
std::optional<std::string> parse_header(std::string_view line, std::string& problem);

}  // namespace user_store
