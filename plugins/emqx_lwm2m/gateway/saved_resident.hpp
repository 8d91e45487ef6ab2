// What one version of the plugin tells the next, or one run of the broker the next, about a device:
// its machine, its session at the broker, where it is and who it is. Values; any thread.
#pragma once

#include <keel/abi.h>

#include <cstdint>
#include <keel/address.hpp>
#include <keel/proof.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emqx_lwm2m/device/saved.hpp"

namespace lwm2m {

struct SavedResident {
  static constexpr std::uint32_t kNowhere = 0xffffffff;

  Device::Saved device;
  keel_handle session = 0;  // 0: it has none
  keel::ProofPtr proof;
  std::string listener;  // its name; empty: nobody knows where the device is
  keel::Address address;
  std::uint32_t via = kNowhere;  // kNowhere: its datagrams may arrive on any shard
  // What it has to say as soon as it has a session.
  std::vector<std::pair<Topic, std::string>> unsaid;
};

void append(std::string& blob, const SavedResident& resident);
// False: not written by append().
bool read_saved(std::string_view blob, SavedResident& out);
// Several of them, one behind the other.
bool read_saved(std::string_view blob, std::vector<SavedResident>& out);

}  // namespace lwm2m
