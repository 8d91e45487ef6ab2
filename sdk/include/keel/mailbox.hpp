// What one shard has for another: letters that gather until the other shard comes for them, so that
// a batch of datagrams costs one post. One mailbox for each pair of shards: written by one, emptied
// by the other; bounded.
//
//   if (box.put(Letter{...}, bytes) == Mailbox<Letter>::Put::first)
//     host.shards().post(to, [&] { box.take().each([](Letter& letter, std::string_view bytes) {});
//     });
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keel {

// Letter: a value that can be moved.
template <class Letter>
class Mailbox {
 public:
  static constexpr std::size_t kMostLetters = 8192, kMostBytes = 4 << 20;

  // What had gathered, in order.
  class Batch {
   public:
    template <class F>  // f(Letter&, std::string_view bytes); the bytes are valid during the call
    void each(F&& f) {
      const char* at = bytes_.data();
      for (Entry& entry : entries_) {
        f(entry.letter, std::string_view(at, entry.size));
        at += entry.size;
      }
    }
    bool empty() const { return entries_.empty(); }

   private:
    friend class Mailbox;
    struct Entry {
      Letter letter;
      std::size_t size;
    };
    void clear() {
      if (bytes_.capacity() > kKeptBytes) bytes_ = std::string();
      if (entries_.capacity() > kKeptLetters) entries_ = std::vector<Entry>();
      bytes_.clear();
      entries_.clear();
    }

    std::vector<Entry> entries_;
    std::string bytes_;
  };

  enum class Put : std::uint8_t { first, added, full };

  // Copies the bytes. `first`: nobody has been sent for the letters yet. `urgent`: what undoes
  // state, so that it has room when others have none.
  Put put(Letter letter, std::string_view bytes = {}, bool urgent = false) {
    const std::lock_guard lock(mutex_);
    Batch& to = gathering_;
    if (to.entries_.size() >= (urgent ? 4 * kMostLetters : kMostLetters) ||
        (to.bytes_.size() >= kMostBytes && !bytes.empty())) {
      return Put::full;
    }
    const bool first = to.entries_.empty();
    to.entries_.push_back({std::move(letter), bytes.size()});
    to.bytes_.append(bytes);
    return first ? Put::first : Put::added;
  }
  // What had gathered; valid until the next call.
  Batch& take() {
    taken_.clear();
    const std::lock_guard lock(mutex_);
    std::swap(taken_, gathering_);
    return taken_;
  }

 private:
  static constexpr std::size_t kKeptBytes = 256 * 1024, kKeptLetters = 1024;

  std::mutex mutex_;
  Batch gathering_;  // under the mutex
  Batch taken_;      // of the shard that empties
};

}  // namespace keel
