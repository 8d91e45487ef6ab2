// Somebody at an address: a device that has registered, or one that is about to. Belongs to the
// room of one shard, and hangs on its wheel.
#pragma once

#include <keel/proof.hpp>
#include <keel/wheel.hpp>
#include <string_view>
#include <utility>

#include "emqx_lwm2m/gateway/place.hpp"

namespace lwm2m {

class Resident;

// Whether somebody is proved by it, not only a connection.
inline bool is_bound(const keel::Proof* proof) {
  return proof && (!proof->psk_identity.empty() || !proof->dn.empty() || !proof->cn.empty());
}

class Party : public keel::WheelItem {
 public:
  virtual ~Party() = default;
  // From where it is. It may be gone afterwards, as after on_time().
  virtual void on_datagram(std::string_view datagram) = 0;
  virtual void on_time() = 0;
  virtual Resident* resident() { return nullptr; }  // null: it has not registered yet

  Place place;           // null peer: nobody knows where it is
  keel::ProofPtr proof;  // of the peer; null: plain UDP

 protected:
  Party() = default;
  Party(Place at, keel::ProofPtr proven) : place(std::move(at)), proof(std::move(proven)) {}
};

}  // namespace lwm2m
