#include "kernel/retained/topic_index.hpp"

#include <algorithm>

#include "kernel/retained/topic_order.hpp"

namespace keel::kernel {

TopicIndex::~TopicIndex() {
  for (const auto& chunk : chunks_)
    for (std::uint32_t i = 0; i < chunk->size; ++i) MessagePtr::adopt(chunk->items[i]);
}

// The first item of `chunk`, at `from` or behind it, that is not before `key`; the size when none
// is.
std::uint32_t TopicIndex::search(std::uint32_t chunk, std::uint32_t from,
                                 std::string_view key) const {
  const Chunk& in = *chunks_[chunk];
  const auto* found = std::lower_bound(in.items + from, in.items + in.size, key,
                                       [](const Message* message, std::string_view wanted) {
                                         return topic_order::compare(message->topic(), wanted) < 0;
                                       });
  return static_cast<std::uint32_t>(found - in.items);
}

// The last of the chunks [from, to) that begins before `key`, or `from`.
std::uint32_t TopicIndex::chunk_for(std::uint32_t from, std::uint32_t to,
                                    std::string_view key) const {
  const auto behind =
      std::lower_bound(chunks_.begin() + from + 1, chunks_.begin() + to, key,
                       [](const auto& chunk, std::string_view wanted) {
                         return topic_order::compare(chunk->items[0]->topic(), wanted) < 0;
                       });
  return static_cast<std::uint32_t>(behind - chunks_.begin()) - 1;
}

TopicIndex::Place TopicIndex::place_in(std::uint32_t chunk, std::uint32_t from,
                                       std::string_view key) const {
  const std::uint32_t at = search(chunk, from, key);
  return at < chunks_[chunk]->size ? Place{chunk, at} : Place{chunk + 1, 0};
}

TopicIndex::Place TopicIndex::lower_bound(std::string_view key) const {
  if (chunks_.empty()) return {};
  return place_in(chunk_for(0, static_cast<std::uint32_t>(chunks_.size()), key), 0, key);
}

// Doubles the range until it holds the key.
TopicIndex::Place TopicIndex::seek(Place from, std::string_view key) const {
  if (at_end(from)) return from;
  const auto end = static_cast<std::uint32_t>(chunks_.size());
  std::uint32_t low = from.chunk, step = 1;
  while (low + step < end &&
         topic_order::compare(chunks_[low + step]->items[0]->topic(), key) < 0) {
    low += step;
    step *= 2;
  }
  const std::uint32_t chunk = chunk_for(low, std::min(low + step, end), key);
  return place_in(chunk, chunk == from.chunk ? from.at : 0, key);
}

void TopicIndex::insert(Place place, MessagePtr message) {
  // Rather behind the last item of a chunk than before the first one of the next.
  if (place.at == 0 && place.chunk > 0) place = {place.chunk - 1, chunks_[place.chunk - 1]->size};
  if (chunks_.empty()) chunks_.push_back(std::make_unique<Chunk>());
  if (chunks_[place.chunk]->size == kCapacity) place = make_room(place);
  Chunk& chunk = *chunks_[place.chunk];
  std::copy_backward(chunk.items + place.at, chunk.items + chunk.size,
                     chunk.items + chunk.size + 1);
  chunk.items[place.at] = message.release();
  ++chunk.size;
}

// A full chunk gives its upper half to a new one behind it. Topics that arrive in order leave full
// chunks behind: then the new one begins empty.
TopicIndex::Place TopicIndex::make_room(Place place) {
  auto fresh = std::make_unique<Chunk>();
  Chunk& full = *chunks_[place.chunk];
  const std::uint32_t keep = place.at == kCapacity ? kCapacity : kCapacity / 2;
  std::copy(full.items + keep, full.items + kCapacity, fresh->items);
  fresh->size = kCapacity - keep;
  full.size = keep;
  chunks_.insert(chunks_.begin() + place.chunk + 1, std::move(fresh));
  if (place.at <= keep && keep != kCapacity) return place;
  return {place.chunk + 1, place.at - keep};
}

MessagePtr TopicIndex::replace(Place place, MessagePtr message) {
  return MessagePtr::adopt(std::exchange(chunks_[place.chunk]->items[place.at], message.release()));
}

MessagePtr TopicIndex::erase(Place& place) {
  Chunk& chunk = *chunks_[place.chunk];
  MessagePtr gone = MessagePtr::adopt(chunk.items[place.at]);
  std::copy(chunk.items + place.at + 1, chunk.items + chunk.size, chunk.items + place.at);
  --chunk.size;
  if (chunk.size == 0) {
    chunks_.erase(chunks_.begin() + place.chunk);
    if (chunks_.size() * 4 < chunks_.capacity()) chunks_.shrink_to_fit();
    place.at = 0;
    return gone;
  }
  if (chunk.size < kCapacity / 4) merge_behind(place.chunk);
  if (place.at == chunk.size) place = {place.chunk + 1, 0};
  return gone;
}

// Takes the next chunk in when both together leave room.
void TopicIndex::merge_behind(std::uint32_t at) {
  if (at + 1 == chunks_.size()) return;
  Chunk &chunk = *chunks_[at], &next = *chunks_[at + 1];
  if (chunk.size + next.size > kCapacity / 4 * 3) return;
  std::copy(next.items, next.items + next.size, chunk.items + chunk.size);
  chunk.size += next.size;
  chunks_.erase(chunks_.begin() + at + 1);
}

}  // namespace keel::kernel
