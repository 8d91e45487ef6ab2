// The QoS 2 messages of a client between PUBLISH and PUBREL, so that each is published once
// [MQTT-SN 6.12, MQTT 4.3.3]. Bounded, with a time limit. A value; one thread at a time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace sn {

class AwaitingRel {
 public:
  enum class Stage : std::uint8_t {
    asked,     // the broker has not taken it yet
    received,  // PUBREC was sent
    done,      // PUBREL came; the network may still bring the same PUBLISH again
  };
  struct Entry {
    std::uint64_t what = 0;  // hash of the message
    std::int64_t until = 0;
    std::uint16_t msg_id = 0;
    Stage stage = Stage::asked;
  };

  // Null: none.
  const Entry* find(std::uint16_t msg_id, std::int64_t now);
  // False: `most` are open. What was there with this id is replaced.
  bool add(std::uint16_t msg_id, std::uint64_t what, std::int64_t until, std::size_t most,
           std::int64_t now);
  // False: no such one is being asked for.
  bool received(std::uint16_t msg_id, std::int64_t until);
  void done(std::uint16_t msg_id, std::int64_t until);
  void remove(std::uint16_t msg_id);
  void drop_asked();  // the broker will not answer any more

  bool empty() const { return entries_.empty(); }
  void expire(std::int64_t now);
  void clear() { *this = AwaitingRel(); }
  const std::vector<Entry>& entries() const { return entries_; }
  void restore(const Entry& entry) { entries_.push_back(entry); }

 private:
  Entry* at(std::uint16_t msg_id);

  std::vector<Entry> entries_;  // few
};

}  // namespace sn
