// A short form of a topic that tells most others apart without looking at any text: what rules are
// sifted by before they are looked at. Values; any thread.
#pragma once

#include <cstdint>

#include "emqx_acl/topic_pattern.hpp"

namespace emqx_acl {

class Signature {
 public:
  // Of what is asked about.
  explicit Signature(const Topic& topic);
  // Of a rule's topic.
  explicit Signature(const TopicPattern& pattern);

  // False: a pattern of this signature cannot hold for the topic, whatever the relation.
  bool may_hold_for(const Signature& topic) const {
    if (literal_) return whole_ == topic.whole_;
    if (((words_ ^ topic.words_) & mask_ & topic.mask_) != 0) return false;
    if (topic.open_) return true;
    return open_ ? topic.depth_ + 1u >= depth_ : topic.depth_ == depth_;
  }

 private:
  void note(std::size_t level, std::string_view text);

  // 16 bits of a hash for each of the first four levels; the mask has those that are plain text.
  std::uint64_t words_ = 0, mask_ = 0;
  std::uint32_t whole_ = 0;  // of a literal's text
  std::uint16_t depth_ = 0;  // levels, `#` counts as one
  bool open_ = false;        // ends with `#`
  bool literal_ = false;
};

}  // namespace emqx_acl
