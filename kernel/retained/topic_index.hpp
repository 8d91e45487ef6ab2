// Messages in topic order: a directory of sorted chunks, one pointer per message. Owns one
// reference to each message. Belongs to the retained store, under its mutex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "kernel/codec/message.hpp"

namespace keel::kernel {

class TopicIndex {
 public:
  TopicIndex() = default;
  TopicIndex(const TopicIndex&) = delete;
  TopicIndex& operator=(const TopicIndex&) = delete;
  ~TopicIndex();

  // Where a message stands, until the next change.
  struct Place {
    std::uint32_t chunk = 0, at = 0;
  };
  // The first message whose topic is not before `key`.
  Place lower_bound(std::string_view key) const;
  // The same, looked for from `from` on, which is before it: cheap when it is near.
  Place seek(Place from, std::string_view key) const;
  bool at_end(Place place) const { return place.chunk == chunks_.size(); }
  const Message& operator[](Place place) const { return *chunks_[place.chunk]->items[place.at]; }
  Place next(Place place) const {
    return place.at + 1 < chunks_[place.chunk]->size ? Place{place.chunk, place.at + 1}
                                                     : Place{place.chunk + 1, 0};
  }

  // Before `place`, which is where lower_bound() put it.
  void insert(Place place, MessagePtr message);
  MessagePtr replace(Place place, MessagePtr message);
  // `place` names the next message afterwards.
  MessagePtr erase(Place& place);

 private:
  static constexpr std::uint32_t kCapacity = 256;
  // `heads` are the four bytes of each topic behind the `prefix` bytes that all topics of the chunk
  // have in common, as numbers in topic order: most searches look at one or two messages only.
  struct Chunk {
    std::uint32_t size = 0, prefix = 0;
    std::uint32_t heads[kCapacity];
    const Message* items[kCapacity];
    std::string_view topic(std::uint32_t at) const { return items[at]->topic(); }
    void put(std::uint32_t at, const Message* message);
    void take_out(std::uint32_t at);
    void set_heads();
  };

  std::uint32_t search(std::uint32_t chunk, std::uint32_t from, std::string_view key) const;
  std::uint32_t chunk_for(std::uint32_t from, std::uint32_t to, std::string_view key) const;
  Place place_in(std::uint32_t chunk, std::uint32_t from, std::string_view key) const;
  Place make_room(Place place);
  void merge_behind(std::uint32_t chunk);

  std::vector<std::unique_ptr<Chunk>> chunks_;  // none is empty
};

}  // namespace keel::kernel
