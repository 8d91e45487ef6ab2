// Retained messages: at most one per topic. Shared by all shards under one mutex, held for bounded
// steps only: large results are fetched slice by slice, resuming behind the last topic seen.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/codec/message.hpp"

namespace keel::kernel {

struct RetainedLimits {
  std::uint64_t max_messages = 0, max_bytes = 0;  // 0: none
  std::uint32_t max_payload = 0;
  std::uint32_t expiry_s = 0;  // the longest a message is kept; 0: none
};

enum class RetainOutcome : std::uint8_t {
  stored,
  replaced,
  removed,
  nothing_to_remove,
  too_large,
  full
};

class RetainedStore {
 public:
  explicit RetainedStore(RetainedLimits limits);
  RetainedStore(const RetainedStore&) = delete;
  RetainedStore& operator=(const RetainedStore&) = delete;
  ~RetainedStore();

  void set_limits(RetainedLimits limits);  // what is stored already stays

  // Told of every change from now on, in the order in which they happen, under the mutex: it must
  // be quick and not come back. `message` is null when the topic has none any more. Empty: nobody.
  using Observer = std::function<void(std::string_view topic, const Message* message)>;
  void observe(Observer observer);  // [any]
  // Puts in what was kept before a restart, if the topic has nothing newer and the limits allow it.
  // The observer is not told. [any]
  bool restore(const MessagePtr& message);
  // All messages in topic order, `max` at a time, as match() goes through them. [any]
  bool page(std::string& after, std::size_t max, std::vector<MessagePtr>& out) const;

  // Keeps `message` (its retain flag is set) in place of the topic's earlier one; an empty payload
  // removes. A message that is refused leaves the earlier one as it was. [any]
  RetainOutcome set(const MessagePtr& message);
  bool remove(std::string_view topic);

  // The next messages whose topics match `filter`, in topic order, expired ones left out. Appends
  // at most `max` to `out` and looks at a bounded number of topics; `after` is the position, empty
  // to start. True: done. A topic set or removed meanwhile may be missed or seen, no other one.
  // [any]
  bool match(std::string_view filter, std::string& after, std::size_t max, std::int64_t now_ms,
             std::vector<MessagePtr>& out) const;

  // Removes expired messages, at most `max` looked at, resuming where it left off. Answers how many
  // went. Called now and then. [any]
  std::size_t expire(std::int64_t now_ms, std::size_t max);

  // Removes what matches, at most `max` per call; answers how many went and whether it is done.
  // Goes through the topics in bounded steps and lets others in between; with `after`, as match()
  // has it, a call is one such step. [any]
  struct Cleaned {
    std::size_t removed;
    bool done;
  };
  Cleaned clean(std::string_view filter, std::size_t max);
  Cleaned clean(std::string_view filter, std::string& after, std::size_t max);

  // Messages, and what their footprints add up to.
  std::uint64_t count() const;  // [any] no lock
  std::uint64_t bytes() const;  // [any] no lock

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keel::kernel
