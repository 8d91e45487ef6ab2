#include "tools/plugin_check/options.hpp"

#include <charconv>
#include <string_view>

namespace keel::check {

const char* const kHelp =
    R"(usage: plugin_check FILE.so [option ...]
       plugin_check --lint FILE.so [option ...]

Loads and unloads a plugin in a broker of its own: each time it must leave the broker's
memory map, and memory must not grow. With --lint it only looks at the file, runs nothing
of it, and tells what would keep it from being unloaded.

  --cycles N       how often; 100 without it
  --settings FILE  the plugin's settings; without it its defaults
  --with FILE.so   a plugin to load first, because this one depends on it; may be repeated
  --broker FILE    the broker; without it `keel` beside this program
  --name NAME      the name it must have; without it that of the file
  --version X      (with a value) the version it must have
  --json           answer with one JSON document
  --help           print this and exit

Exit status: 0 all is well (warnings do not count), 1 an error was found, 2 wrong usage
or no broker could be started.
)";

namespace {

class Parser {
 public:
  Parser(int argc, const char* const* argv) : arguments_(argv + 1, argv + argc) {}

  Options run() {
    while (next_ < arguments_.size() && options_.action != Options::Action::refuse) {
      take(arguments_[next_++]);
      if (options_.action == Options::Action::help) return options_;
    }
    const bool ends_here =
        options_.action == Options::Action::refuse || options_.action == Options::Action::version;
    if (!ends_here && options_.file.empty()) refuse("name the plugin's file");
    return options_;
  }

 private:
  void take(std::string_view word) {
    if (word == "--help" || word == "-h") {
      options_.action = Options::Action::help;
    } else if (word == "--lint") {
      options_.action = Options::Action::lint;
    } else if (word == "--json") {
      options_.json = true;
    } else if (word == "--version" && next_ == arguments_.size() && options_.file.empty()) {
      options_.action = Options::Action::version;
    } else if (word == "--cycles") {
      take_cycles(value(word));
    } else if (word == "--with") {
      options_.with.emplace_back(value(word));
    } else if (std::string* text = text_of(word)) {
      *text = value(word);
    } else if (word.starts_with("--")) {
      refuse("unknown option '" + std::string(word) + "'");
    } else if (!options_.file.empty()) {
      refuse("one plugin at a time: '" + options_.file + "' and '" + std::string(word) + "'");
    } else {
      options_.file = word;
    }
  }

  std::string* text_of(std::string_view word) {
    if (word == "--settings") return &options_.settings;
    if (word == "--broker") return &options_.broker;
    if (word == "--name") return &options_.name;
    if (word == "--version") return &options_.version;
    return nullptr;
  }

  std::string_view value(std::string_view option) {
    if (next_ < arguments_.size()) return arguments_[next_++];
    refuse(std::string(option) + " needs a value");
    return {};
  }

  void take_cycles(std::string_view text) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), options_.cycles);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || options_.cycles < 1 || options_.cycles > 100'000) {
      refuse("--cycles takes a number from 1 to 100000");
    }
  }

  void refuse(std::string text) {
    if (options_.action == Options::Action::refuse) return;  // the first cause is the one to name
    options_.action = Options::Action::refuse;
    options_.refusal = std::move(text);
  }

  std::vector<std::string_view> arguments_;
  std::size_t next_ = 0;
  Options options_;
};

}  // namespace

Options parse(int argc, const char* const* argv) { return Parser(argc, argv).run(); }

}  // namespace keel::check
