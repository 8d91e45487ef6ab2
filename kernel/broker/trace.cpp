#include "kernel/broker/trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/router/topic.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kMaxLine = 16'384;

// `2026-11-25T20:54:44.123Z`, UTC.
std::string time_stamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     now.tv_nsec / 1'000'000);
}

bool same(const Trace& trace, Trace::Kind kind, std::string_view subject) {
  return trace.kind == kind && trace.subject == subject;
}

std::string_view kind_name(Trace::Kind kind) {
  return kind == Trace::Kind::client ? "client" : "topic";
}

}  // namespace

class TraceFile {
 public:
  TraceFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  ~TraceFile() { ::close(fd_); }

  static Result<std::shared_ptr<TraceFile>> open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd >= 0) return std::make_shared<TraceFile>(fd, path);
    return Error{
        fmt::format("cannot open '{}': {}; name a file that the broker may write "
                    "(relative paths count from its working directory)",
                    path, std::strerror(errno))};
  }

  void append(std::string_view line) {
    const std::string text = fmt::format("{} {}\n", time_stamp(), line);
    int cause = 0;
    {
      const std::lock_guard lock(mutex_);
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written == static_cast<ssize_t>(text.size())) return;
      cause = written < 0 ? errno : ENOSPC;
    }
    if (errors_.fetch_add(1, std::memory_order_relaxed) == 0)
      KEEL_LOG(error, "trace file '{}' does not take lines: {}", path_, std::strerror(cause));
  }

  std::uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }

 private:
  const int fd_;
  const std::string path_;
  std::mutex mutex_;
  std::atomic<std::uint64_t> errors_{0};
};

Result<std::shared_ptr<const TraceSet>> TraceSet::with(const TraceSet* base, Trace::Kind kind,
                                                       std::string subject, std::string file) {
  if (subject.empty()) return Error{fmt::format("the {} to trace is empty", kind_name(kind))};
  if (kind == Trace::Kind::topic) {
    ParsedFilter parsed;
    if (const FilterError error = parse_filter(subject, 0, 0, parsed); error != FilterError::none)
      return Error{fmt::format("not a topic filter: {}", filter_error_text(error))};
    if (parsed.shared()) return Error{"traces take a plain topic filter, without a share prefix"};
  }
  auto copy = std::make_shared<TraceSet>();
  if (base != nullptr) copy->traces_ = base->traces_;
  for (const Trace& trace : copy->traces_) {
    if (same(trace, kind, subject))
      return Error{fmt::format("already traced to '{}'; stop that trace first", trace.file)};
  }
  auto out = TraceFile::open(file);
  if (!out) return Error{out.error()};
  copy->traces_.push_back({kind, std::move(subject), std::move(file), *out});
  return std::shared_ptr<const TraceSet>(std::move(copy));
}

Result<std::shared_ptr<const TraceSet>> TraceSet::without(const TraceSet* base, Trace::Kind kind,
                                                          std::string_view subject) {
  auto copy = std::make_shared<TraceSet>();
  if (base != nullptr) copy->traces_ = base->traces_;
  if (std::erase_if(copy->traces_, [&](const Trace& t) { return same(t, kind, subject); }) == 0)
    return Error{fmt::format("this {} is not traced; `trace list` shows what is", kind_name(kind))};
  if (copy->traces_.empty()) return std::shared_ptr<const TraceSet>();
  return std::shared_ptr<const TraceSet>(std::move(copy));
}

void TraceSet::write(std::string_view client_id, std::string_view topic,
                     std::string_view line) const {
  std::string buffer;
  std::string_view clean;
  for (const Trace& trace : traces_) {
    const bool concerned = trace.kind == Trace::Kind::client
                               ? trace.subject == client_id
                               : !topic.empty() && topic_matches(trace.subject, topic);
    if (!concerned) continue;
    if (clean.empty()) clean = printable(line, buffer, kMaxLine);
    trace.out->append(clean);
  }
}

std::uint64_t trace_errors(const Trace& trace) { return trace.out ? trace.out->errors() : 0; }

}  // namespace keel::kernel
