// What the retained store's tests share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/retained/retained_store.hpp"

namespace keel::kernel {

using Texts = std::vector<std::string>;

inline MessagePtr retained(std::string_view topic, std::string_view payload,
                           std::uint32_t expiry_s = kNoExpiry, std::int64_t received_ms = 0) {
  MessageView view;
  view.topic = topic;
  view.payload = payload;
  view.retain = true;
  view.expiry_s = expiry_s;
  view.received_ms = received_ms;
  return Message::create(view);
}

// Everything that matches, fetched `slice` at a time.
inline std::vector<MessagePtr> fetch(const RetainedStore& store, std::string_view filter,
                                     std::size_t slice = 100, std::int64_t now_ms = 0) {
  std::vector<MessagePtr> all, out;
  std::string after;
  for (bool done = false; !done;) {
    out.clear();
    done = store.match(filter, after, slice, now_ms, out);
    if (out.size() > slice) return {};
    all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}

inline Texts topics(const RetainedStore& store, std::string_view filter, std::size_t slice = 100,
                    std::int64_t now_ms = 0) {
  Texts found;
  for (const auto& message : fetch(store, filter, slice, now_ms))
    found.emplace_back(message->topic());
  return found;
}

inline Texts payloads(const RetainedStore& store, std::string_view filter) {
  Texts found;
  for (const auto& message : fetch(store, filter)) found.emplace_back(message->payload());
  return found;
}

}  // namespace keel::kernel
