// The packet ids of inbound QoS 2 messages between PUBREC and PUBREL: what keeps a message from
// being taken twice [MQTT5 4.3.3]. Two bytes each, whichever ids a client chooses. [shard]
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace keel::kernel {

class PacketIdSet {
 public:
  std::size_t size() const { return ids_.size(); }
  const std::vector<std::uint16_t>& ids() const { return ids_; }
  bool contains(std::uint16_t id) const { return std::binary_search(ids_.begin(), ids_.end(), id); }
  // False: it was there.
  bool insert(std::uint16_t id) {
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
    if (at != ids_.end() && *at == id) return false;
    ids_.insert(at, id);
    return true;
  }
  // False: it was not there.
  bool erase(std::uint16_t id) {
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
    if (at == ids_.end() || *at != id) return false;
    ids_.erase(at);
    if (ids_.empty() && ids_.capacity() > 64) ids_ = {};
    return true;
  }

 private:
  std::vector<std::uint16_t> ids_;  // ascending: clients count up, so most changes are at the ends
};

}  // namespace keel::kernel
