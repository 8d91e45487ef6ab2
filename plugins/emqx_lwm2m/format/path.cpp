#include "emqx_lwm2m/format/path.hpp"

#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

// One level of a path: as it is written, without signs or zeros in front.
std::optional<std::uint16_t> parse_id(std::string_view text) {
  if (text.empty() || text[0] == '+' || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  const auto id = parse_integer<std::uint16_t>(text);
  return id && *id <= kMaxId ? id : std::nullopt;
}

}  // namespace

std::string Path::text() const {
  if (depth == 0) return "/";
  std::string out;
  for (std::uint8_t i = 0; i < depth; ++i) {
    out.push_back('/');
    append_number(out, ids[i]);
  }
  return out;
}

std::optional<Path> parse_path(std::string_view text) {
  Path out;
  if (text.starts_with('/')) text.remove_prefix(1);
  if (text.empty()) return out;
  if (text.ends_with('/')) text.remove_suffix(1);
  for (;;) {
    const std::size_t slash = text.find('/');
    const auto id = parse_id(text.substr(0, slash));
    if (!id || out.depth == 4) return std::nullopt;
    out = out.with(*id);
    if (slash == std::string_view::npos) return out;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace lwm2m
