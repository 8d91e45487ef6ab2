#include "tools/ctl/prompt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace keel::ctl {
namespace {

constexpr std::size_t kLongest = 65'536;  // what the broker takes as one word

volatile std::sig_atomic_t caught = 0;

void note_signal(int number) { caught = number; }

// While it lives, signals that would end or stop the program are only noted, and only within
// wait_readable(), so that the terminal never stays as it was made for the question.
class SignalsNoted {
 public:
  SignalsNoted() {
    caught = 0;
    sigset_t noted;
    ::sigemptyset(&noted);
    struct sigaction note {};
    note.sa_handler = note_signal;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaddset(&noted, kSignals[i]);
      ::sigaction(kSignals[i], &note, &before_[i]);
    }
    ::sigprocmask(SIG_BLOCK, &noted, &mask_before_);
  }
  SignalsNoted(const SignalsNoted&) = delete;
  SignalsNoted& operator=(const SignalsNoted&) = delete;
  ~SignalsNoted() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      ::sigaction(kSignals[i], &before_[i], nullptr);
    ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  }

  // False: a signal came first.
  bool wait_readable(int fd) const {
    pollfd wanted{fd, POLLIN, 0};
    while (caught == 0 && ::ppoll(&wanted, 1, nullptr, &mask_before_) < 0) {
      if (errno != EINTR) return true;  // reading will tell
    }
    return caught == 0;
  }

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
  std::array<struct sigaction, kSignals.size()> before_{};
  sigset_t mask_before_{};
};

class EchoOff {
 public:
  explicit EchoOff(int fd) : fd_(fd), known_(::tcgetattr(fd, &before_) == 0) {
    if (!known_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    ::tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (known_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  int fd_;
  termios before_{};
  bool known_;
};

void show(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void complain(const char* text) { std::fprintf(stderr, "%s\n", text); }

// Up to the end of the line, byte by byte: what is behind it belongs to the next question. Nothing:
// the input ends here, or the line is too long.
std::optional<std::string> read_line(int fd, const char*& why) {
  std::string line;
  why = "there is no answer: the input has ended";
  for (char c = 0;;) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 && line.empty()) return std::nullopt;
    if (n <= 0 || c == '\n') return line;
    line += c;
    if (line.size() <= kLongest) continue;
    why = "the answer is longer than 65536 bytes";
    return std::nullopt;
  }
}

// A signal that came while asking is in `caught` afterwards.
std::optional<std::string> ask_terminal(int fd, std::string_view question, const char*& why) {
  const SignalsNoted noted;
  const EchoOff quiet(fd);
  show(fd, question);
  std::optional<std::string> line;
  if (noted.wait_readable(fd)) line = read_line(fd, why);
  show(fd, "\n");
  return line;
}

}  // namespace

std::optional<std::string> prompt(std::string_view question) {
  const char* why = nullptr;
  std::optional<std::string> answer;
  if (::isatty(STDIN_FILENO) != 1) {
    answer = read_line(STDIN_FILENO, why);
    if (!answer) complain(why);
    return answer;
  }
  const int opened = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  const int terminal = opened >= 0 ? opened : STDIN_FILENO;
  do {
    answer = ask_terminal(terminal, question, why);
    if (caught != 0) ::raise(caught);  // whoever was only stopped is asked again
  } while (caught != 0);
  if (opened >= 0) ::close(opened);
  if (answer && answer->empty()) {
    why = "nothing was typed";
    answer.reset();
  }
  if (!answer) complain(why);
  return answer;
}

}  // namespace keel::ctl
