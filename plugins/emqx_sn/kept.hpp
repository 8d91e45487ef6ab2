// What is kept of a client in the broker's store, to be known again after a restart of the broker:
// who it is, where it is, what it has agreed on with the gateway. Not its messages, which its
// session has, and no exchange that is half done. Times are kept as Unix time. Without I/O; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emqx_sn/saved_device.hpp"

namespace sn {

// The same moment on both clocks, in milliseconds.
struct Moment {
  std::int64_t mono_ms = 0, unix_ms = 0;
};

// What is left of the client when nothing is under way: awake is asleep, what waits for an answer
// is not there. False: it is in no state to be kept.
bool come_to_rest(Client::Saved& client);

// The record; it stands under the client id. `last`: the gateway ends the client's service in good
// order, so nothing happens to it that is not written.
std::string kept_record(SavedDevice&& device, bool last, const Moment& now);

enum class Kept : std::uint8_t {
  good,
  over,        // it slept too long, or was away too long
  unreadable,  // not written by kept_record() for this client id
};
// A client that was heard of at `now`: how long it has been silent nobody knows. Unless the record
// was the last one, the client may have got topic ids that it does not tell: new ones leave a gap.
Kept read_kept(std::string_view client_id, std::string_view record, const Moment& now,
               SavedDevice& out);

}  // namespace sn
