// What the messages of a peer have been answered with, for when one comes again [RFC 7252 4.5]:
// told by its id and its octets, as a device that has started anew uses the same ids. Records lie
// one behind the other in one piece of storage, the oldest first; without records there is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coap {

class Remembered {
 public:
  struct Limits {
    std::size_t records, octets;
  };

  // The answer, empty if there was none; valid until the next change. None: it is new.
  std::optional<std::string_view> find(std::uint16_t id, std::string_view datagram,
                                       std::int64_t now_ms) const;
  // The oldest make room. `digest`: of the datagram.
  void add(std::uint16_t id, std::uint64_t digest, std::string_view answer, std::int64_t expires_ms,
           const Limits& limits);
  void expire(std::int64_t now_ms);
  std::int64_t next_expiry() const;  // 0: there is nothing
  void clear();
  // Records that expire at this time or later, for add_records() of another version; "": none.
  std::string records_since(std::int64_t expires_ms) const;
  // Not what records_since() writes: nothing, or what of it makes sense.
  void add_records(std::string_view records);
  std::size_t octets() const { return records_.capacity(); }

  static std::uint64_t digest(std::string_view datagram);

 private:
  void drop_first();

  std::vector<char> records_;
  std::size_t count_ = 0;
};

}  // namespace coap
