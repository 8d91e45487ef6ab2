// What the files that implement the SDK's tables share.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "keel/abi.h"
#include "kernel/base/endpoint.hpp"
#include "kernel/net/link.hpp"
#include "kernel/plugin/call.hpp"
#include "kernel/plugin/runtime.hpp"
#include "kernel/plugin/slot.hpp"

namespace keel::kernel {

// The text that host->last_error() gives on this thread.
std::string& last_error_text();

// "stale", "limit", ...
std::string_view status_name(keel_status status);

// Answers a failed call: keeps the text for last_error.
inline keel_status fail(keel_status status, std::string text) {
  last_error_text() = std::move(text);
  return status;
}

// The refusal that a call meets while its plugin is being unloaded.
inline keel_status refuse_unloading(const char* function) {
  return fail(KEEL_E_STATE, fmt::format("{}: the plugin is being unloaded", function));
}

// The wrong thread: answered, and logged with the plugin's name, since it is a mistake in its code.
keel_status refuse_thread(Slot& slot, const char* function, const char* wanted);

// KEEL_OK when the plugin may call [control] functions here and now.
inline keel_status check_control(Slot& slot, const char* function) {
  if (!slot.accepting()) return refuse_unloading(function);
  const HostThread* const thread = HostThread::current();
  if (!thread || !thread->control()) return refuse_thread(slot, function, "the control thread");
  return KEEL_OK;
}

// The shard a [shard] function runs on; null with the status to answer.
inline HostThread* check_shard(Slot& slot, const char* function, keel_status& status) {
  status = KEEL_OK;
  HostThread* const thread = HostThread::current();
  if (!slot.accepting()) {
    status = refuse_unloading(function);
    return nullptr;
  }
  if (thread && !thread->control()) return thread;
  status = refuse_thread(slot, function, "a shard");
  return nullptr;
}

// Turns KEEL_SHARD_CURRENT into an index. kControlThread for KEEL_SHARD_CONTROL where `control`
// allows it. KEEL_E_INVAL: there is no such shard.
enum class ControlAllowed : bool { no, yes };
keel_status pick_thread(Slot& slot, std::uint32_t wanted, ControlAllowed control,
                        const char* function, std::uint32_t& out);

// For adopt and attach: an object that the version being upgraded left. Null with the status to
// answer with. [control]
HostObject* find_parked(Slot& slot, keel_handle handle, ObjectKind kind, const char* function,
                        keel_status& status);
void adopt_parked(Slot& slot, HostObject& object);

inline std::string_view view(keel_str text) {
  return text.data ? std::string_view(text.data, text.size) : std::string_view();
}
inline keel_str str(std::string_view text) { return {text.data(), text.size()}; }
inline void put(keel_sink sink, std::string_view text) {
  if (sink.write) sink.write(sink.ctx, str(text));
}
// A sink that appends to a string.
inline keel_sink sink_into(std::string& out) {
  return {&out,
          [](void* ctx, keel_str piece) { static_cast<std::string*>(ctx)->append(view(piece)); }};
}

keel_addr to_addr(const Endpoint& endpoint);
Endpoint to_endpoint(const keel_addr& addr);
// Views into `verified`, which must stay.
keel_verified to_verified(const PeerInfo::Verified& verified);
std::unique_ptr<const PeerInfo::Verified> copy_verified(const keel_verified* verified);

// Copies a struct of the plugin's, up to the size it says it has: fields it does not know keep
// their defaults. False: it claims less than the fields of version 1.0 or is null.
template <class T>
bool read_struct(const T* from, std::size_t least, T& to) {
  if (!from || from->size < least) return false;
  __builtin_memcpy(&to, from, from->size < sizeof(T) ? from->size : sizeof(T));
  to.size = sizeof(T);
  return true;
}

}  // namespace keel::kernel
