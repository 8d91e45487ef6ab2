#include "tests/unit/sdk/header_text.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>

#include "keel/test/process.hpp"

namespace keel::test {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::string without_comments(std::string text) {
  for (std::size_t at; (at = text.find("/*")) != std::string::npos;) {
    const std::size_t end = text.find("*/", at);
    text.replace(at, end == std::string::npos ? end : end + 2 - at, " ");
  }
  return text;
}

std::string last_word(std::string_view text) {
  const std::size_t bracket = text.find('[');
  text = text.substr(0, bracket);
  while (!text.empty() && !is_word(text.back())) text.remove_suffix(1);
  std::size_t begin = text.size();
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return std::string(text.substr(begin));
}

// The text between the brace at `open` and its partner.
std::string_view body(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) return text.substr(open + 1, at - open - 1);
  }
  return {};
}

// Cuts at `mark` outside of parentheses.
std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> out;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')') --depth;
    if (text[at] != mark || depth != 0) continue;
    out.push_back(text.substr(begin, at - begin));
    begin = at + 1;
  }
  out.push_back(text.substr(begin));
  return out;
}

std::vector<std::string> fields(std::string_view of) {
  std::vector<std::string> out;
  for (const std::string_view declaration : split(of, ';')) {
    if (const std::size_t pointer = declaration.find("(*"); pointer != std::string_view::npos) {
      const std::size_t end = declaration.find(')', pointer);
      out.push_back(last_word(declaration.substr(pointer, end - pointer)));
      continue;
    }
    for (const std::string_view name : split(declaration, ',')) {
      if (std::string word = last_word(name); !word.empty()) out.push_back(std::move(word));
    }
  }
  return out;
}

void read_file_into(CHeaders& out, const std::string& text) {
  for (std::size_t at = 0; (at = text.find('{', at)) != std::string::npos; ++at) {
    const std::string_view line =
        std::string_view(text).substr(text.rfind('\n', at) + 1, at - text.rfind('\n', at) - 1);
    const std::size_t is_struct = line.find("struct "), is_enum = line.find("enum ");
    if (is_struct != std::string_view::npos) {
      out.structs.push_back({last_word(line), fields(body(text, at))});
    } else if (is_enum != std::string_view::npos) {
      for (const std::string_view one : split(body(text, at), ',')) {
        if (std::string word = last_word(one.substr(0, one.find('='))); !word.empty()) {
          out.constants.push_back(std::move(word));
        }
      }
    }
  }
  for (std::size_t at = 0; (at = text.find("#define KEEL_EXT_", at)) != std::string::npos; ++at) {
    const std::size_t name = at + 8, quote = text.find_first_of("\"\n", name);
    if (text[quote] != '"') continue;
    out.ids.emplace_back(text.substr(name, text.find(' ', name) - name),
                         text.substr(quote + 1, text.find('"', quote + 1) - quote - 1));
  }
}

}  // namespace

CHeaders read_headers(const std::string& include_dir) {
  CHeaders out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(include_dir + "/keel")) {
    if (entry.path().extension() != ".h") continue;
    out.files.push_back(std::filesystem::relative(entry.path(), include_dir).string());
  }
  std::sort(out.files.begin(), out.files.end());
  for (const std::string& file : out.files) {
    read_file_into(out, without_comments(read_file(include_dir + "/" + file)));
  }
  return out;
}

std::pair<int, std::string> run_command(const std::string& command) {
  std::string output;
  std::FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return {-1, "cannot run a shell"};
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, n);
  }
  return {::pclose(pipe), output};
}

}  // namespace keel::test
