#include "kernel/config/kernel_settings.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel/config/foreign_keys.hpp"
#include "kernel/config/kernel_schema.hpp"
#include "kernel/config/schema_reader.hpp"
#include "kernel/config/settings_check.hpp"

extern char** environ;

namespace keel::kernel {

namespace {

constexpr std::size_t kMaxFile = 1'048'576;
constexpr std::size_t kMaxSections = 256;  // of one kind

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Pipes are fine, endless ones and folders are not.
void read_file(const std::string& file, std::string& text, Problems& problems) {
  const auto failed = [&] {
    problems.add(file, fmt::format("cannot be read ({}); name a readable file with -c",
                                   std::strerror(errno)));
  };
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed();
  char buffer[16'384];
  ssize_t size = 0;
  while ((size = ::read(fd, buffer, sizeof buffer)) != 0) {
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      failed();
      break;
    }
    text.append(buffer, static_cast<std::size_t>(size));
    if (text.size() > kMaxFile) {
      problems.add(file, "is larger than 1 MiB; name the right file with -c");
      break;
    }
  }
  ::close(fd);
}

// Environment variables come in capitals; a section that exists keeps its own spelling.
void adopt_spelling(std::vector<Entry>& entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto& path = entries[i].path;
    if (!entries[i].any_case || path.size() < 2) continue;
    for (std::size_t j = 0; j < i; ++j) {
      const auto& known = entries[j].path;
      if (entries[j].any_case || known.size() < 2 || known[0] != path[0]) continue;
      if (same_letters(known[1], path[1])) path[1] = known[1];
    }
  }
}

std::vector<Entry> gather(const SettingsSources& sources, Problems& problems) {
  std::vector<Entry> entries;
  std::string text = sources.text.value_or("");
  if (!sources.text && !sources.file.empty()) read_file(sources.file, text, problems);
  if (text.size() > kMaxFile) {
    if (problems.empty()) problems.add(sources.file, "is larger than 1 MiB; split it");
  } else {
    read_toml(text, sources.file.empty() ? "settings" : sources.file, entries, problems);
  }
  for (const auto& [name, value] : sources.environment) {
    read_environment(name, value, entries, problems);
  }
  adopt_spelling(entries);
  for (const auto& assignment : sources.overrides) read_override(assignment, entries, problems);
  return entries;
}

bool is_named(const std::vector<std::string>& path) {
  return path.size() >= 2 && (path[0] == "tls" || path[0] == "listener");
}

// Makes the named section of `path`, unless there are far too many.
bool make_section(Settings& settings, const std::vector<std::string>& path) {
  if (!is_named(path)) return true;
  if (path[0] == "tls") {
    if (settings.tls.count(path[1]) == 0 && settings.tls.size() >= kMaxSections) return false;
    tls_section(settings, path[1]);
    return true;
  }
  if (settings.listeners.size() >= kMaxSections && find_listener(settings, path[1]) == nullptr) {
    return false;
  }
  listener_section(settings, path[1]);
  return true;
}

void store(const std::vector<CheckedSetting>& checked, Settings& settings, Problems& problems) {
  const auto& schema = kernel_schema();
  for (const auto& setting : checked) {
    if (!make_section(settings, setting.path)) {
      problems.add(setting.at, fmt::format("more than {} [{}.*] sections; remove some",
                                           kMaxSections, setting.path[0]));
      return;
    }
    if (setting.spec == nullptr) continue;
    const auto name = is_named(setting.path) ? setting.path[1] : std::string();
    schema.access(*setting.spec).set(settings, name, setting.value);
  }
}

}  // namespace

Result<LoadedSettings> load_settings(const SettingsSources& sources) {
  Problems problems;
  auto entries = gather(sources, problems);
  SettingPlaces places;
  for (const auto& entry : entries) {
    const auto& at = entry.kind == Entry::Kind::value ? entry.value_at : entry.key_at;
    // A value stands where it was set last; a section where it begins.
    if (entry.kind == Entry::Kind::value) {
      places[dotted(entry.path)] = at;
    } else {
      places.emplace(dotted(entry.path), at);
    }
  }
  const auto checked =
      check_entries(kernel_schema().schema(), std::move(entries), foreign_key, problems);
  LoadedSettings loaded;
  loaded.settings.file = sources.file;
  store(checked, loaded.settings, problems);
  if (!problems.full()) check_settings(loaded.settings, places, problems);
  if (!problems.empty()) return Error{problems.text()};
  loaded.notices = settings_notices(loaded.settings);
  return loaded;
}

std::vector<std::pair<std::string, std::string>> process_environment() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view variable(*at);
    const auto equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    all.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return all;
}

}  // namespace keel::kernel
