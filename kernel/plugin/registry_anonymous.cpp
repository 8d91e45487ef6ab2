// Who still gets in without credentials although a plugin authenticates clients.
#include <fmt/format.h>

#include <algorithm>

#include "keel/ext/hooks.h"
#include "kernel/plugin/registry.hpp"

namespace keel::kernel {
namespace {

constexpr std::string_view kSetting = ".allow_anonymous";

// The plugin's setting that shuts such clients out of its listener; empty: it has none. A listener
// "ws:external" is the section [listener.ws.external] if its plugin has such sections.
std::string key_of(const Schema& schema, std::string_view listener) {
  std::string own = fmt::format("listener.{}{}", listener, kSetting);
  std::replace(own.begin(), own.end(), ':', '.');
  if (schema.find(split_path(own))) return own;
  const auto other = std::ranges::find_if(
      schema.specs(), [](const SettingSpec& spec) { return spec.key.ends_with(kSetting); });
  return other == schema.specs().end() ? std::string() : other->key;
}

}  // namespace

bool Registry::authenticates(const Slot& slot) const {
  return runtime_.hooks().takes_part(slot, KEEL_HOOK_CLIENT_AUTHENTICATE);
}

std::string Registry::anonymous_remedy(const ListenerStatus& listener) const {
  if (listener.owner.empty())
    return fmt::format("; listener.{}{} = false stops that.", listener.name, kSetting);
  std::string key;
  if (const Slot* owner = running(listener.owner))
    key = key_of(*owner->settings.schema(), listener.name);
  if (key.empty()) return fmt::format(" of plugin {}.", listener.owner);
  return fmt::format(" of plugin {0}; {1} = false in the settings of {0} stops that.",
                     listener.owner, key);
}

std::vector<std::string> Registry::anonymous_notices(const Slot* loaded) const {
  std::vector<std::string> lines;
  const auto slots = slots_in_order();
  if (std::ranges::none_of(slots, [this](const Slot* slot) { return authenticates(*slot); }))
    return lines;
  const bool all = !loaded || authenticates(*loaded);
  for (const ListenerStatus& listener : runtime_.listeners().list()) {
    if (!listener.running || !listener.admits_anonymous || !listener.proto.starts_with("mqtt"))
      continue;
    if (!all && listener.owner != loaded->name()) continue;
    lines.push_back(fmt::format("Anonymous clients are still admitted by listener {} ({}){}",
                                listener.name, listener.bound, anonymous_remedy(listener)));
  }
  return lines;
}

}  // namespace keel::kernel
