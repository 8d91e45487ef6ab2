// What one version of the plugin tells the next about a client: its machine, its session at the
// broker, where it is and who it is. Values; any thread.
#pragma once

#include <keel/abi.h>

#include <cstdint>
#include <keel/address.hpp>
#include <keel/proof.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_sn/saved.hpp"

namespace sn {

struct SavedDevice {
  static constexpr std::uint32_t kAnywhere = 0xffffffff;

  Client::Saved client;
  keel_handle session = 0;   // 0: it has none
  std::uint8_t refused = 0;  // see Device
  bool generated = false;
  keel::ProofPtr proof;
  std::string listener;  // its name; empty: nobody knows where the client is
  keel::Address address;
  bool wrapped = false;
  std::string node;
  std::uint32_t via = 0;  // kAnywhere: its datagrams may arrive on any shard
};

constexpr std::uint32_t kStateSchema = 1;

void append(std::string& blob, const SavedDevice& device);
// False: not written by append().
bool read_saved(std::string_view blob, std::vector<SavedDevice>& out);

}  // namespace sn
