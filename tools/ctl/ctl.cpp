// ctl: sends its arguments to the broker's Unix socket and copies the answer to standard output.
// The commands live in the broker, but for `plugins new`.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tools/ctl/client.hpp"
#include "tools/ctl/new_plugin.hpp"
#include "tools/ctl/prompt.hpp"

namespace {

constexpr int kError = 1, kUsage = 2;
constexpr int kPrompt = 3;         // the broker's: the answer is a question
constexpr int kMostQuestions = 2;  // of one command
constexpr std::size_t kLongestQuestion = 4096;

constexpr const char* kHelp =
    R"(usage: ctl [--socket PATH] [--json] command [argument ...]

Sends a command to the running Keel broker and prints the answer.
The commands are listed by the running broker: ctl help
One needs no broker, it writes the project of a new plugin:
  ctl plugins new NAME [--kind hook|gateway|auth|ctl] [--dir DIR]

  --socket PATH  the broker's socket
  --json         answer with one JSON document
  --             every word behind it is taken literally
  --help         print this and exit
  --version      print the version and exit

Without --socket the environment variable KEEL_CTL_SOCKET names the socket; else it is
the first of these that exists: data/ctl.sock, PREFIX/var/lib/keel/ctl.sock,
/var/lib/keel/ctl.sock, data/ctl.sock in the source tree that ctl was built in.
)";

enum class Action : std::uint8_t { ask_broker, help, version, refuse };

struct Options {
  Action action = Action::ask_broker;
  std::string refusal;
  std::string socket;
  std::vector<std::string> arguments;  // for the broker
  std::vector<std::size_t> words;      // which of them are the command, not --json or --
  bool json = false;
  bool literal = false;  // there is a --

  const std::string& word(std::size_t i) const { return arguments[words[i]]; }
  bool starts_with(std::initializer_list<std::string_view> command) const {
    std::size_t i = 0;
    return words.size() >= command.size() &&
           std::ranges::all_of(command, [&](std::string_view text) { return word(i++) == text; });
  }
};

int print(const char* text) {
  return std::fputs(text, stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : kError;
}

void complain(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

// Takes --socket out. Everything behind "--" is the broker's, and so are options behind the first
// word of the command.
Options parse(int argc, char** argv) {
  Options options;
  const auto end_with = [&options](Action action, std::string refusal = {}) {
    options.action = action;
    options.refusal = std::move(refusal);
    return options;
  };
  bool& literal = options.literal;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!literal && word == "--") {
      literal = true;
      options.arguments.emplace_back(word);
    } else if (!literal && word == "--socket") {
      if (++i == argc) return end_with(Action::refuse, "--socket needs a path");
      options.socket = argv[i];
    } else if (!literal && word.starts_with("--socket=")) {
      options.socket = word.substr(std::strlen("--socket="));
    } else if (!literal && word == "--json") {
      options.json = true;
      options.arguments.emplace_back(word);
    } else if (!literal && options.words.empty() && word.starts_with('-')) {
      if (word == "--help" || word == "-h") return end_with(Action::help);
      if (word == "--version") return end_with(Action::version);
      return end_with(Action::refuse, "unknown option '" + std::string(word) + "'");
    } else {
      options.words.push_back(options.arguments.size());
      options.arguments.emplace_back(word);
    }
  }
  return options;
}

// Which word of the command is a file's name; 0: none.
std::size_t file_word(const Options& options) {
  const std::size_t count = options.words.size();
  const auto is = [&](std::size_t i, std::string_view text) {
    return i < count && options.word(i) == text;
  };
  if (is(0, "conf") && is(1, "check") && count > 2) return 2;
  if (is(0, "plugins") && is(1, "check") && count > 2) return 2;
  if (is(0, "plugins") && is(1, "upgrade") && count > 3) return 3;
  if ((is(0, "users") || is(0, "clientid")) && is(1, "import") && count > 2) return 2;
  if (!is(0, "trace")) return 0;
  if (is(1, "start") && (is(2, "client") || is(2, "topic")) && count > 4) return 4;
  const bool old_form = (is(1, "client") || is(1, "topic")) && count == 4 && !is(3, "off");
  return old_form ? 3 : 0;
}

// The broker runs in another directory, so a relative name is made absolute here.
void resolve_file(Options& options) {
  const std::size_t at = file_word(options);
  if (at == 0) return;
  std::string& file = options.arguments[options.words[at]];
  std::error_code unknown;
  const std::filesystem::path directory = std::filesystem::current_path(unknown);
  if (!file.empty() && !unknown) file = directory / file;
}

bool is_socket(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

// The directory `levels` above the one that holds this program; empty when unknown.
std::string above_program(int levels) {
  std::array<char, 4096> buffer;
  const ssize_t n = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (n <= 0 || n == static_cast<ssize_t>(buffer.size())) return {};
  std::string path(buffer.data(), static_cast<std::size_t>(n));
  for (int i = 0; i <= levels; ++i) path.resize(std::min(path.rfind('/'), path.size()));
  return path;
}

// Where the broker's socket is when nobody says so: the data directory of the shipped settings
// below the working directory, of the installation, of the source tree that this program was built
// in.
std::string default_socket() {
  const std::string shipped = "data/ctl.sock";
  for (const std::string& path :
       {shipped, above_program(1) + "/var/lib/keel/ctl.sock", std::string("/var/lib/keel/ctl.sock"),
        above_program(3) + "/data/ctl.sock"}) {
    if (is_socket(path)) return path;
  }
  return shipped;
}

std::string choose_socket(const Options& options) {
  if (!options.socket.empty()) return options.socket;
  const char* const set = std::getenv("KEEL_CTL_SOCKET");
  return set != nullptr && *set != '\0' ? set : default_socket();
}

// Says why nobody answers; answers the exit code.
int not_connected(const Options& options, const std::string& path) {
  const int cause = errno;
  const std::string what = "cannot connect to " + path + ": " + std::strerror(cause);
  const bool status = !options.words.empty() && options.word(0) == "status";
  if (options.words.empty()) std::fputs(kHelp, stderr);
  const int code = options.words.empty() ? kUsage : kError;
  if (cause == EACCES || cause == EPERM) {
    complain(what + "; run ctl as root or as the user that the broker runs as");
    return code;
  }
  if (options.json) {
    std::puts(R"({"status":"stopped","running":false,"error":"keel is not running"})");
  } else if (status) {
    std::puts("keel is not running");
  }
  complain((options.json || status ? "" : "Node not running: ") + what +
           "; start keel, or name its socket with --socket");
  return code;
}

// The broker's answer on its way to standard output. Its beginning is held back, as it may turn out
// to be a question.
class Output {
 public:
  // False: nobody reads it.
  bool take(std::string_view piece) {
    if (!held_over_ && held_.size() + piece.size() <= kLongestQuestion) {
      held_ += piece;
      return true;
    }
    return release() && write(piece);
  }
  bool release() {
    held_over_ = true;
    return write(std::exchange(held_, {}));
  }
  // Without the line's end. Empty: it was none.
  std::string take_question() {
    if (held_.ends_with('\n')) held_.pop_back();
    return std::exchange(held_, {});
  }

 private:
  static bool write(std::string_view bytes) {
    return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  }

  std::string held_;
  bool held_over_ = false;
};

// Asks the broker once and copies its answer to standard output; answers the exit code. With
// kPrompt it is in `question` instead.
int ask_once(const Options& options, std::string& question) {
  const std::string path = choose_socket(options);
  const int fd = keel::ctl::connect_to(path);
  if (fd < 0) return not_connected(options, path);
  Output output;
  bool reader_left = false;
  const std::optional<int> code =
      keel::ctl::ask(fd, options.arguments, [&](std::string_view piece) {
        reader_left = !output.take(piece);
        return !reader_left;
      });
  ::close(fd);
  if (code == kPrompt) question = output.take_question();
  const bool shown = !reader_left && output.release() && std::fflush(stdout) == 0;
  if (!code && shown) {
    complain("the broker ended the connection before the answer was complete; see its log");
  }
  return shown ? code.value_or(kError) : kError;
}

// The same, and answers what it asks: that goes along as one more word of the command.
int ask_broker(Options options) {
  for (int asked = 0;; ++asked) {
    std::string question;
    const int code = ask_once(options, question);
    if (code != kPrompt) return code;
    if (asked == kMostQuestions) {
      complain("the command asks more than two questions");
      return kError;
    }
    std::optional<std::string> answer = keel::ctl::prompt(question);
    if (!answer) return kError;
    if (!std::exchange(options.literal, true)) options.arguments.emplace_back("--");
    options.arguments.push_back(std::move(*answer));
  }
}

// `plugins top` without --once: the table again every second, until interrupted or refused.
int keep_asking(Options options) {
  options.arguments.emplace_back("--once");
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  while (true) {
    if (terminal) std::fputs("\033[H\033[2J", stdout);
    if (const int code = ask_broker(options); code != 0) return code;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // `ctl clients list | head` ends quietly
  Options options = parse(argc, argv);
  switch (options.action) {
    case Action::help:
      return print(kHelp);
    case Action::version:
      return print("ctl " KEEL_VERSION "\n");
    case Action::refuse:
      complain(options.refusal + "; see ctl --help");
      return kUsage;
    case Action::ask_broker:
      break;
  }
  if (options.starts_with({"plugins", "new"})) {
    std::vector<std::string> words;
    for (std::size_t i = 2; i < options.words.size(); ++i) words.push_back(options.word(i));
    return keel::ctl::new_plugin_command(words, options.json, above_program(0) + "/ctl");
  }
  resolve_file(options);
  const bool again = options.starts_with({"plugins", "top"}) && options.words.size() == 2;
  return again && !options.json ? keep_asking(std::move(options)) : ask_broker(options);
}
