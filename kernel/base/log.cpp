#include "kernel/base/log.hpp"

#include <pthread.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "kernel/base/clock.hpp"
#include "kernel/base/log_sinks.hpp"

namespace keel::kernel::log {

namespace {

constexpr std::size_t kRing = 8'192;  // lines waiting for the writer

constexpr std::array<std::string_view, 9> kLevelNames = {
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency", "off"};

struct Destination {
  Destination(std::string id_, std::string destination_, Level level_, std::unique_ptr<Sink> sink_)
      : id(std::move(id_)),
        destination(std::move(destination_)),
        level(level_),
        sink(std::move(sink_)) {}
  const std::string id;
  const std::string destination;
  std::atomic<Level> level;
  const std::unique_ptr<Sink> sink;  // touched by the writer only
  std::uint64_t lost = 0;            // lines it refused, not yet reported; writer only
  std::string cause;                 // of the last refusal; writer only
  std::int64_t reported_ms = 0;      // when it was last reported; writer only
};
using Destinations = std::vector<std::shared_ptr<Destination>>;

// A site over its burst, whose summary is due when its second has ended.
struct Flood {
  detail::Site* site;
  Level level;
  std::string format;
};

// Everything behind the log. Never destroyed: a thread may log while the process ends.
struct State {
  std::mutex mutex;  // guards all but `burst`
  std::condition_variable work;
  std::condition_variable done;
  Destinations destinations;
  std::deque<Line> ring;
  std::uint64_t dropped = 0;  // pushed out of the ring, not yet reported
  std::uint64_t taken = 0;    // lines that ever entered
  std::uint64_t settled = 0;  // how many of the oldest of them are written or dropped
  std::vector<Flood> floods;
  bool stopping = false;
  std::thread writer;
  Level level = Level::info;
  LogSettings settings;
  std::atomic<std::uint32_t> burst{LogSettings{}.burst};
};

State& state() {
  static State* const instance = new State;
  return *instance;
}

std::int64_t now_second() {
  using namespace std::chrono;
  return duration_cast<seconds>(steady_clock::now().time_since_epoch()).count() + 1;
}

void refresh_lowest(const State& s) {
  Level lowest = Level::off;
  for (const auto& d : s.destinations) lowest = std::min(lowest, d->level.load());
  detail::lowest.store(lowest, std::memory_order_relaxed);
}

// A line is admitted while the ring has room; beyond that the oldest makes way.
void push(State& s, Level level, std::string text) {  // mutex held
  if (s.ring.size() == kRing) {
    s.ring.pop_front();
    ++s.dropped;
  }
  s.ring.push_back({level, unix_time_ms(), std::move(text)});
  ++s.taken;
}

// The lines are known by their format, shown with * for what differs.
std::string summary(std::uint32_t more, std::string_view format) {
  std::string shown;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::size_t end = format[i] == '{' ? format.find('}', i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      shown += format[i];
      continue;
    }
    shown += '*';
    i = end;
  }
  return fmt::format("{} more like: {}", more, shown);
}

void settle(State& s, const Flood& flood) {  // mutex held
  const std::uint32_t burst = s.burst.load(std::memory_order_relaxed);
  const std::uint32_t lines = flood.site->lines.exchange(0, std::memory_order_relaxed);
  if (burst != 0 && lines > burst) push(s, flood.level, summary(lines - burst, flood.format));
}

// Reports floods that went quiet; those still running report themselves in admit().
void settle_floods(State& s, bool all) {  // mutex held
  const std::int64_t second = now_second();
  std::erase_if(s.floods, [&](const Flood& flood) {
    if (!all && flood.site->second.load(std::memory_order_relaxed) == second) return false;
    settle(s, flood);
    return true;
  });
}

void write_to(Destination& to, const Line& line) {
  if (line.level < to.level.load(std::memory_order_relaxed)) return;
  if (to.sink->write(line)) return;
  ++to.lost;
  to.cause = to.sink->failure();
}

// Says what a destination lost, once a second, wherever a line can still be written.
void report_losses(const Destinations& destinations) {
  const std::int64_t now = unix_time_ms();
  for (const auto& broken : destinations) {
    if (broken->lost == 0 || now - broken->reported_ms < 1'000) continue;
    broken->reported_ms = now;
    const Line line{
        Level::error, now,
        clean_text(fmt::format("log: {} lines could not be written to {} ({}); free disk "
                               "space or mend its permissions",
                               broken->lost, broken->destination, broken->cause))};
    bool told = false;
    for (const auto& to : destinations) told |= to->sink->write(line);
    if (told) broken->lost = 0;
  }
}

void write_batch(const Destinations& destinations, const std::deque<Line>& batch,
                 std::uint64_t dropped) {
  if (dropped != 0) {
    const Line line{
        Level::warning, batch.empty() ? unix_time_ms() : batch.front().unix_ms,
        fmt::format("log: {} lines lost, they came faster than they could be written", dropped)};
    for (const auto& to : destinations) write_to(*to, line);
  }
  for (const Line& line : batch) {
    for (const auto& to : destinations) write_to(*to, line);
  }
  for (const auto& to : destinations) to->sink->flush();
  report_losses(destinations);
}

// The writer thread: takes everything that waits at once, writes it without holding the lock.
void run_writer(State& s) {
  std::unique_lock lock(s.mutex);
  for (;;) {
    const auto due = [&] { return s.stopping || !s.ring.empty(); };
    if (s.floods.empty()) {
      s.work.wait(lock, [&] { return due() || !s.floods.empty(); });
    } else {
      s.work.wait_for(lock, std::chrono::milliseconds(500), due);
    }
    settle_floods(s, s.stopping);
    if (s.ring.empty()) {
      if (s.stopping) return;
      continue;
    }
    std::deque<Line> batch;
    batch.swap(s.ring);
    const std::uint64_t dropped = std::exchange(s.dropped, 0);
    const std::uint64_t taken = s.taken;
    const Destinations destinations = s.destinations;
    lock.unlock();
    write_batch(destinations, batch, dropped);
    lock.lock();
    s.settled = taken;
    s.done.notify_all();
  }
}

Result<std::shared_ptr<Destination>> open_file(const LogSettings& settings, Level level) {
  auto sink = make_file_sink(settings.file, settings.rotation_size, settings.rotation_count);
  if (!sink) return Error{sink.error()};
  return std::make_shared<Destination>("file", settings.file, level, std::move(*sink));
}

Result<Destinations> open_all(const LogSettings& settings, Level level, Level file_level) {
  Destinations opened;
  if (settings.console) {
    opened.push_back(
        std::make_shared<Destination>("console", "console", level, make_console_sink()));
  }
  if (!settings.file.empty()) {
    auto file = open_file(settings, file_level);
    if (!file) return Error{file.error()};
    opened.push_back(std::move(*file));
  }
  if (settings.journal) {
    auto sink = make_journal_sink();
    if (!sink) return Error{sink.error()};
    opened.push_back(std::make_shared<Destination>("journal", "journal", level, std::move(*sink)));
  }
  return opened;
}

Error unknown_level(std::string_view key, std::string_view name) {
  return Error{
      fmt::format("{} is '{}'; use debug, info, notice, warning, error, critical, alert or "
                  "emergency",
                  key, name)};
}

}  // namespace

namespace detail {

// Until the log is opened, warnings and worse go to stderr as they come.
constinit std::atomic<Level> lowest{Level::warning};

void write(Level level, std::string_view line) {
  State& s = state();
  std::string text = clean_text(line);
  std::lock_guard lock(s.mutex);
  if (!s.writer.joinable()) {
    make_console_sink()->write({level, unix_time_ms(), std::move(text)});
    return;
  }
  push(s, level, std::move(text));
  s.work.notify_one();
}

bool admit(Site& site, Level level, std::string_view format) {
  State& s = state();
  const std::uint32_t burst = s.burst.load(std::memory_order_relaxed);
  if (burst == 0) return true;
  const std::int64_t second = now_second();
  std::int64_t seen = site.second.load(std::memory_order_relaxed);
  if (seen != second && site.second.compare_exchange_strong(seen, second)) {
    const std::uint32_t lines = site.lines.exchange(1, std::memory_order_relaxed);
    if (lines > burst) write(level, summary(lines - burst, format));
    return true;
  }
  const std::uint32_t lines = site.lines.fetch_add(1, std::memory_order_relaxed) + 1;
  if (lines == burst + 1) {
    std::lock_guard lock(s.mutex);
    if (s.writer.joinable()) {
      s.floods.push_back({&site, level, std::string(format)});
      s.work.notify_one();
    }
  }
  return lines <= burst;
}

OwnedSite::~OwnedSite() {
  State& s = state();
  std::lock_guard lock(s.mutex);
  std::erase_if(s.floods, [&](const Flood& flood) {
    if (flood.site != this) return false;
    settle(s, flood);
    s.work.notify_one();
    return true;
  });
}

}  // namespace detail

std::string_view level_name(Level level) {
  return kLevelNames[std::min<std::size_t>(static_cast<std::size_t>(level),
                                           kLevelNames.size() - 1)];
}

std::optional<Level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<Level>(i);
  }
  return std::nullopt;
}

Result<void> open(const LogSettings& settings) {
  const auto wanted = parse_level(settings.level);
  if (!wanted) return unknown_level("log.level", settings.level);
  const auto file_level = settings.file_level.empty() ? wanted : parse_level(settings.file_level);
  if (!file_level) return unknown_level("log.file_level", settings.file_level);
  auto opened = open_all(settings, *wanted, *file_level);
  if (!opened) return Error{opened.error()};

  State& s = state();
  std::lock_guard lock(s.mutex);
  s.destinations = std::move(*opened);
  s.level = *wanted;
  s.settings = settings;
  s.burst.store(settings.burst, std::memory_order_relaxed);
  refresh_lowest(s);
  if (!s.writer.joinable()) {
    s.stopping = false;
    s.writer = std::thread([&s] { run_writer(s); });
    ::pthread_setname_np(s.writer.native_handle(), "keel/log");
  }
  return {};
}

Result<void> reopen() {
  State& s = state();
  std::lock_guard lock(s.mutex);
  for (auto& destination : s.destinations) {
    if (destination->id != "file") continue;
    auto fresh = open_file(s.settings, destination->level.load());
    if (!fresh) return Error{fresh.error()};
    destination = std::move(*fresh);
  }
  return {};
}

void close() {
  State& s = state();
  std::thread writer;
  {
    std::lock_guard lock(s.mutex);
    if (!s.writer.joinable()) return;
    s.stopping = true;
    s.work.notify_one();
    writer.swap(s.writer);
  }
  writer.join();
  std::lock_guard lock(s.mutex);
  s.destinations.clear();
  s.floods.clear();
  detail::lowest.store(Level::warning, std::memory_order_relaxed);
}

void flush() {
  State& s = state();
  std::unique_lock lock(s.mutex);
  const std::uint64_t until = s.taken;
  s.done.wait(lock, [&] { return s.settled >= until || !s.writer.joinable(); });
}

Level level() {
  State& s = state();
  std::lock_guard lock(s.mutex);
  return s.level;
}

void set_level(Level level) {
  State& s = state();
  std::lock_guard lock(s.mutex);
  s.level = level;
  for (const auto& destination : s.destinations) destination->level.store(level);
  refresh_lowest(s);
}

std::vector<Handler> handlers() {
  State& s = state();
  std::lock_guard lock(s.mutex);
  std::vector<Handler> list;
  for (const auto& d : s.destinations) list.push_back({d->id, d->level.load(), d->destination});
  return list;
}

bool set_handler_level(std::string_view id, Level level) {
  State& s = state();
  std::lock_guard lock(s.mutex);
  bool found = false;
  for (const auto& destination : s.destinations) {
    if (destination->id != id) continue;
    destination->level.store(level);
    found = true;
  }
  refresh_lowest(s);
  return found;
}

}  // namespace keel::kernel::log
