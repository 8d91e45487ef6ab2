// The one header a plugin in C++ includes.
//
//   class Hello final : public keel::Plugin {
//    public:
//     using Plugin::Plugin;
//     keel::Status start() override { ... }
//   };
//   KEEL_PLUGIN(Hello, "hello", "1.0.0", "UDP lines in, publishes out");
//
// The layer is compiled into the plugin and crosses no boundary: what the kernel sees is
// keel/abi.h.
#pragma once

#include "keel/detail/entry.hpp"
#include "keel/plugin_base.hpp"
#include "keel/settings.hpp"

// Defines the plugin's entry, once per plugin, outside of any namespace. A fifth argument names the
// plugins that must be running, separated by spaces. All but the class are string literals.
// Settings come from the class: see keel/settings.hpp.
#define KEEL_PLUGIN(Class, name, version, summary, ...)                                            \
  namespace {                                                                                      \
  KEEL_PLUGIN_INFO_FLAGS(keel_plugin_info_, ::keel::detail::Instance<Class>::kInfoFlags, name,     \
                         version, summary, "" __VA_ARGS__);                                        \
  constexpr auto keel_plugin_settings_ = ::keel::detail::copy_settings<Class>(                     \
      std::make_index_sequence<::keel::detail::settings_count<Class>()>());                        \
  constexpr auto keel_plugin_setting_table_ = ::keel::detail::setting_table(                       \
      keel_plugin_settings_, std::make_index_sequence<::keel::detail::settings_count<Class>()>()); \
  }                                                                                                \
  extern "C" {                                                                                     \
  __attribute__((visibility("default"))) extern const keel_plugin_entry keel_plugin_entry_v1;      \
  __attribute__((used)) const keel_plugin_entry keel_plugin_entry_v1 = {                           \
      sizeof(keel_plugin_entry),                                                                   \
      KEEL_ENTRY_MAGIC,                                                                            \
      &keel_plugin_info_,                                                                          \
      keel_plugin_setting_table_.items,                                                            \
      static_cast<std::uint32_t>(::keel::detail::settings_count<Class>()),                         \
      0,                                                                                           \
      &::keel::detail::Instance<Class>::create};                                                   \
  }                                                                                                \
  static_assert(true)
