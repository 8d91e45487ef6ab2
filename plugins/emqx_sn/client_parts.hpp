// What a Client is made of, in plain structs: also what an upgrade carries over, see saved.hpp.
// Values; they belong to their client's shard.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emqx_sn/packet.hpp"

namespace sn {

struct Will {
  std::string topic, payload;  // no topic: nothing is published
  std::uint8_t qos = 0;
  bool retain = false;
};

enum class ClientState : std::uint8_t { connecting, active, asleep, awake, closing, away };

// Of the broker's connection for the client.
enum class Link : std::uint8_t { none, opening, open, closing };

// Where a client stands. Times are monotonic milliseconds.
struct Standing {
  ClientState state = ClientState::connecting;
  Link link = Link::none;
  bool persistent = false;  // ids and will outlive the connection
  bool superseded = false;  // the link that is opening is not wanted any more
  bool moved = false;       // came from another address since its last CONNECT
  bool polled = false;      // awake: the broker has handed over all that waited
  bool polling = false;     // the broker has been asked for what waits
  bool poll_again = false;  // a later PINGREQ asked again meanwhile
  bool announce = false;    // ids of subscriptions are told before anything is delivered
  std::uint8_t connect_flags = 0;
  std::uint8_t epoch = 0;  // of the link; answers for an earlier one mean nothing
  std::uint16_t keep_alive_s = 0, sleep_s = 0;
  std::uint16_t last_msg_id = 0;
  std::uint16_t last_will = 0;    // number of a PendingWill
  std::uint16_t subscribing = 0;  // SUBSCRIBEs that the broker has not answered
  std::int64_t heard = 0;         // when a packet came last
  std::int64_t connack = 0;       // when CONNACK was sent, 0: something came since
  std::int64_t away_until = 0;
};

// From a CONNECT to its CONNACK.
struct Handshake {
  enum class Step : std::uint8_t { will_topic, will_msg, opening, setting_will };
  Step step = Step::opening;
  bool clean = true;
  bool with_will = false;  // CONNECT asked for the dialogue
  bool waking = false;     // of a sleeping client, whose link stays
  std::uint8_t flags = 0;
  std::uint8_t tries = 0;
  std::uint16_t duration = 0;
  std::int64_t until = 0, due = 0;
  Will will;
};

// A delivery that is not done: waits, or the client has not acknowledged it.
struct Held {
  enum class Stage : std::uint8_t { waiting, sent, released };
  std::uint32_t delivery = 0;  // the broker's; 0: QoS 0, or of an earlier link
  std::uint16_t topic_id = 0, msg_id = 0;
  IdType id_type = IdType::normal;
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;  // has been sent before
  Stage stage = Stage::waiting;
  std::uint8_t tries = 0;   // retransmissions
  std::uint8_t cycles = 0;  // how often the client did not know the topic id
  std::int64_t due = 0;
  std::string payload;
};

// The gateway's REGISTER that waits for its REGACK.
struct Announcement {
  std::uint16_t topic_id = 0;  // 0: none waits
  std::uint16_t msg_id = 0;
  std::uint8_t tries = 0;
  std::int64_t due = 0;
};

// A topic that the client has put off (REGACK with "congestion").
struct PutOff {
  std::uint16_t topic_id = 0;
  std::int64_t until = 0;
};

// A SUBSCRIBE that a retransmission would repeat.
struct RecentSubscribe {
  std::uint64_t what = 0;  // hash of filter and QoS
  std::uint16_t msg_id = 0, topic_id = 0;
  std::uint8_t qos = 0;
  bool answered = false;
  ReturnCode code = ReturnCode::accepted;
  std::int64_t at = 0;
};

// A QoS 2 delivery that an earlier link left half done.
struct Leftover {
  std::uint32_t delivery = 0;
  std::uint16_t msg_id = 0;
  bool released = false;
};

// A will that the broker has been asked to take instead.
struct PendingWill {
  std::uint16_t number = 0;
  Will will;
};

// What few clients have at a time.
struct Rare {
  Announcement announcement;
  std::int64_t hold_until = 0;  // PUBACK with "congestion"
  std::vector<PutOff> put_off;
  std::vector<std::uint32_t> by_id;  // subscriptions by pre-defined id or short name, see key()
  std::vector<RecentSubscribe> recent;
  std::vector<Leftover> leftovers;
  std::vector<PendingWill> wills;

  static std::uint32_t key(IdType type, std::uint16_t id) {
    return static_cast<std::uint32_t>(type) << 16 | id;
  }
  bool empty() const {
    return announcement.topic_id == 0 && hold_until == 0 && put_off.empty() && by_id.empty() &&
           recent.empty() && leftovers.empty() && wills.empty();
  }
};

}  // namespace sn
