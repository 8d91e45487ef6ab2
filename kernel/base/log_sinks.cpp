#include "kernel/base/log_sinks.hpp"

#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace keel::kernel::log {

namespace {

constexpr std::size_t kTimeLength = sizeof("2026-11-25T20:54:44.123Z") - 1;
constexpr std::size_t kMaxText = 4'096;

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
    case Level::notice:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    default:
      return spdlog::level::critical;
  }
}

// Lines arrive formatted; what is left is the end of the line and which part a terminal colours:
// the level's word.
class FinishedLine final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& dest) override {
    const std::string_view line(msg.payload.data(), msg.payload.size());
    msg.color_range_start = kTimeLength + 1;
    msg.color_range_end = std::min(line.find(' ', kTimeLength + 1), line.size());
    dest.append(line.data(), line.data() + line.size());
    dest.push_back('\n');
  }
  std::unique_ptr<formatter> clone() const override { return std::make_unique<FinishedLine>(); }
};

// A sink of spdlog's, fed with formatted lines. Its exceptions end here.
class SpdlogSink final : public Sink {
 public:
  explicit SpdlogSink(std::unique_ptr<spdlog::sinks::sink> sink) : sink_(std::move(sink)) {
    sink_->set_formatter(std::make_unique<FinishedLine>());
  }

  bool write(const Line& line) override {
    buffer_.clear();
    format_line(line, buffer_);
    return guarded([&] { sink_->log({"", spdlog_level(line.level), buffer_}); });
  }
  void flush() override {
    guarded([&] { sink_->flush(); });
  }
  std::string failure() const override { return failure_; }

 private:
  template <class F>
  bool guarded(F action) {
    try {
      action();
      return true;
    } catch (const std::exception& error) {
      failure_ = error.what();
      return false;
    }
  }

  std::unique_ptr<spdlog::sinks::sink> sink_;
  std::string buffer_;
  std::string failure_;
};

// Speaks the journal's native datagram protocol, so that levels arrive as priorities.
class JournalSink final : public Sink {
 public:
  explicit JournalSink(int fd) : fd_(fd) {}
  ~JournalSink() override { ::close(fd_); }
  JournalSink(const JournalSink&) = delete;
  JournalSink& operator=(const JournalSink&) = delete;

  bool write(const Line& line) override {
    constexpr char kPriority[] = {'7', '6', '5', '4', '3', '2', '1', '0'};
    buffer_ = "PRIORITY=";
    buffer_ += kPriority[static_cast<std::size_t>(line.level) % sizeof kPriority];
    buffer_ += "\nSYSLOG_IDENTIFIER=keel\nMESSAGE=";
    buffer_ += line.text;
    buffer_ += '\n';
    if (::send(fd_, buffer_.data(), buffer_.size(), MSG_NOSIGNAL) >= 0) return true;
    failure_ = std::strerror(errno);
    return false;
  }
  void flush() override {}
  std::string failure() const override { return failure_; }

 private:
  int fd_;
  std::string buffer_;
  std::string failure_;
};

}  // namespace

void format_line(const Line& line, std::string& out) {
  const std::time_t seconds = line.unix_ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z {} {}",
                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                 utc.tm_sec, line.unix_ms % 1000, level_name(line.level), line.text);
}

std::string clean_text(std::string_view text) {
  const bool cut = text.size() > kMaxText;
  if (cut) text = text.substr(0, kMaxText);
  std::string clean;
  clean.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(clean), "\\x{:02x}", byte);
    } else {
      clean += c;
    }
  }
  if (cut) clean += "...";
  return clean;
}

std::unique_ptr<Sink> make_console_sink() {
  return std::make_unique<SpdlogSink>(std::make_unique<spdlog::sinks::ansicolor_stderr_sink_st>());
}

Result<std::unique_ptr<Sink>> make_file_sink(const std::string& path, std::uint64_t rotation_size,
                                             std::uint32_t rotation_count) {
  try {
    std::unique_ptr<spdlog::sinks::sink> sink;
    if (rotation_size == 0) {
      sink = std::make_unique<spdlog::sinks::basic_file_sink_st>(path);
    } else {
      sink = std::make_unique<spdlog::sinks::rotating_file_sink_st>(path, rotation_size,
                                                                    rotation_count);
    }
    return std::unique_ptr<Sink>(std::make_unique<SpdlogSink>(std::move(sink)));
  } catch (const std::exception& error) {
    return Error{
        fmt::format("the log file '{}' cannot be opened ({}); make its folder writable for "
                    "keel or change log.file",
                    path, error.what())};
  }
}

Result<std::unique_ptr<Sink>> make_journal_sink(const std::string& socket_path) {
  const auto failed = [&](int code) {
    return Error{
        fmt::format("the journal does not answer at {} ({}); run under systemd or set "
                    "log.journal = false",
                    socket_path, std::strerror(code))};
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(errno);
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int code = errno;
    ::close(fd);
    return failed(code);
  }
  return std::unique_ptr<Sink>(std::make_unique<JournalSink>(fd));
}

}  // namespace keel::kernel::log
