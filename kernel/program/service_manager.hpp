// Talks to systemd, when it started us (Type=notify, WatchdogSec): one datagram per state.
// [control]
#pragma once

#include <chrono>
#include <string_view>

namespace keel::kernel {

// "READY=1", "STOPPING=1", "WATCHDOG=1", "RELOADING=1"... Does nothing without NOTIFY_SOCKET.
void notify_service_manager(std::string_view state);

// How often WATCHDOG=1 is wanted; 0: not at all.
std::chrono::milliseconds watchdog_period();

}  // namespace keel::kernel
