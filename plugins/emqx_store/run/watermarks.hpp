// How much space the store may take, and how much of its disk has to stay free. Three marks each:
// from the first on new messages for clients that are away are refused, then new retained ones,
// then whatever has to be durable. A mark that was passed counts until there is noticeably more
// space again, so that the broker does not go back and forth. Values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace emqx_store {

// "5%" of the disk, or "2GB".
struct Amount {
  bool percent = false;
  double value = 0;  // percent, or octets

  static std::optional<Amount> parse(std::string_view text);
  double of(std::uint64_t total) const;
};

struct Watermarks {
  std::array<Amount, 3> min_free{};
  std::uint64_t max_size = 0;  // 0: no bound

  bool operator==(const Watermarks&) const = default;
};
bool operator==(const Amount& a, const Amount& b);

struct DiskSpace {
  std::uint64_t total = 0, free = 0;  // of the disk; what is free for us
  std::uint64_t used = 0;             // by the store
};

// KEEL_STORE_FINE ... KEEL_STORE_FULL; `before`: what it was.
std::uint32_t space_level(const Watermarks& marks, const DiskSpace& space, std::uint32_t before);
// Why, and what to do; for levels above KEEL_STORE_FINE.
std::string space_text(const Watermarks& marks, const DiskSpace& space,
                       const std::string& directory);

// "1.2 GB".
std::string size_text(std::uint64_t octets);

}  // namespace emqx_store
