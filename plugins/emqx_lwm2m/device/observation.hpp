// What a device is asked to report, and whom to tell. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "emqx_lwm2m/command/command.hpp"
#include "emqx_lwm2m/device/device.hpp"

namespace lwm2m {

struct Observation {
  Path path;
  bool automatic = false;  // nobody has asked for it
  bool anew = false;       // the device has registered again since it was made
  // Of the command that asked for it last.
  Dialect dialect = Dialect::b;
  Channel channel = Channel::documented;
  std::uint8_t tries = 0;  // to make it, in vain
  std::optional<std::uint32_t> sequence;
  std::int64_t last_ms = 0;  // of the last notification, monotonic; 0: none
  std::string token;         // empty: it is still to be made
  std::string echo, name, request_path;

  void ask_for(const Command& command, Channel from) {
    automatic = false;
    dialect = command.dialect;
    channel = from;
    echo = command.echo, name = command.name, request_path = command.request_path;
  }
  // What notifications are told for.
  Command command() const {
    Command out;
    out.dialect = dialect;
    out.operation = Operation::observe;
    out.echo = echo, out.name = name, out.request_path = request_path;
    out.path = path;
    return out;
  }
};

}  // namespace lwm2m
