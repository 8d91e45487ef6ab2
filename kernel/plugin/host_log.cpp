// log/1 and clock/1.
#include <ctime>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kLongestLine = 4096;

log::Level to_level(std::uint32_t level) {
  constexpr log::Level kLevels[] = {log::Level::debug, log::Level::info, log::Level::notice,
                                    log::Level::warning, log::Level::error};
  return level < std::size(kLevels) ? kLevels[level] : log::Level::error;
}

std::int32_t log_enabled(const keel_host*, std::uint32_t level) {
  return log::enabled(to_level(level)) ? 1 : 0;
}

void log_write(const keel_host* host, std::uint32_t level, keel_str line) {
  const log::Level wanted = to_level(level);
  if (!log::enabled(wanted)) return;
  Slot& slot = Slot::of(host);
  if (!log::detail::admit(slot.log_site, wanted, slot.name())) return;
  std::string scratch;
  log::detail::write(wanted, fmt::format("plugin={}: {}", slot.name(),
                                         printable(view(line).substr(0, kLongestLine), scratch)));
}

std::int64_t clock_ms(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::int64_t mono_ms(const keel_host*) {
  const HostThread* const thread = HostThread::current();
  return thread && !thread->control() ? thread->shard().now_ms() : clock_ms(CLOCK_MONOTONIC);
}

std::int64_t wall_ms(const keel_host*) { return clock_ms(CLOCK_REALTIME); }

}  // namespace

const keel_ext_log tables::log = {
    .size = sizeof(keel_ext_log), .reserved = 0, .write = log_write, .enabled = log_enabled};

const keel_ext_clock tables::clock = {
    .size = sizeof(keel_ext_clock), .reserved = 0, .mono_ms = mono_ms, .wall_ms = wall_ms};

}  // namespace keel::kernel
