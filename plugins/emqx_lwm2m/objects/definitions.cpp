#include "emqx_lwm2m/objects/definitions.hpp"

#include <algorithm>

namespace lwm2m {

namespace {

// Takes the first number off a version: its digits without zeros in front, as they compare by
// length, then as text.
std::string_view take_number(std::string_view& version) {
  const std::size_t dot = std::min(version.find('.'), version.size());
  std::string_view out = version.substr(0, dot);
  version.remove_prefix(std::min(dot + 1, version.size()));
  out.remove_prefix(std::min(out.find_first_not_of('0'), out.size()));
  return out;
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const std::string_view left = take_number(a), right = take_number(b);
    if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
    if (const int order = left.compare(right); order != 0) return order;
  }
  return 0;
}

const ResourceDefinition* ObjectDefinition::find(std::uint16_t resource) const {
  const auto at = std::lower_bound(
      resources.begin(), resources.end(), resource,
      [](const ResourceDefinition& known, std::uint16_t wanted) { return known.id < wanted; });
  return at != resources.end() && at->id == resource ? &*at : nullptr;
}

bool Definitions::add(ObjectDefinition object) {
  auto& resources = object.resources;
  std::reverse(resources.begin(), resources.end());
  std::stable_sort(resources.begin(), resources.end(),
                   [](const auto& a, const auto& b) { return a.id < b.id; });
  resources.erase(std::unique(resources.begin(), resources.end(),
                              [](const auto& a, const auto& b) { return a.id == b.id; }),
                  resources.end());
  const bool replaced = objects_.erase(std::pair(object.id, object.version)) != 0;
  std::pair key(object.id, object.version);
  objects_.emplace(std::move(key), std::move(object));
  return replaced;
}

const ObjectDefinition* Definitions::find(std::uint16_t object, std::string_view version) const {
  if (!version.empty()) {
    const auto exact = objects_.find(View{object, version});
    if (exact != objects_.end()) return &exact->second;
  }
  const auto [first, end] = objects_.equal_range(object);
  return first == end ? nullptr : &std::prev(end)->second;
}

const ObjectDefinition* Types::object(std::uint16_t id) const {
  if (!definitions) return nullptr;
  std::string_view version;
  if (versions) {
    const auto at = std::lower_bound(
        versions->begin(), versions->end(), id,
        [](const auto& known, std::uint16_t wanted) { return known.first < wanted; });
    if (at != versions->end() && at->first == id) version = at->second;
  }
  return definitions->find(id, version);
}

const ResourceDefinition* Types::resource(const Path& path) const {
  if (path.depth < 3) return nullptr;
  const ObjectDefinition* const known = object(path.object());
  return known ? known->find(path.resource()) : nullptr;
}

}  // namespace lwm2m
