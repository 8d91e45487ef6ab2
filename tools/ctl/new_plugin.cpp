#include "tools/ctl/new_plugin.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace keel::ctl {
namespace {

namespace fs = std::filesystem;

constexpr int kError = 1, kUsage = 2;
constexpr std::size_t kMaxName = 31;
constexpr std::array<std::string_view, 4> kKinds{"hook", "gateway", "auth", "ctl"};
// Names that CMake needs for targets of its own.
constexpr std::array<std::string_view, 9> kTaken{
    "all", "clean", "help", "install", "keel", "package", "rebuild_cache", "edit_cache", "test"};
constexpr const char* kWhatFor =
    "usage: ctl plugins new NAME [--kind hook|gateway|auth|ctl] [--dir DIR]\n";

// What stops the work, in words for the user.
struct Refusal : std::runtime_error {
  Refusal(const std::string& text, bool wrong_word) : runtime_error(text), usage(wrong_word) {}
  bool usage;
};

[[noreturn]] void refuse(const std::string& text) { throw Refusal(text, true); }
[[noreturn]] void fail(const std::string& text) { throw Refusal(text, false); }

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

void check_name(const std::string& name) {
  if (name.empty()) refuse("a name is needed: ctl plugins new NAME");
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name[0] < 'a' || name[0] > 'z' || !std::ranges::all_of(name, fits)) {
    refuse("'" + name +
           "' is no name of a plugin: small letters, digits and _, beginning with a "
           "letter, such as my_gateway");
  }
  if (name.size() > kMaxName) {
    refuse("the name is too long: " + std::to_string(name.size()) + " letters, " +
           std::to_string(kMaxName) + " are possible");
  }
  if (std::ranges::find(kTaken, name) != kTaken.end()) {
    refuse("'" + name + "' is a word of the build tool; choose another name, such as my_" + name);
  }
}

void check_kind(const std::string& kind) {
  if (std::ranges::find(kKinds, kind) != kKinds.end()) return;
  refuse("there is no kind '" + kind + "'; the kinds are hook, gateway, auth and ctl");
}

fs::path find_templates(const fs::path& program) {
  const fs::path templates =
      (program.parent_path().parent_path() / "share/keel/templates").lexically_normal();
  std::error_code ignored;
  if (fs::is_directory(templates / "common", ignored)) return templates;
  fail("the templates are not in " + quoted(templates) +
       "; install keel again, or run the ctl of an installation that has them");
}

fs::path choose_directory(const NewPlugin& wanted) {
  std::error_code error;
  const fs::path directory =
      fs::absolute(wanted.directory.empty() ? fs::path(wanted.name) : wanted.directory, error)
          .lexically_normal();
  if (error) fail("the working directory cannot be read: " + error.message());
  const fs::file_status status = fs::status(directory, error);
  if (!fs::exists(status)) return directory;
  if (!fs::is_directory(status)) {
    fail(quoted(directory) + " is a file; name a directory with --dir");
  }
  if (!fs::is_empty(directory, error) || error) {
    fail(quoted(directory) + " exists and is not empty; remove it, or name another with --dir");
  }
  return directory;
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  if (!in || !(out << in.rdbuf())) {
    fail("the template " + quoted(file) + " cannot be read: " + std::strerror(errno));
  }
  return std::move(out).str();
}

std::string fill_in(std::string text, const NewPlugin& wanted) {
  const std::array<std::pair<std::string_view, const std::string*>, 2> values{
      {{"@NAME@", &wanted.name}, {"@KIND@", &wanted.kind}}};
  for (const auto& [placeholder, value] : values) {
    for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos;) {
      text.replace(at, placeholder.size(), *value);
      at += value->size();
    }
  }
  return text;
}

// Writes files and remembers them, to take them away again when one cannot be written.
class Writer {
 public:
  explicit Writer(fs::path directory) : directory_(std::move(directory)) {}

  void copy_all(const fs::path& from, const NewPlugin& wanted) {
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(from, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      if (!at->is_regular_file()) continue;
      const fs::path name = fill_in(at->path().lexically_relative(from).string(), wanted);
      write(name, fill_in(read_file(at->path()), wanted));
    }
    if (error) fail("the templates in " + quoted(from) + " cannot be read: " + error.message());
  }

  std::vector<fs::path> files() && {
    std::ranges::sort(files_);
    return std::move(files_);
  }

  void undo() {
    std::error_code ignored;
    for (const fs::path& file : files_) fs::remove(directory_ / file, ignored);
    for (auto at = made_.rbegin(); at != made_.rend(); ++at) fs::remove(*at, ignored);
  }

 private:
  void write(const fs::path& name, const std::string& text) {
    const fs::path target = directory_ / name;
    make_directory(target.parent_path());
    files_.push_back(name);
    std::ofstream out(target, std::ios::binary | std::ios::trunc);
    if (!out || !(out << text) || !out.flush()) {
      fail(quoted(target) + " cannot be written: " + std::strerror(errno) +
           "; name a directory of yours with --dir");
    }
  }

  void make_directory(const fs::path& directory) {
    std::error_code error;
    if (fs::is_directory(directory, error)) return;
    if (directory.has_parent_path() && directory.parent_path() != directory) {
      make_directory(directory.parent_path());
    }
    if (!fs::create_directory(directory, error) && error) {
      fail(quoted(directory) + " cannot be made: " + error.message() +
           "; name a directory of yours with --dir");
    }
    made_.push_back(directory);
  }

  fs::path directory_;
  std::vector<fs::path> files_, made_;
};

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + '"';
}

NewPlugin parse(const std::vector<std::string>& words) {
  NewPlugin wanted;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&] {
      if (i + 1 == words.size()) refuse(word + " needs a value");
      return words[++i];
    };
    if (word == "--kind") {
      wanted.kind = value();
    } else if (word.starts_with("--kind=")) {
      wanted.kind = word.substr(std::strlen("--kind="));
    } else if (word == "--dir") {
      wanted.directory = value();
    } else if (word.starts_with("--dir=")) {
      wanted.directory = word.substr(std::strlen("--dir="));
    } else if (word.starts_with("-")) {
      refuse("unknown option '" + word + "'");
    } else if (!wanted.name.empty()) {
      refuse("one name at a time: '" + wanted.name + "' and '" + word + "'");
    } else {
      wanted.name = word;
    }
  }
  return wanted;
}

void print_done(const NewPluginResult& result, const NewPlugin& wanted, const fs::path& program) {
  const fs::path prefix = program.parent_path().parent_path();
  std::error_code ignored;
  const bool installed = fs::exists(prefix / "lib/cmake/keel/keel-config.cmake", ignored);
  const bool found_anyway = installed && (prefix == "/usr" || prefix == "/usr/local");
  std::printf("Plugin project %s written to %s:\n", wanted.name.c_str(), result.directory.c_str());
  for (const fs::path& file : result.files) std::printf("  %s\n", file.c_str());
  std::printf("Next:\n");
  if (!installed) {
    std::printf("  cmake --install %s --prefix DIR   # this ctl is not installed\n",
                prefix.c_str());
  }
  std::printf("  cd %s\n  cmake -B build%s\n", result.directory.c_str(),
              found_anyway
                  ? ""
                  : (" -DCMAKE_PREFIX_PATH=" + (installed ? prefix.string() : "DIR")).c_str());
  std::printf("  cmake --build build\n  ctest --test-dir build --output-on-failure\n");
  std::printf("  cmake --install build\n  ctl plugins load %s\n", wanted.name.c_str());
}

void print_json(const NewPluginResult& result, const NewPlugin& wanted) {
  std::string files;
  for (const fs::path& file : result.files) {
    files += (files.empty() ? "" : ",") + json_text(file.string());
  }
  std::printf("{\"name\":%s,\"kind\":%s,\"directory\":%s,\"files\":[%s]}\n",
              json_text(wanted.name).c_str(), json_text(wanted.kind).c_str(),
              json_text(result.directory.string()).c_str(), files.c_str());
}

}  // namespace

NewPluginResult new_plugin(const NewPlugin& wanted, const fs::path& program) {
  NewPluginResult result;
  try {
    check_name(wanted.name);
    check_kind(wanted.kind);
    const fs::path templates = find_templates(program);
    result.directory = choose_directory(wanted);
    Writer writer(result.directory);
    try {
      writer.copy_all(templates / "common", wanted);
      writer.copy_all(templates / wanted.kind, wanted);
    } catch (const Refusal&) {
      writer.undo();
      throw;
    }
    result.files = std::move(writer).files();
  } catch (const Refusal& refusal) {
    result.error = refusal.what();
    result.usage = refusal.usage;
  }
  return result;
}

int new_plugin_command(const std::vector<std::string>& words, bool json, const fs::path& program) {
  NewPlugin wanted;
  NewPluginResult result;
  try {
    wanted = parse(words);
    result = new_plugin(wanted, program);
  } catch (const Refusal& refusal) {
    result.error = refusal.what();
    result.usage = refusal.usage;
  }
  if (!result.error.empty()) {
    if (json) std::printf("{\"error\":%s}\n", json_text(result.error).c_str());
    std::fprintf(stderr, "new plugin error: %s\n", result.error.c_str());
    if (result.usage) std::fputs(kWhatFor, stderr);
    return result.usage ? kUsage : kError;
  }
  if (json) {
    print_json(result, wanted);
  } else {
    print_done(result, wanted, program);
  }
  return std::fflush(stdout) == 0 ? 0 : kError;
}

}  // namespace keel::ctl
