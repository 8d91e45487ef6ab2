#include "kernel/plugin/loaded_plugins.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "kernel/base/file_replacement.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/plugin/manifest.hpp"

namespace keel::kernel {

namespace {

constexpr std::size_t kMaxFile = 256 * 1024;
constexpr std::size_t kShownProblems = 20;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Takes `token` and the blanks around it off the front.
bool take(std::string_view& text, std::string_view token) {
  text = trimmed(text);
  if (!text.starts_with(token)) return false;
  text = trimmed(text.substr(token.size()));
  return true;
}

std::string_view take_atom(std::string_view& text) {
  text = trimmed(text);
  const bool quoted = text.starts_with('\'');
  if (quoted) text.remove_prefix(1);
  const auto end =
      std::min(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), text.size());
  const auto atom = text.substr(0, end);
  text.remove_prefix(end);
  if (quoted && !text.starts_with('\'')) return {};
  if (quoted) text.remove_prefix(1);
  return atom;
}

Result<std::string> read_list(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 && errno == ENOENT) return std::string();
  const auto unreadable = [&] {
    return Error{fmt::format("{}: cannot be read ({}); make it readable, or remove it", path,
                             std::strerror(errno))};
  };
  if (fd < 0) return unreadable();
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return Error{fmt::format("{}: is not a file; remove it", path)};
  }
  std::string text(kMaxFile + 1, '\0');
  std::size_t size = 0;
  ssize_t got = 1;
  while (size < text.size() && got != 0) {
    got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    size += static_cast<std::size_t>(got);
  }
  const bool failed = got < 0;
  ::close(fd);
  if (failed) return unreadable();
  if (size > kMaxFile) {
    return Error{fmt::format("{}: is larger than 256 KiB; it lists plugins, one a line", path)};
  }
  text.resize(size);
  return text;
}

}  // namespace

Result<LoadedPlugins> LoadedPlugins::read(const std::string& path) {
  const auto text = read_list(path);
  if (!text) return Error{text.error()};
  auto list = parse(*text, path);
  list.path_ = path;
  return list;
}

LoadedPlugins::Line LoadedPlugins::parse_line(std::string_view text, std::string& problem) {
  Line line{std::string(text), {}, false};
  auto rest = trimmed(text.substr(0, text.find('%')));
  if (rest.empty()) return line;
  const auto shown = rest;
  std::string_view name, state = "true";
  bool good = true;
  if (take(rest, "{")) {
    name = take_atom(rest);
    good = take(rest, ",");
    state = take_atom(rest);
    good = good && take(rest, "}");
  } else {
    name = take_atom(rest);
  }
  good = take(rest, ".") && good && rest.empty() && (state == "true" || state == "false") &&
         is_plugin_name(name);
  if (!good) {
    std::string buffer;
    problem = fmt::format("'{}' is not an entry; write {{name, true}}. or remove the line",
                          printable(shown, buffer, 60));
    return line;
  }
  line.name = name;
  line.load = state == "true";
  return line;
}

LoadedPlugins LoadedPlugins::parse(std::string_view text, const std::string& shown) {
  LoadedPlugins list;
  std::set<std::string> seen;
  std::size_t bad = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string problem;
    auto line = parse_line(text.substr(0, end), problem);
    if (!line.name.empty() && !seen.insert(line.name).second) {
      problem = fmt::format("'{}' is listed twice; remove one of the lines", line.name);
      line.name.clear();
      line.load = false;
    }
    if (!problem.empty() && ++bad <= kShownProblems) {
      list.problems_.push_back(fmt::format("{}:{}: {}", shown, number, problem));
    }
    list.lines_.push_back(std::move(line));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  if (bad > kShownProblems) {
    list.problems_.push_back(
        fmt::format("{}: {} more lines are no entries", shown, bad - kShownProblems));
  }
  return list;
}

std::vector<std::string> LoadedPlugins::names() const {
  std::vector<std::string> names;
  for (const auto& line : lines_) {
    if (line.load) names.push_back(line.name);
  }
  return names;
}

bool LoadedPlugins::contains(std::string_view name) const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [&](const Line& line) { return line.load && line.name == name; });
}

Result<void> LoadedPlugins::add(const std::string& name) {
  if (contains(name)) return {};
  if (!is_plugin_name(name)) {
    return Error{"a plugin's name is small letters, digits and '_', beginning with a letter"};
  }
  const auto before = lines_;
  const Line entry{fmt::format("{{{}, true}}.", name), name, true};
  const auto off = std::find_if(lines_.begin(), lines_.end(),
                                [&](const Line& line) { return line.name == name; });
  if (off != lines_.end()) {
    *off = entry;
  } else {
    lines_.push_back(entry);
  }
  auto saved = save();
  if (!saved) lines_ = before;
  return saved;
}

Result<void> LoadedPlugins::remove(const std::string& name) {
  if (!contains(name)) return {};
  const auto before = lines_;
  std::erase_if(lines_, [&](const Line& line) { return line.load && line.name == name; });
  auto saved = save();
  if (!saved) lines_ = before;
  return saved;
}

std::string LoadedPlugins::text() const {
  std::string all;
  for (const auto& line : lines_) all += line.text + '\n';
  return all;
}

Result<void> LoadedPlugins::save() const {
  FileReplacement file(path_, 0644);
  file.write(text());
  const int cause = file.commit();
  if (cause == 0) return {};
  return Error{
      fmt::format("{}: cannot be written ({}); the plugins stay as they are, but a "
                  "restart would not know: make kernel.data_dir writable",
                  path_, std::strerror(cause))};
}

}  // namespace keel::kernel
