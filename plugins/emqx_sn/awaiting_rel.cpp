#include "emqx_sn/awaiting_rel.hpp"

#include <algorithm>

namespace sn {

AwaitingRel::Entry* AwaitingRel::at(std::uint16_t msg_id) {
  for (Entry& entry : entries_)
    if (entry.msg_id == msg_id) return &entry;
  return nullptr;
}

const AwaitingRel::Entry* AwaitingRel::find(std::uint16_t msg_id, std::int64_t now) {
  const Entry* const entry = at(msg_id);
  return entry && entry->until > now ? entry : nullptr;
}

bool AwaitingRel::add(std::uint16_t msg_id, std::uint64_t what, std::int64_t until,
                      std::size_t most, std::int64_t now) {
  remove(msg_id);
  expire(now);
  const auto open = static_cast<std::size_t>(std::count_if(
      entries_.begin(), entries_.end(), [](const Entry& e) { return e.stage != Stage::done; }));
  if (open >= most) return false;
  if (entries_.size() >= most * 2) {
    // Too many that are done: the oldest one is forgotten early.
    entries_.erase(std::find_if(entries_.begin(), entries_.end(),
                                [](const Entry& e) { return e.stage == Stage::done; }));
  }
  entries_.push_back({what, until, msg_id, Stage::asked});
  return true;
}

bool AwaitingRel::received(std::uint16_t msg_id, std::int64_t until) {
  Entry* const entry = at(msg_id);
  if (!entry || entry->stage != Stage::asked) return false;
  entry->stage = Stage::received;
  entry->until = until;
  return true;
}

void AwaitingRel::done(std::uint16_t msg_id, std::int64_t until) {
  if (Entry* const entry = at(msg_id); entry && entry->stage == Stage::received) {
    entry->stage = Stage::done;
    entry->until = until;
  }
}

void AwaitingRel::remove(std::uint16_t msg_id) {
  std::erase_if(entries_, [msg_id](const Entry& entry) { return entry.msg_id == msg_id; });
}

void AwaitingRel::drop_asked() {
  std::erase_if(entries_, [](const Entry& entry) { return entry.stage == Stage::asked; });
}

void AwaitingRel::expire(std::int64_t now) {
  std::erase_if(entries_, [now](const Entry& entry) { return entry.until <= now; });
  if (entries_.empty()) entries_ = {};
}

}  // namespace sn
