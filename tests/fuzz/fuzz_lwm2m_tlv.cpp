// TLV, and the formats of one value: the first byte says which, and to which request it is the
// answer.
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "lwm2m_payload.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lwm2m;
  if (size == 0) return 0;
  constexpr std::string_view kPaths[] = {"/9000/0",   "/9000/0/1",    "/9000/0/5", "/9000",
                                         "/9000/0/0", "/9000/0/20/3", "/3/0/6",    "/7000/0/1"};
  constexpr std::optional<std::uint16_t> kFormats[] = {kTlv, std::nullopt, kText, kOpaque, kCbor};
  const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  fuzz::check_payload(kFormats[data[0] / 8 % std::size(kFormats)], payload,
                      kPaths[data[0] % std::size(kPaths)]);
  return 0;
}
