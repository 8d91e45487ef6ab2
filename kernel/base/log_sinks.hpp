// Where log lines go: the terminal, a rotating file, the system's journal. Internal to log.cpp;
// used by the log's writer thread only, made by whoever opens the log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kernel/base/log.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel::log {

// One event. `text` holds no line breaks or other control characters.
struct Line {
  Level level;
  std::int64_t unix_ms;
  std::string text;
};

class Sink {
 public:
  virtual ~Sink() = default;
  // False when the line could not be kept; failure() says why.
  virtual bool write(const Line& line) = 0;
  virtual void flush() = 0;
  virtual std::string failure() const { return {}; }
};

// `2026-11-25T20:54:44.123Z notice text`, UTC.
void format_line(const Line& line, std::string& out);

// Replaces what would break the line or drive a terminal by \xNN, and cuts overlong text.
std::string clean_text(std::string_view text);

std::unique_ptr<Sink> make_console_sink();
// Appends to `path`; beyond `rotation_size` bytes the file becomes path.1 and so on,
// `rotation_count` of them are kept. Size 0: never rotated.
Result<std::unique_ptr<Sink>> make_file_sink(const std::string& path, std::uint64_t rotation_size,
                                             std::uint32_t rotation_count);
inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
Result<std::unique_ptr<Sink>> make_journal_sink(const std::string& socket_path = kJournalSocket);

}  // namespace keel::kernel::log
