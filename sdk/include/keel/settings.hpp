// A plugin's settings, declared: a member `static constexpr keel::Setting settings[]` of the
// plugin's class is what the kernel checks the file against, and what `ctl plugins describe`
// prints.
//
//   static constexpr keel::Setting settings[] = {
//       keel::address("sn.address", "127.0.0.1:1884", "Where to listen"),
//       keel::duration("sn.idle", "15m", "Silence after which a client is lost").reloadable(),
//       keel::string("sn.password", nullptr, "What clients must send").secret(),
//   };
//
// Defaults that are texts stand as in the file; nullptr: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "keel/abi.h"

namespace keel {

class Setting {
 public:
  constexpr Setting(std::uint8_t type, const char* key, const char* fallback, const char* help)
      : type_(type), key_(key), help_(help), fallback_(fallback) {}
  constexpr Setting(std::uint8_t type, const char* key, std::int64_t fallback, const char* help)
      : type_(type), key_(key), help_(help) {
    write(fallback);
  }

  // plugin.apply() can take a change while running.
  constexpr Setting reloadable() const { return with_flag(KEEL_SETTING_RELOADABLE); }
  // Never shown.
  constexpr Setting secret() const { return with_flag(KEEL_SETTING_SECRET); }
  // Must be in the file; give no default.
  constexpr Setting required() const { return with_flag(KEEL_SETTING_REQUIRED); }
  // Bounds: of the number, the milliseconds or the bytes.
  constexpr Setting between(std::int64_t least, std::int64_t most) const {
    Setting out = *this;
    out.min_ = least;
    out.max_ = most;
    return out;
  }
  // What a bare number counts in a duration.
  constexpr Setting unit_ms(std::int64_t ms) const {
    Setting out = *this;
    out.unit_ms_ = ms;
    return out;
  }
  constexpr Setting one_of(const char* choices) const {
    Setting out = *this;
    out.choices_ = choices;
    return out;
  }

  // Points into *this.
  constexpr keel_setting c() const {
    return {sizeof(keel_setting),
            type_,
            flags_,
            {0, 0},
            key_,
            help_,
            choices_,
            digits_[0] ? digits_ : fallback_,
            min_,
            max_,
            unit_ms_};
  }

 private:
  constexpr Setting with_flag(std::uint8_t flag) const {
    Setting out = *this;
    out.flags_ |= flag;
    return out;
  }
  constexpr void write(std::int64_t number) {
    char reversed[24] = {};
    std::size_t n = 0;
    auto rest = static_cast<std::uint64_t>(number);
    if (number < 0) rest = 0 - rest;
    do reversed[n++] = static_cast<char>('0' + rest % 10);
    while ((rest /= 10) != 0);
    std::size_t at = 0;
    if (number < 0) digits_[at++] = '-';
    while (n > 0) digits_[at++] = reversed[--n];
  }

  std::uint8_t type_;
  std::uint8_t flags_ = 0;
  const char* key_;
  const char* help_;
  const char* choices_ = nullptr;
  const char* fallback_ = nullptr;
  std::int64_t min_ = 0, max_ = 0, unit_ms_ = 0;
  char digits_[24] = {};
};

constexpr Setting boolean(const char* key, bool fallback, const char* help) {
  return {KEEL_SETTING_BOOL, key, fallback ? "true" : "false", help};
}
constexpr Setting boolean(const char* key, std::nullptr_t, const char* help) {
  return {KEEL_SETTING_BOOL, key, static_cast<const char*>(nullptr), help};
}
constexpr Setting integer(const char* key, std::int64_t fallback, const char* help) {
  return {KEEL_SETTING_INT, key, fallback, help};
}
constexpr Setting integer(const char* key, std::nullptr_t, const char* help) {
  return {KEEL_SETTING_INT, key, static_cast<const char*>(nullptr), help};
}
// A port as a number.
constexpr Setting port(const char* key, std::int64_t fallback, const char* help) {
  return integer(key, fallback, help).between(0, 65535);
}
constexpr Setting number(const char* key, const char* fallback, const char* help) {
  return {KEEL_SETTING_FLOAT, key, fallback, help};
}
constexpr Setting string(const char* key, const char* fallback, const char* help) {
  return {KEEL_SETTING_STRING, key, fallback, help};
}
constexpr Setting strings(const char* key, const char* fallback, const char* help) {
  return {KEEL_SETTING_STRINGS, key, fallback, help};
}
constexpr Setting duration(const char* key, const char* fallback, const char* help) {
  return {KEEL_SETTING_DURATION, key, fallback, help};
}
constexpr Setting size(const char* key, const char* fallback, const char* help) {
  return {KEEL_SETTING_SIZE, key, fallback, help};
}
constexpr Setting choice(const char* key, const char* choices, const char* fallback,
                         const char* help) {
  return Setting(KEEL_SETTING_CHOICE, key, fallback, help).one_of(choices);
}
constexpr Setting address(const char* key, const char* fallback, const char* help) {
  return {KEEL_SETTING_ADDRESS, key, fallback, help};
}
// A table of any names with text values; read with Config::keys().
constexpr Setting table(const char* key, const char* help) {
  return {KEEL_SETTING_TABLE, key, static_cast<const char*>(nullptr), help};
}

namespace detail {
template <class T>
concept HasSettings = requires {
  T::settings;
};

template <class T>
constexpr std::size_t settings_count() {
  if constexpr (HasSettings<T>) {
    return sizeof(T::settings) / sizeof(T::settings[0]);
  } else {
    return 0;
  }
}

// The declared settings, copied into one object of the plugin's entry, and the same in C.
template <std::size_t N>
struct SettingList {
  Setting items[N];
};
template <>
struct SettingList<0> {};

template <class T, std::size_t... I>
constexpr auto copy_settings(std::index_sequence<I...>) {
  if constexpr (sizeof...(I) == 0) {
    return SettingList<0>{};
  } else {
    return SettingList<sizeof...(I)>{{T::settings[I]...}};
  }
}

template <std::size_t N>
struct SettingTable {
  keel_setting items[N == 0 ? 1 : N];
};
template <std::size_t N, std::size_t... I>
constexpr SettingTable<N> setting_table(const SettingList<N>& list, std::index_sequence<I...>) {
  if constexpr (N == 0) {
    return {};
  } else {
    return {{list.items[I].c()...}};
  }
}
}  // namespace detail

}  // namespace keel
