// The log: one line per event. A line is formatted only when its level is on, copied into a ring
// and written by a thread of its own, so no shard waits for a disk. [any] unless said otherwise.
//
// Floods: a call site passes a `LogSite`; after `burst` lines of one site within a second the rest
// of that second are counted, and one line says how many. Secrets are never passed in.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/settings.hpp"

namespace keel::kernel::log {

enum class Level : std::uint8_t {
  debug,
  info,
  notice,
  warning,
  error,
  critical,
  alert,
  emergency,
  off
};

std::string_view level_name(Level level);
std::optional<Level> parse_level(std::string_view name);

// Opens the sinks. Called before the shards start and again by a reload. [control]
Result<void> open(const LogSettings& settings);
// Writes what is waiting and stops the writer. [control]
void close();
// Writes what is waiting now. [control]
void flush();
// Opens the log file anew under its name, after something else (logrotate) moved it away. [control]
Result<void> reopen();

Level level();                // the overall level
void set_level(Level level);  // of every handler
struct Handler {
  std::string id;  // console, file, journal
  Level level;
  std::string destination;
};
std::vector<Handler> handlers();
bool set_handler_level(std::string_view id, Level level);  // false: no such handler

namespace detail {
extern std::atomic<Level> lowest;  // the lowest level any handler wants
void write(Level level, std::string_view line);

// Counts the lines of one call site; see the header's first comment. Lives as long as the program:
// the writer looks at it again when its second is over.
struct Site {
  std::atomic<std::int64_t> second{0};
  std::atomic<std::uint32_t> lines{0};
};
// One that may go before: then its flood is summed up at once.
struct OwnedSite : Site {
  OwnedSite() = default;
  ~OwnedSite();
  OwnedSite(const OwnedSite&) = delete;
  OwnedSite& operator=(const OwnedSite&) = delete;
};
// False when this line is over the burst. Writes the summary of a past flood itself.
bool admit(Site& site, Level level, std::string_view format);
}  // namespace detail

inline bool enabled(Level level) { return level >= detail::lowest.load(std::memory_order_relaxed); }

}  // namespace keel::kernel::log

// KEEL_LOG(warning, "client={} peer={}: {}", id, peer, why);
#define KEEL_LOG(level_, format_, ...)                                                         \
  do {                                                                                         \
    using ::keel::kernel::log::Level;                                                          \
    if (::keel::kernel::log::enabled(Level::level_)) {                                         \
      static constinit ::keel::kernel::log::detail::Site keel_log_site_;                       \
      if (::keel::kernel::log::detail::admit(keel_log_site_, Level::level_, format_))          \
        ::keel::kernel::log::detail::write(Level::level_,                                      \
                                           ::fmt::format(format_ __VA_OPT__(, ) __VA_ARGS__)); \
    }                                                                                          \
  } while (false)
