#include "emqx_lwm2m/format/value.hpp"

#include <keel/utf8.hpp>

#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

struct Named {
  DataType type;
  std::string_view name;
};
constexpr Named kNames[] = {
    {DataType::none, ""},           {DataType::string, "String"},
    {DataType::integer, "Integer"}, {DataType::unsigned_integer, "Unsigned Integer"},
    {DataType::floating, "Float"},  {DataType::boolean, "Boolean"},
    {DataType::opaque, "Opaque"},   {DataType::time, "Time"},
    {DataType::objlnk, "Objlnk"},   {DataType::corelnk, "Corelnk"},
};

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (small(a[i]) != small(b[i])) return false;
  }
  return true;
}

}  // namespace

std::optional<DataType> parse_data_type(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return DataType::none;
  text = text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
  for (const Named& known : kNames) {
    if (same(known.name, text)) return known.type;
  }
  return std::nullopt;
}

std::string_view name(DataType type) {
  for (const Named& known : kNames) {
    if (known.type == type) return known.name;
  }
  return {};
}

std::optional<ObjectLink> parse_object_link(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.find('+') != std::string_view::npos)
    return std::nullopt;
  const auto object = parse_integer<std::uint16_t>(text.substr(0, colon));
  const auto instance = parse_integer<std::uint16_t>(text.substr(colon + 1));
  if (!object || !instance) return std::nullopt;
  return ObjectLink{*object, *instance};
}

std::string text(ObjectLink link) {
  std::string out;
  append_number(out, link.object);
  out.push_back(':');
  append_number(out, link.instance);
  return out;
}

bool printable(std::string_view octets) {
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet < 0x20 && kBlanks.find(c) == std::string_view::npos) || octet == 0x7f) return false;
  }
  return keel::is_utf8(octets);
}

}  // namespace lwm2m
