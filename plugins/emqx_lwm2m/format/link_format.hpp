// Links as devices list their objects and answer a Discover [RFC 6690 2]. Pure functions.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace lwm2m {

struct Link {
  std::string_view text;    // whole, as it came, without blanks around it
  std::string_view target;  // between < and >
  struct Attribute {
    std::string_view name;
    std::optional<std::string_view> value;  // none: a bare name. Without its quotes; escapes stay.
  };
  std::vector<Attribute> attributes;

  const Attribute* find(std::string_view name) const;  // the first; null: none
};

// Splits at commas outside of <> and quotes; views into `text`. Nothing between two commas, or
// semicolons, is nothing. None: not link format, control characters, not UTF-8, more than `most`
// links or 64 attributes of one.
std::optional<std::vector<Link>> parse_links(std::string_view text, std::size_t most);

}  // namespace lwm2m
