// One listener as `ctl listeners` shows it. A value.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace keel::kernel {

class Listener;

struct ListenerStatus {
  std::string name;
  std::string proto;  // mqtt:tcp, mqtt:ssl, mqtt:unix, or what a plugin calls its own
  std::string owner;  // the plugin it belongs to; empty: the settings
  std::string bound;
  bool running = false;
  bool admits_anonymous = false;  // clients without credentials, when no plugin decides
  std::uint32_t current = 0;
  std::uint32_t max = 0;  // 0: no limit of its own
  std::uint64_t accepted = 0, refused = 0;
  std::map<std::string, std::uint64_t> shutdowns;  // connections ended, by cause
};

// Name, address and counts; the caller adds `proto` and `owner`.
ListenerStatus status_of(const Listener& listener);

}  // namespace keel::kernel
