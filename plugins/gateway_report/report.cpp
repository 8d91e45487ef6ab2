#include "gateway_report/report.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <keel/text.hpp>

namespace keel::gateway {

namespace js = boost::json;

std::string on_one_line(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters, too.
    const bool high =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !high) {
      out += text[i];
      continue;
    }
    constexpr char kDigits[] = "0123456789abcdef";
    const auto shown = high ? static_cast<unsigned char>(text[++i]) : byte;
    out += {'\\', 'x', kDigits[shown >> 4], kDigits[shown & 15]};
  }
  return out;
}

std::string padded(std::string_view text, std::size_t width) {
  const auto characters = static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
  return concat(text, std::string(width - std::min(width, characters), ' '));
}

std::string json_list(std::span<const std::string> items) {
  std::string out = "[";
  for (const std::string& item : items) {
    if (out.size() > 1) out += ',';
    out += item;
  }
  return out + "]\n";
}

std::string listed(std::span<const std::string> items, bool json, std::string_view none) {
  if (json) return json_list(items);
  std::string out(items.empty() ? none : std::string_view());
  for (const std::string& line : items) out += line;
  return out;
}

std::string figures_text(std::span<const Figure> figures) {
  constexpr std::size_t kWidth = 32;
  std::string out;
  for (const Figure& figure : figures) {
    out += concat(padded(concat(figure.group, '.', figure.name), kWidth), ": ", figure.value, '\n');
  }
  return out;
}

std::string figures_json(std::span<const Figure> figures) {
  js::object out;
  for (const Figure& figure : figures) {
    js::value& group = out[figure.group];
    if (!group.is_object()) group = js::object();
    group.as_object()[figure.name] = figure.value;
  }
  return js::serialize(out) + '\n';
}

}  // namespace keel::gateway
