// PROXY headers: the parser answers the same for every beginning of a header, never takes more than
// it was given, and says "incomplete" only while the header can still end.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "check.hpp"
#include "kernel/net/proxy_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keel::kernel;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ProxyHeader header;
  std::size_t consumed = 0;
  const ProxyParse whole = parse_proxy_header(bytes, header, consumed);
  FUZZ_CHECK(consumed <= size);
  FUZZ_CHECK(consumed <= kMaxProxyHeader);
  if (whole == ProxyParse::incomplete) FUZZ_CHECK(size < kMaxProxyHeader);
  if (whole == ProxyParse::ok) {
    FUZZ_CHECK(consumed > 0);
    FUZZ_CHECK(header.keeps_address == (header.source.family == Endpoint::Family::none));
    FUZZ_CHECK(!header.source.text().empty());
  }

  // Byte by byte, as a slow proxy sends it: incomplete until the answer, which is then the same.
  const std::size_t end = whole == ProxyParse::ok ? consumed : size;
  for (std::size_t n = 0; n < end && n < 600; ++n) {
    ProxyHeader part;
    std::size_t part_consumed = 0;
    const ProxyParse early = parse_proxy_header(bytes.substr(0, n), part, part_consumed);
    if (whole == ProxyParse::malformed && early == ProxyParse::malformed) break;
    FUZZ_CHECK(early == ProxyParse::incomplete);
  }
  if (whole == ProxyParse::ok) {
    ProxyHeader exact;
    std::size_t exact_consumed = 0;
    FUZZ_CHECK(parse_proxy_header(bytes.substr(0, consumed), exact, exact_consumed) ==
               ProxyParse::ok);
    FUZZ_CHECK(exact_consumed == consumed && exact.source == header.source);
  }
  return 0;
}
