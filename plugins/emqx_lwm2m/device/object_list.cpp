#include "emqx_lwm2m/device/object_list.hpp"

#include <algorithm>

#include "emqx_lwm2m/format/content.hpp"
#include "emqx_lwm2m/format/link_format.hpp"
#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

constexpr std::size_t kMaxRoot = 256, kMaxFormats = 16, kMaxVersion = 11;

// Words, between blanks or commas.
template <class F>
void each_word(std::string_view text, F&& f) {
  constexpr std::string_view kBetween = " \t,";
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find_first_not_of(kBetween), text.size());
    const std::size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    if (end > begin) f(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

bool is_root(const Link& link) {
  const Link::Attribute* const type = link.find("rt");
  bool found = false;
  if (type && type->value)
    each_word(*type->value, [&](std::string_view word) { found |= word == "oma.lwm2m"; });
  return found;
}

std::string rooted(std::string_view target) {
  while (target.ends_with('/')) target.remove_suffix(1);
  return target.starts_with('/') ? std::string(target) : std::string("/").append(target);
}

void read_formats(const Link& root, std::vector<std::uint16_t>& out) {
  for (const Link::Attribute& attribute : root.attributes) {
    if (attribute.name != "ct" || !attribute.value) continue;
    each_word(*attribute.value, [&](std::string_view word) {
      const std::optional<std::uint16_t> number = parse_integer<std::uint16_t>(word);
      if (!number || out.size() == kMaxFormats) return;
      const std::uint16_t format = modern(*number);
      if (std::ranges::find(out, format) == out.end()) out.push_back(format);
    });
  }
}

// "1.1"
bool is_version(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos || text.size() > kMaxVersion) return false;
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  return digits(text.substr(0, point)) && digits(text.substr(point + 1));
}

void read_version(const Link& link, std::uint16_t object, ObjectVersions& out) {
  const Link::Attribute* const given = link.find("ver");
  if (!given || !given->value || !is_version(*given->value)) return;
  out.emplace_back(object, *given->value);
}

// By object; the first that was said of each.
void sort(ObjectVersions& versions) {
  std::ranges::stable_sort(versions, {}, [](const auto& version) { return version.first; });
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  versions.erase(std::unique(versions.begin(), versions.end(), same), versions.end());
}

}  // namespace

std::string read_object_list(std::string_view payload, std::size_t max_links, Registration& out) {
  out.objects.clear();
  out.versions.clear();
  const std::optional<std::vector<Link>> links = parse_links(payload, max_links);
  if (!links) return "the object list is no link format, or too long";
  const auto root = std::ranges::find_if(*links, is_root);
  if (root != links->end()) {
    out.alternate_path = rooted(root->target);
    if (out.alternate_path.size() > kMaxRoot) return "the alternate path is too long";
    out.formats.clear();
    read_formats(*root, out.formats);
  }
  const bool prefixed = out.alternate_path.size() > 1;
  for (auto link = links->begin(); link != links->end(); ++link) {
    if (link == root) continue;
    std::string_view target = link->target;
    if (prefixed && target.starts_with(out.alternate_path) &&
        target.substr(out.alternate_path.size()).starts_with('/')) {
      target.remove_prefix(out.alternate_path.size());
    }
    const std::optional<Path> path = parse_path(target);
    if (!path || path->depth < 1 || path->depth > 2) continue;
    out.objects.push_back(path->text());
    read_version(*link, path->object(), out.versions);
  }
  sort(out.versions);
  return {};
}

}  // namespace lwm2m
