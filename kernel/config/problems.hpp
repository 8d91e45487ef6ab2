// What is wrong with a set of settings: every finding with the place it stands at, up to a limit,
// so that one run shows all there is to mend. [control]
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace keel::kernel {

class Problems {
 public:
  static constexpr std::size_t kShown = 20;

  // `where: text`; the text says what is wrong and how to mend it.
  void add(std::string_view where, std::string_view text) {
    if (++count_ <= kShown) lines_.push_back(std::string(where).append(": ").append(text));
  }

  bool empty() const { return count_ == 0; }
  bool full() const { return count_ >= kShown; }  // more would only be counted

  // One line per problem.
  std::string text() const {
    std::string all;
    for (const auto& line : lines_) all.append(all.empty() ? "" : "\n").append(line);
    if (count_ > kShown) all += "\nand " + std::to_string(count_ - kShown) + " more";
    return all;
  }

 private:
  std::vector<std::string> lines_;
  std::size_t count_ = 0;
};

}  // namespace keel::kernel
