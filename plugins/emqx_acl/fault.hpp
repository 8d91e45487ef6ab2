// What is wrong with a file of rules, and where: thrown by the readers, and turned into one line of
// text by whoever called them (load_rules()). A value; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace emqx_acl {

// Lines and columns count from 1, columns in characters; 0: not known.
struct Position {
  std::uint32_t line = 0, column = 0;
};

struct Fault {
  Position at;
  std::string text;      // the cause, and behind a semicolon the remedy
  std::size_t rule = 0;  // counted from 1; 0: it belongs to none
};

}  // namespace emqx_acl
