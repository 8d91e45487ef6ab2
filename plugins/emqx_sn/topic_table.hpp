// The topics that have a normal topic id with one client [MQTT-SN 3]. Compact: nothing but a
// pointer while there are none, then one array sorted by id, one stretch of octets for the names,
// and an index by name once there are more than a few. Ids only go up and are not given out twice.
// A value; one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace sn {

class TopicTable {
 public:
  TopicTable() = default;
  TopicTable(const TopicTable& other);
  TopicTable& operator=(const TopicTable& other);
  TopicTable(TopicTable&&) = default;
  TopicTable& operator=(TopicTable&&) = default;

  static constexpr std::uint16_t kFirstId = 0x0100, kLastId = 0xfffe;
  static constexpr std::size_t kMaxOctets = 1u << 20;  // of all names

  enum Flag : std::uint8_t {
    kKnown = 1,       // the client has been told the id, or has acknowledged it
    kSubscribed = 2,  // there is a subscription with just this filter
    kRefused = 4,     // the client does not want to hear of it
  };

  // The id of `name`, a new one if it has none; new ones are not below `first`. 0: there is no
  // room, or there would be more than `most`.
  std::uint16_t add(std::string_view name, std::uint16_t first, std::uint32_t most);

  std::uint16_t id(std::string_view name) const;   // 0: none
  std::string_view name(std::uint16_t id) const;   // empty: no such id. Valid until add()
  bool has(std::uint16_t id, Flag flag) const;     // false, too, when there is no such id
  void set(std::uint16_t id, Flag flag, bool on);  // nothing happens when there is no such id
  void clear_everywhere(std::uint8_t flags);       // of every topic
  std::uint16_t first_with(Flag is, std::uint8_t not_any_of) const;  // 0: none

  std::size_t size() const { return rows_ ? rows_->entries.size() : 0; }
  void clear();
  // Goes up with every change.
  std::uint32_t revision() const { return revision_; }
  // New ids are not below this one either.
  void begin_at(std::uint16_t first) { begin_ = first; }
  std::uint16_t begin() const { return begin_; }

  template <class F>  // f(id, name, flags), by id
  void each(F&& f) const {
    if (!rows_) return;
    for (const Entry& entry : rows_->entries)
      f(entry.id, rows_->text(entry), static_cast<std::uint8_t>(entry.flags));
  }
  // As each() told it. False: the ids do not go up, or it is too much.
  bool restore(std::uint16_t id, std::string_view name, std::uint8_t flags);

 private:
  struct Entry {
    std::uint32_t at : 24;  // in octets
    std::uint32_t flags : 8;
    std::uint16_t size, id;
  };
  static_assert(kMaxOctets <= 1u << 24);

  struct Rows {
    std::string_view text(const Entry& entry) const {
      return {octets.data() + entry.at, entry.size};
    }
    void append(std::uint16_t id, std::string_view name, std::uint8_t flags);
    void index_last();
    void rebuild_index();

    std::vector<Entry> entries;
    std::vector<char> octets;
    std::vector<std::uint16_t> index;  // place in entries + 1, 0: free. Empty while there are few
  };

  Entry* find(std::uint16_t id) const;
  bool has_room(std::string_view name) const;
  void append(std::uint16_t id, std::string_view name, std::uint8_t flags);

  std::unique_ptr<Rows> rows_;  // null: no topics; else there is one at least
  std::uint32_t revision_ = 0;
  std::uint16_t begin_ = 0;
};

}  // namespace sn
