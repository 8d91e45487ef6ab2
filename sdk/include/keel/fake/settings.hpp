// FakeHost's config table: values from lines `key = value` (or from set()), checked against the
// plugin's schema, with its defaults. Part of keel/fake.hpp.
#pragma once

#include "keel/ext/config.h"
#include "keel/fake/kernel.hpp"

namespace keel::fake {

inline std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

class Settings : public Kernel {
 public:
  using Kernel::Kernel;

  // ---- for tests ----
  // Sets one key, before load() or reload().
  void set(const std::string& key, const std::string& value);
  void unset(const std::string& key);
  // Lines `key = value`; lists as ["a", "b"]; # begins a comment line.
  void set_all(std::string_view text);
  // What config.fail() was told: "key: text".
  std::vector<std::string> config_failures;
  std::string base_dir = "/etc/keel";

  // The first thing wrong with the values, or an empty text.
  std::string check(const keel_plugin_entry& entry) const;
  std::vector<std::pair<std::string, std::string>> values() const { return values_; }
  void restore(std::vector<std::pair<std::string, std::string>> values);

 protected:
  static const keel_ext_config& config_table();

 private:
  static Settings& of(const keel_host* host) {
    return static_cast<Settings&>(*instance(host).kernel);
  }
  template <class F>
  static keel_status get(const keel_host* host, const char* key,
                         std::initializer_list<std::uint8_t> types, F&& use) {
    Settings& self = of(host);
    if (self.current() != KEEL_SHARD_CONTROL) {
      return self.misused("config: belongs on the control thread");
    }
    const keel_setting* const setting = schema(*instance(host).entry, key);
    if (!setting) return self.fail(KEEL_E_INVAL, concat(key, ": not in the schema"));
    if (std::find(types.begin(), types.end(), setting->type) == types.end()) {
      return self.fail(KEEL_E_INVAL, concat(key, ": is of another type"));
    }
    const std::string* const found = self.value(key);
    if (!found && !setting->fallback) return self.fail(KEEL_E_NOENT, concat(key, ": not set"));
    use(found ? *found : std::string(setting->fallback), *setting);
    return KEEL_OK;
  }

  const std::string* value(std::string_view key) const;
  using Parts = std::vector<std::string_view>;
  static Parts parts(std::string_view key);
  // A `*` in the schema stands for one part of the key; a TABLE has any names below it, which may
  // themselves have dots.
  static const keel_setting* schema(const keel_plugin_entry& entry, std::string_view key);
  // The names in a table, or where a `*` stands.
  std::vector<std::string> names_below(const keel_plugin_entry& entry,
                                       std::string_view table) const;
  // A key of the schema with each name that is there in the place of its `*`.
  std::vector<std::string> expand(const keel_plugin_entry& entry, std::string_view key) const;

  static std::string check(const keel_setting& setting, const std::string& text);
  static std::string unquote(std::string_view text);
  static std::vector<std::string> list(std::string_view text);

  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace keel::fake
