// The broker's log. Arguments are put together only when the line would be written. Any thread.
//
//   host().log().warning("client ", id, " sent ", n, " bytes of nonsense");
#pragma once

#include "keel/detail/core.hpp"

namespace keel {

class Log {
 public:
  explicit Log(detail::Core& core) : core_(core) {}

  bool enabled(std::uint32_t level) const {
    return core_.log.call_or(std::int32_t{1}, &keel_ext_log::enabled, core_.host, level) != 0;
  }
  void write(std::uint32_t level, std::string_view line) const {
    core_.log.call(&keel_ext_log::write, core_.host, level, to_c(line));
  }

  template <class... A>
  void debug(const A&... parts) const {
    line(KEEL_LOG_DEBUG, parts...);
  }
  template <class... A>
  void info(const A&... parts) const {
    line(KEEL_LOG_INFO, parts...);
  }
  template <class... A>
  void notice(const A&... parts) const {
    line(KEEL_LOG_NOTICE, parts...);
  }
  template <class... A>
  void warning(const A&... parts) const {
    line(KEEL_LOG_WARNING, parts...);
  }
  template <class... A>
  void error(const A&... parts) const {
    line(KEEL_LOG_ERROR, parts...);
  }

 private:
  template <class... A>
  void line(std::uint32_t level, const A&... parts) const {
    if (enabled(level)) write(level, concat(parts...));
  }

  detail::Core& core_;
};

class Clock {
 public:
  explicit Clock(detail::Core& core) : core_(core) {}
  // Monotonic; on a shard: of this turn, at no cost.
  std::int64_t mono_ms() const {
    return core_.clock.call_or(std::int64_t{0}, &keel_ext_clock::mono_ms, core_.host);
  }
  // Since 1970, UTC.
  std::int64_t wall_ms() const {
    return core_.clock.call_or(std::int64_t{0}, &keel_ext_clock::wall_ms, core_.host);
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
