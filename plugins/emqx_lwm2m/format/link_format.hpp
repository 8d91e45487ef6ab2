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
    std::optional<std::string_view> value;  // none: a bare name. Without its quotes.
  };
  std::vector<Attribute> attributes;

  const Attribute* find(std::string_view name) const;  // the first; null: none
};

// Splits at commas outside of <> and quotes; views into `text`. None: not link format, or more than
// `most` links.
std::optional<std::vector<Link>> parse_links(std::string_view text, std::size_t most);

}  // namespace lwm2m
