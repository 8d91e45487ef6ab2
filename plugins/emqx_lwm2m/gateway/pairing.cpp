#include "emqx_lwm2m/gateway/pairing.hpp"

#include <algorithm>

namespace lwm2m {

void Pairing::taken(std::size_t key, std::int64_t now_ms) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& each) {
    return each.key == key && each.command.message;
  });
  if (found != waiting_.end()) {
    forget(*found);
    while (!waiting_.empty() && !waiting_.front().command.message) drop_first();
    return;
  }
  if (taken_.size() >= kMost) return;
  taken_.push_back({key, now_ms + kMs});
  ++counts_[key];
}

bool Pairing::is_taken(std::size_t key) {
  const auto found = counts_.find(key);
  if (found == counts_.end()) return false;
  if (--found->second == 0) counts_.erase(found);
  const auto place = std::find_if(taken_.begin(), taken_.end(),
                                  [&](const Taken& each) { return each.key == key; });
  if (place == taken_.begin()) {
    taken_.pop_front();
  } else {
    taken_.erase(place);
  }
  return true;
}

void Pairing::wait(std::size_t key, Command command, std::int64_t now_ms) {
  octets_ += command.size;
  waiting_.push_back({key, now_ms + kMs, std::move(command)});
  while (waiting_.size() > kMost || octets_ > kMostOctets) drop_first();
}

void Pairing::drop_first() {
  forget(waiting_.front());
  waiting_.pop_front();
}

void Pairing::forget(Waiting& one) {
  octets_ -= one.command.size;
  one.command = {};
}

std::vector<Pairing::Command> Pairing::release(std::string_view endpoint) {
  std::vector<Command> out;
  for (Waiting& each : waiting_) {
    if (each.command.message && each.command.endpoint == endpoint) {
      octets_ -= each.command.size;
      out.push_back(std::exchange(each.command, {}));
    }
  }
  return out;
}

Pairing::Command Pairing::expired(std::int64_t now_ms, std::int64_t& came_ms) {
  while (!waiting_.empty()) {
    Waiting& first = waiting_.front();
    if (first.command.message && first.until_ms > now_ms) break;
    came_ms = first.until_ms - kMs;
    octets_ -= first.command.size;
    Command out = std::move(first.command);
    waiting_.pop_front();
    if (out.message) return out;
  }
  return {};
}

void Pairing::forget_taken(std::int64_t now_ms) {
  while (!taken_.empty() && taken_.front().until_ms <= now_ms) {
    const auto found = counts_.find(taken_.front().key);
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
    taken_.pop_front();
  }
}

Pairing::Saved Pairing::save() const {
  Saved out;
  for (const Taken& each : taken_) out.taken.push_back(each.key);
  for (const Waiting& each : waiting_) {
    each.command.message
        .view([&](const keel::Message& message) {
          out.waiting.push_back({each.key, each.command.endpoint, std::string(message.topic()),
                                 std::string(message.payload())});
        })
        .ignore();
  }
  return out;
}

void Pairing::load(const Saved& saved, const keel::Host& host, std::int64_t now_ms) {
  for (const std::size_t key : saved.taken) taken(key, now_ms);
  for (const Saved::Command& each : saved.waiting) {
    const keel_message_view shown = keel::Publish{.topic = each.topic, .payload = each.payload}.c();
    auto made = keel::Message::create(host.core(), shown);
    if (made) wait(each.key, {each.endpoint, std::move(*made), each.payload.size()}, now_ms);
  }
}

}  // namespace lwm2m
