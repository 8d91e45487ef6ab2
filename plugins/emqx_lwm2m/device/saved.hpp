// What is kept of a device for a later version of the plugin or a later run of the broker, as
// octets. Times are Unix seconds. Every part goes as a block behind its size: a later version may
// append to each. Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emqx_lwm2m/device/observation.hpp"

namespace lwm2m {

struct Device::Saved {
  // A command that has no final answer. Those of operators are not kept: they do not outlive the
  // program that asked.
  struct Waiting {
    std::string payload;
    Channel channel = Channel::documented;
    bool sent = false;  // it was on its way: the device may have it
    double expires = 0;
  };

  Registration registration;
  std::string location;
  double saved_at = 0;
  double expires = 0;                                         // the lifetime, without grace
  double heard = 0;                                           // 0: asleep
  std::uint16_t read_format = 0xffff, write_format = 0xffff;  // see Parts
  std::uint16_t next_message_id = 0;
  std::vector<Waiting> waiting;  // the next one first
  std::vector<Observation> observations;
};

void append(std::string& blob, const Device::Saved& device);
// False: not what append() writes, or no device could be in such a state.
bool read_saved(std::string_view blob, Device::Saved& out);

}  // namespace lwm2m
