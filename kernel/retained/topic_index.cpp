#include "kernel/retained/topic_index.hpp"

#include <algorithm>

#include "kernel/retained/topic_order.hpp"

namespace keel::kernel {
namespace {

// Four bytes of `topic` from `from` on; in the order of topics, equal where they do not decide.
std::uint32_t head_of(std::string_view topic, std::uint32_t from) {
  std::uint32_t head = 0;
  for (std::uint32_t i = from; i < from + 4; ++i)
    head =
        head << 8 | static_cast<std::uint32_t>(i < topic.size() ? topic_order::rank(topic[i]) : 0);
  return head;
}

std::uint32_t common_prefix(std::string_view a, std::string_view b) {
  const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::uint32_t>(end - a.begin());
}

}  // namespace

void TopicIndex::Chunk::set_heads() {
  if (size == 0) return;
  prefix = common_prefix(topic(0), topic(size - 1));
  for (std::uint32_t i = 0; i < size; ++i) heads[i] = head_of(topic(i), prefix);
}

void TopicIndex::Chunk::put(std::uint32_t at, const Message* message) {
  std::copy_backward(items + at, items + size, items + size + 1);
  std::copy_backward(heads + at, heads + size, heads + size + 1);
  items[at] = message;
  ++size;
  const std::string_view other = topic(at == 0 ? size - 1 : 0);
  if (size == 1 || common_prefix(message->topic().substr(0, prefix), other) < prefix) {
    set_heads();
  } else {
    heads[at] = head_of(message->topic(), prefix);
  }
}

void TopicIndex::Chunk::take_out(std::uint32_t at) {
  std::copy(items + at + 1, items + size, items + at);
  std::copy(heads + at + 1, heads + size, heads + at);
  --size;
}

TopicIndex::~TopicIndex() {
  for (const auto& chunk : chunks_)
    for (std::uint32_t i = 0; i < chunk->size; ++i) MessagePtr::adopt(chunk->items[i]);
}

// The first item of `chunk`, at `from` or behind it, that is not before `key`; the size when none
// is.
std::uint32_t TopicIndex::search(std::uint32_t chunk, std::uint32_t from,
                                 std::string_view key) const {
  const Chunk& in = *chunks_[chunk];
  const std::string_view common = in.topic(0).substr(0, in.prefix);
  if (const int order = topic_order::compare(key.substr(0, in.prefix), common); order != 0)
    return order < 0 ? from : in.size;
  const auto [low, high] =
      std::equal_range(in.heads + from, in.heads + in.size, head_of(key, in.prefix));
  const auto* found = std::lower_bound(in.items + (low - in.heads), in.items + (high - in.heads),
                                       key, [](const Message* message, std::string_view wanted) {
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
  chunks_[place.chunk]->put(place.at, message.release());
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
  full.set_heads();
  fresh->set_heads();
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
  chunk.take_out(place.at);
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
  chunk.set_heads();
  chunks_.erase(chunks_.begin() + at + 1);
}

}  // namespace keel::kernel
