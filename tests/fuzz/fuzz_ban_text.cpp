// Lines of the ban file: whatever is read is a ban that can be looked up, and written and read
// again it is the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "check.hpp"
#include "kernel/broker/ban_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keel::kernel;
  const auto ban = parse_ban({reinterpret_cast<const char*>(data), size});
  if (!ban) return 0;
  const std::string line = print_ban(*ban);
  for (const char c : line) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  const auto again = parse_ban(line);
  FUZZ_CHECK(static_cast<bool>(again));
  FUZZ_CHECK(again->kind == ban->kind);
  FUZZ_CHECK(again->value == ban->value);
  FUZZ_CHECK(again->key == ban->key);
  FUZZ_CHECK(again->by == ban->by);
  FUZZ_CHECK(again->until_s == ban->until_s);
  FUZZ_CHECK(again->at_s == ban->at_s);
  BanTable table;
  table.put(std::make_shared<const Ban>(*ban));
  FUZZ_CHECK(table.find(ban->kind, ban->id()) != nullptr);
  FUZZ_CHECK(table.erase(ban->kind, ban->id()));
  FUZZ_CHECK(table.size() == 0);
  return 0;
}
