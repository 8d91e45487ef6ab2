// The members of a JSON object as the text they were written as, so that what is echoed comes back
// to the last digit and blank. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lwm2m {

struct Member {
  std::string_view text;   // "reqID": 7
  std::string key;         // reqID, whatever escapes it was written with
  std::string_view value;  // 7
};

struct Members {
  std::vector<Member> list;  // in their order; of several with the same key, the last
  // In all of the text, at any depth: at least as many as there are. kTooMany: there are more than
  // kMaxMembers, those with the same key included, and the list is incomplete.
  std::size_t values = 0;
};
inline constexpr std::size_t kMaxMembers = 256, kTooMany = static_cast<std::size_t>(-1);

// Views into `text`. What they are is certain only once a parser has found the text to be valid;
// with anything else it ends early, or with nonsense, but within `text`. None: no object.
std::optional<Members> split_members(std::string_view text);

}  // namespace lwm2m
