// What one version of the plugin tells the next beside its devices (see saved_resident.hpp): who
// answers for those that are not there, and which commands are on their way to an answer. Values;
// any thread.
#pragma once

#include <keel/abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emqx_lwm2m/gateway/pairing.hpp"

namespace lwm2m {

struct Handover {
  keel_handle stand_in = 0;              // its session; 0: it has none
  std::uint64_t secret = 0;              // keys of commands are the same for both
  std::vector<Pairing::Saved> pairings;  // by shard
  std::vector<std::pair<std::string, std::string>> answered;  // devices, and coap::Peer's octets
  std::vector<std::pair<std::string, std::string>> unsaid;    // topic and payload, for the stand-in
};

constexpr std::uint32_t kStateSchema = 2;

void append(std::string& blob, const Handover& handover);
// Takes it from the beginning of `blob`. False: not written by append().
bool take(std::string_view& blob, Handover& out);

}  // namespace lwm2m
