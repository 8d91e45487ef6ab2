// What a Device is made of. What few devices have at a time is behind pointers: an idle one shall
// be small. Belongs to the device's shard.
//
// Invariants: one interaction is under way at a time (current), the next begins in settle(), at the
// end of whatever happened, and never from within the peer. Each command is in exactly one place:
// current, or the queue; it leaves through conclude().
#pragma once

#include <deque>
#include <keel/result.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_lwm2m/device/counters.hpp"
#include "emqx_lwm2m/device/device.hpp"
#include "emqx_lwm2m/device/format_list.hpp"
#include "emqx_lwm2m/device/observation.hpp"
#include "emqx_lwm2m/device/packed_registration.hpp"

namespace lwm2m {

inline constexpr std::uint16_t kNoFormat = 0xffff;

// A command as it came. Parsed again when its turn comes.
struct Waiting {
  std::string payload;
  CommandSource source;
  std::int64_t expires = 0;  // monotonic ms
  bool sent = false;         // by an earlier program: the device may have it
  bool kept = false;         // what survives a restart may have it
};

struct Queue {
  std::deque<Waiting> all;
  std::size_t octets = 0;
  std::int64_t next_expiry = 0;  // never later than the first one
};

// The interaction under way.
struct Current {
  coap::RequestId id = 0;
  bool automatic = false;  // an observation that is made anew, not a command
  Waiting waiting;         // without its payload if automatic
  Command command;         // without its items, once they are encoded
  FormatList formats;      // to try
  std::uint8_t tried = 0;
  bool acknowledged = false;  // the device has it
  std::uint8_t told = 0;      // of a large body, in steps of progress

  std::uint16_t format() const {
    return tried < formats.view().size() ? formats.view()[tried] : kNoFormat;
  }
};

struct Device::Parts {
  Parts(DeviceOutside& to, std::shared_ptr<const DeviceSettings> with, DeviceCounters& count,
        PackedRegistration as)
      : outside(to), counters(count), settings(std::move(with)), registration(std::move(as)) {}

  DeviceOutside& outside;
  DeviceCounters& counters;
  std::shared_ptr<const DeviceSettings> settings;
  std::unique_ptr<coap::Peer> peer;
  PackedRegistration registration;
  std::string location;
  std::uint32_t lifetime_s = 0;
  std::uint16_t read_format = kNoFormat, write_format = kNoFormat;  // the device took them last
  bool queue_mode = false;
  bool inside = false;  // a call of the peer or the gateway is under way, settle() follows
  bool over = false;
  std::int64_t expires = 0;        // of the lifetime
  std::int64_t saved_expires = 0;  // as it was saved last
  std::int64_t heard = 0;          // when it said something last; 0: asleep
  std::int64_t observe_at = 0;     // not before: the next observation that is to be made anew
  std::int64_t peer_wants = 0, ordered = 0;  // on_time(); 0: never
  std::unique_ptr<Current> current;
  std::unique_ptr<Queue> queue;  // null: empty
  std::vector<Observation> observations;

  // While a peer or the gateway is being served; at the end of the outermost the device goes on.
  class Within {
   public:
    explicit Within(Parts& parts) : parts_(parts), outermost_(!parts.inside) {
      parts_.inside = true;
    }
    ~Within() {
      if (!outermost_) return;
      parts_.settle();
      parts_.inside = false;
    }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Parts& parts_;
    const bool outermost_;
  };

  // ---- device.cpp: life and time ----
  std::int64_t now() const { return outside.now_ms(); }
  void adopt(const Registration& as);
  void restart_lifetime();
  void hear();
  bool reachable() const;
  // Begins what can begin, and orders the next on_time().
  void settle();
  void order();
  void publish_event(Event event);
  void finish(Refusal why, std::optional<Event> event);

  // ---- device_requests.cpp ----
  void reply_with(const coap::Incoming& request, coap::Code code);
  void on_own_location(const coap::Incoming& request);
  void on_update(const coap::Incoming& request);
  void on_send(const coap::Incoming& request);

  // ---- device_commands.cpp ----
  void command(CommandSource source, std::string_view payload, std::optional<std::uint32_t> expiry);
  std::int64_t deadline(std::optional<std::uint32_t> ttl_s) const;
  void enqueue(Waiting waiting, const Command& parsed);
  void put_back(Waiting waiting);
  void keep(Waiting& waiting);
  Waiting take_next();
  // The command of a Waiting; none: it cannot be read any more, and has been answered.
  std::optional<Command> parse(const Waiting& waiting);
  void begin_next();
  void begin(Waiting waiting, Command command);
  void drop_expired();
  void refuse(const Waiting& waiting, const Command& parsed, Refusal why,
              std::string_view reason = {});
  void refuse(const Waiting& waiting, Refusal why);
  // The final answer. Operators get theirs even if there is nothing to say.
  void conclude(const Waiting& waiting, std::string payload);
  // What is said before it; empty: nothing.
  void tell(const CommandSource& source, std::string payload);
  // The interaction under way does not go on: what can be repeated will be.
  void recall_current();
  void current_failed(coap::Failure why);

  // ---- device_formats.cpp: what is asked, and in which format ----
  Types types(const ObjectVersions& versions) const {
    return {settings->definitions.get(), &versions};
  }
  FormatList formats_for(const Command& command) const;
  coap::Request request_for(const Command& command, std::uint16_t format) const;
  struct Unaskable {
    Refusal why = Refusal::bad_request;
    std::string reason;
  };
  // Sends the request of `current`. None: it is under way.
  std::optional<Unaskable> ask();
  // The device does not take, or have, the format: the next one. False: there is none.
  bool ask_otherwise(coap::Code code);
  void remember_format();

  // ---- device_answers.cpp ----
  // What a response says of a path, as views into both.
  struct Content {
    keel::Result<Decoded> decoded = Decoded();
    void read(const coap::Response& response, const Path& path, const Types& types, double now,
              Answer& out);
  };
  void current_answered(const coap::Response& response);
  void answer_command(const Current& answered, const coap::Response& response);

  // ---- device_observe.cpp ----
  Observation* find(const Path& path);
  Observation* find_token(std::string_view token);
  bool room_for(const Path& path);
  // Those that nobody asked for, as far as they are not there.
  void plan_observations();
  void begin_anew();  // all of them: the device has forgotten them
  void drop_vanished();
  void remove(const Path& path);
  std::int64_t observe_due() const;  // 0: none is to be made anew
  void make_next_observation();
  void observed(const Command& command, Channel channel, const coap::Response& response);
  void automatic_answered(const Path& path, const coap::Response& response);
  void automatic_failed(const Path& path);
  void notify(Observation& observation, const coap::Response& response);
};

}  // namespace lwm2m
