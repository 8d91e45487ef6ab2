// The settings of one plugin: its file held against its schema. Knows nothing of plugins beyond
// that; the schema comes from kernel/plugin/entry_schema. [control]
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/config/schema.hpp"

namespace keel::kernel {

// Checked values, defaults filled in. A plain value that keeps its schema alive; empty when made
// without one.
class PluginValues {
 public:
  struct Setting {
    std::string key;  // "auth.client.1.password"; in a table, the table's key and the name
    std::vector<std::string> path;  // its parts
    const SettingSpec* spec;
    Value value;
    std::string at;  // file:line:column
  };
  struct Found {
    const SettingSpec* spec;  // null: the schema has no such key
    const Value* value;       // null: not set, and no default
  };

  PluginValues() = default;
  explicit PluginValues(std::shared_ptr<const Schema> schema);

  const std::shared_ptr<const Schema>& schema() const { return schema_; }
  // A key of the schema, where it has `*` with the name put in. The default where it is not set.
  Found find(std::string_view key) const;
  // The value, if it is set (or has a default) and of that type: bool, std::int64_t (also durations
  // in ms and sizes in bytes), double, std::string, std::vector<std::string>.
  template <class T>
  const T* get(std::string_view key) const {
    const Found found = find(key);
    return found.value != nullptr ? std::get_if<T>(found.value) : nullptr;
  }
  // The names present below a table, or where a `*` stands, in the file's order.
  std::vector<std::string> keys(std::string_view table) const;
  // The keys that a key of the schema, in parts, stands for: itself, or one for each name (or set
  // of names) that is there for its `*`.
  std::vector<std::string> expand(const std::vector<std::string>& parts) const;
  // Where the key is set, `file:line:column`; the file for keys that are not; empty without one.
  std::string place(std::string_view key) const;
  // What the file sets, in its order.
  const std::vector<Setting>& set() const { return set_; }

 private:
  friend class PluginSettingsLoader;
  struct Section {
    std::vector<std::string> path;
    std::size_t before;  // which of set_ comes next
  };
  const Setting* find_set(std::string_view key) const;
  // Whether a name of the user's choice stands at that position of a section's path.
  bool is_name_place(const std::vector<std::string>& path, std::size_t position) const;

  std::shared_ptr<const Schema> schema_;
  std::string file_;
  std::vector<Setting> set_;
  std::map<std::string, std::size_t, std::less<>> index_;  // key to position in set_
  std::vector<Section> sections_;  // named by a header, perhaps without a key below
};

struct PluginSettingsSource {
  std::string file;                 // empty or not there: defaults only
  std::optional<std::string> text;  // the file's content, when it need not be read from disk
  std::string plugin;               // for messages: "see ctl plugins describe NAME"
};
struct LoadedPluginSettings {
  PluginValues values;
  std::vector<std::string> notices;  // not wrong, but worth a line in the log
};

// The file is TOML. Files of EMQ X work too: in one that is not TOML as a whole, lines that are not
// TOML are read as `key = text`, with a notice that shows how to write it. The error holds one line
// per problem: `file:line:column: what, and how to mend it`.
Result<LoadedPluginSettings> load_plugin_settings(std::shared_ptr<const Schema> schema,
                                                  const PluginSettingsSource& source);

struct SettingsFile {
  std::string path;    // empty: there is none
  std::string notice;  // empty: nothing to say
};
// `<etc_dir>/plugins/<name>.conf`, else `<etc_dir>/<name>.conf`. An error: everybody may write it.
Result<SettingsFile> find_settings_file(const std::string& etc_dir, const std::string& name);

}  // namespace keel::kernel
