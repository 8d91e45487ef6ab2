#include "kernel/config/plugin_settings.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "kernel/base/utf8.hpp"
#include "kernel/config/loose_source.hpp"
#include "kernel/config/schema_reader.hpp"

namespace keel::kernel {

namespace {

constexpr std::size_t kMaxPluginFile = 256 * 1024;
constexpr std::size_t kShownNotices = 20;

std::string joined(const std::vector<std::string>& path) {
  std::string all;
  for (const auto& part : path) all.append(all.empty() ? "" : ".").append(part);
  return all;
}

bool begins_with(const std::vector<std::string>& path, const std::vector<std::string>& start) {
  return path.size() >= start.size() && std::equal(start.begin(), start.end(), path.begin());
}

// Nothing: no such file. Files of any kind are opened without waiting for a writer.
std::optional<std::string> read_file(const std::string& file, Problems& problems) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  const auto failed = [&](std::string_view cause) {
    problems.add(file, fmt::format("cannot be read ({}); make it readable for the broker", cause));
    if (fd >= 0) ::close(fd);
    return std::string();
  };
  if (fd < 0) return failed(std::strerror(errno));
  struct stat status {};
  if (::fstat(fd, &status) != 0) return failed(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return failed("it is not a file");
  std::string text(kMaxPluginFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  ::close(fd);
  text.resize(size);
  return text;
}

std::vector<Entry> read_entries(const std::string& text, const std::string& name,
                                Problems& problems) {
  std::vector<Entry> entries;
  if (text.size() > kMaxPluginFile) {
    problems.add(name, "is larger than 256 KiB; no plugin has that much to set");
    return entries;
  }
  Problems not_toml;
  read_toml(text, name, entries, not_toml);
  if (not_toml.empty()) return entries;
  entries.clear();
  read_loose(text, name, entries, problems);
  return entries;
}

// A number, truth value or date where the schema wants a text is the text that was written.
void accept_literals(const Schema& schema, std::vector<Entry>& entries) {
  for (auto& entry : entries) {
    if (entry.kind != Entry::Kind::value || entry.raw.literal.empty()) continue;
    const auto* spec = schema.find(entry.path);
    if (spec == nullptr) continue;
    const auto type = spec->type;
    if (type == SettingType::string || type == SettingType::strings ||
        type == SettingType::choice || type == SettingType::table) {
      entry.raw.bare = entry.raw.literal;
    }
  }
}

std::string bare_notice(const CheckedSetting& setting) {
  const auto key = dotted(setting.path);
  if (setting.spec->secret) {
    return fmt::format("{}: '{}' is taken as text; put it in \"quotes\"", setting.at, key);
  }
  return fmt::format("{}: '{}' is taken as text; write {}", setting.at, key,
                     print_value(*setting.spec, setting.value));
}

std::vector<std::string> bare_notices(const std::vector<CheckedSetting>& checked,
                                      const std::string& file) {
  std::vector<std::string> notices;
  std::size_t count = 0;
  for (const auto& setting : checked) {
    if (setting.bare && ++count <= kShownNotices) notices.push_back(bare_notice(setting));
  }
  if (count > kShownNotices) {
    notices.push_back(
        fmt::format("{}: and {} more are taken as text", file, count - kShownNotices));
  }
  return notices;
}

std::optional<std::string> known_nowhere(const std::vector<std::string>&) { return std::nullopt; }

}  // namespace

// Fills a PluginValues.
class PluginSettingsLoader {
 public:
  PluginSettingsLoader(PluginValues& values, std::string name)
      : values_(values), name_(std::move(name)) {
    values_.file_ = name_;
  }

  void store(std::vector<CheckedSetting> checked) {
    for (auto& setting : checked) {
      if (setting.spec == nullptr) {
        values_.sections_.push_back({std::move(setting.path), values_.set_.size()});
        continue;
      }
      auto key = joined(setting.path);
      values_.index_.emplace(key, values_.set_.size());
      values_.set_.push_back({std::move(key), std::move(setting.path), setting.spec,
                              std::move(setting.value), std::move(setting.at)});
    }
  }

  void check_required(Problems& problems) const {
    const Schema& schema = *values_.schema_;
    for (const auto& spec : schema.specs()) {
      if (!spec.required) continue;
      for (const auto& key : values_.expand(schema.parts(spec))) {
        const bool present = spec.type == SettingType::table ? !values_.keys(key).empty()
                                                             : values_.index_.contains(key);
        if (present) continue;
        problems.add(
            name_.empty() ? "settings" : name_,
            fmt::format("'{}' is not set and has no default; give {}", key, expectation(spec)));
      }
    }
  }

 private:
  PluginValues& values_;
  std::string name_;
};

PluginValues::PluginValues(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {}

const PluginValues::Setting* PluginValues::find_set(std::string_view key) const {
  const auto at = index_.find(key);
  return at != index_.end() ? &set_[at->second] : nullptr;
}

PluginValues::Found PluginValues::find(std::string_view key) const {
  if (const auto* setting = find_set(key)) return {setting->spec, &setting->value};
  if (!schema_) return {nullptr, nullptr};
  const auto path = split_path(key);
  if (const auto* spec = schema_->find(path)) {
    const bool has_default =
        spec->type != SettingType::table && spec->fallback != Value(std::monostate{});
    return {spec, has_default ? &spec->fallback : nullptr};
  }
  // A name in a table may itself have dots.
  for (const auto& spec : schema_->specs()) {
    const auto& parts = schema_->parts(spec);
    if (spec.type != SettingType::table || path.size() <= parts.size()) continue;
    const bool below =
        std::equal(parts.begin(), parts.end(), path.begin(),
                   [](const auto& part, const auto& name) { return part == "*" || part == name; });
    if (below) return {&spec, nullptr};
  }
  return {nullptr, nullptr};
}

std::vector<std::string> PluginValues::keys(std::string_view table) const {
  std::vector<std::string> names;
  if (!schema_) return names;
  const auto start = split_path(table);
  std::set<std::string_view> seen;
  const auto note = [&](const std::vector<std::string>& path) {
    if (path.size() <= start.size() || !begins_with(path, start)) return;
    const auto& name = path[start.size()];
    if (seen.insert(name).second) names.push_back(name);
  };
  auto section = sections_.begin();
  for (std::size_t i = 0; i <= set_.size(); ++i) {
    for (; section != sections_.end() && section->before == i; ++section) {
      if (is_name_place(section->path, start.size())) note(section->path);
    }
    if (i == set_.size()) break;
    const auto& parts = schema_->parts(*set_[i].spec);
    const bool named =
        start.size() == parts.size() || (start.size() < parts.size() && parts[start.size()] == "*");
    if (named) note(set_[i].path);
  }
  return names;
}

bool PluginValues::is_name_place(const std::vector<std::string>& path, std::size_t position) const {
  const auto& specs = schema_->specs();
  return std::any_of(specs.begin(), specs.end(), [&](const SettingSpec& spec) {
    const auto& parts = schema_->parts(spec);
    if (parts.size() <= position || path.size() > parts.size() || parts[position] != "*") {
      return false;
    }
    return std::equal(
        path.begin(), path.end(), parts.begin(),
        [](const auto& name, const auto& part) { return part == "*" || part == name; });
  });
}

std::vector<std::string> PluginValues::expand(const std::vector<std::string>& parts) const {
  std::vector<std::string> keys{""};
  for (const auto& part : parts) {
    std::vector<std::string> longer;
    for (const auto& key : keys) {
      const auto start = key.empty() ? key : key + '.';
      if (part != "*") {
        longer.push_back(start + part);
        continue;
      }
      for (const auto& name : this->keys(key)) longer.push_back(start + name);
    }
    keys = std::move(longer);
  }
  return keys;
}

std::string PluginValues::place(std::string_view key) const {
  const auto* setting = find_set(key);
  return setting != nullptr ? setting->at : file_;
}

Result<LoadedPluginSettings> load_plugin_settings(std::shared_ptr<const Schema> schema,
                                                  const PluginSettingsSource& source) {
  Problems problems;
  const std::string name = source.file.empty() ? "settings" : source.file;
  std::string text = source.text.value_or("");
  if (!source.text && !source.file.empty()) {
    text = read_file(source.file, problems).value_or("");
  }
  std::vector<Entry> entries;
  if (problems.empty()) entries = read_entries(text, name, problems);
  accept_literals(*schema, entries);
  const auto manual = fmt::format("ctl plugins describe {}", source.plugin);
  auto checked = check_entries(*schema, std::move(entries), known_nowhere, problems, manual);
  LoadedPluginSettings loaded{PluginValues(std::move(schema)), bare_notices(checked, name)};
  PluginSettingsLoader loader(loaded.values, source.file);
  loader.store(std::move(checked));
  if (problems.empty()) loader.check_required(problems);
  if (!problems.empty()) return Error{problems.text()};
  return loaded;
}

Result<SettingsFile> find_settings_file(const std::string& etc_dir, const std::string& name) {
  const std::string candidates[] = {fmt::format("{}/plugins/{}.conf", etc_dir, name),
                                    fmt::format("{}/{}.conf", etc_dir, name)};
  SettingsFile found;
  for (const auto& path : candidates) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) continue;
      return Error{fmt::format("{}: cannot be looked at ({}); make it readable for the broker",
                               path, std::strerror(errno))};
    }
    if (!found.path.empty()) {
      found.notice = fmt::format("{} is used, {} is not; remove one of the two", found.path, path);
      continue;
    }
    if (!S_ISREG(status.st_mode)) {
      return Error{fmt::format("{}: is not a file; remove it", path)};
    }
    if ((status.st_mode & S_IWOTH) != 0) {
      return Error{
          fmt::format("{}: everybody may write it; take that away: chmod o-w '{}'", path, path)};
    }
    found.path = path;
  }
  return found;
}

}  // namespace keel::kernel
