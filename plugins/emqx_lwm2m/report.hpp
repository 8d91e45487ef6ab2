// What `ctl lwm2m ...` says of devices, objects and numbers, as text for people and as JSON. No
// I/O; any thread.
#pragma once

#include <cstdint>
#include <keel/text.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_lwm2m/device/registration.hpp"
#include "gateway_report/report.hpp"

namespace lwm2m {

using keel::gateway::Figure;
using keel::gateway::on_one_line;
using keel::gateway::padded;

struct DeviceReport {
  Registration registration;
  std::string peer, listener, identity;  // peer empty: nobody knows where it is
  std::int64_t left_s = 0;               // of its lifetime; below 0: in the time of grace
  bool reachable = true;
  std::size_t observations = 0, waiting = 0;

  std::string line() const;
  std::string page() const;  // several lines
  std::string json() const;
};

struct ObservationReport {
  std::string path;
  std::optional<std::uint32_t> sequence;  // of the last notification
  std::optional<std::int64_t> ago_s;      // the last notification; none: there was none
  bool automatic = false, pending = false;

  std::string line() const;
  std::string json() const;
};

// A command that waits.
struct WaitingReport {
  static constexpr std::size_t kMostText = 200;  // of a command that is shown

  std::string command;  // its beginning
  bool cut = false;
  std::int64_t left_s = 0;

  std::string line() const;
  std::string json() const;
};

// The objects a device has, with their names.
std::string objects_text(const Registration& registration, const Definitions& definitions);
std::string objects_json(const Registration& registration, const Definitions& definitions);

// Definitions: all of them, and one.
std::string definitions_text(const Definitions& definitions);
std::string definitions_json(const Definitions& definitions);
std::string definition_text(const ObjectDefinition& object);
std::string definition_json(const ObjectDefinition& object);

// The first `most` octets of a text, less what would be half a character.
std::string_view beginning(std::string_view text, std::size_t most);

}  // namespace lwm2m
