// What `ctl` says of gateways, as text for people and as JSON. No I/O; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keel::gateway {

// On one line, whatever a client has put into it: control characters as \xNN.
std::string on_one_line(std::string_view text);
// `text`, and blanks up to `width` characters.
std::string padded(std::string_view text, std::size_t width);

// "[a,b]" and a newline.
std::string json_list(std::span<const std::string> items);
// The items, which are lines, or what stands for none of them; or a JSON list.
std::string listed(std::span<const std::string> items, bool json, std::string_view none = {});

// A number with its name, in groups.
struct Figure {
  std::string group, name;
  std::uint64_t value = 0;
};
std::string figures_text(std::span<const Figure> figures);
std::string figures_json(std::span<const Figure> figures);

}  // namespace keel::gateway
