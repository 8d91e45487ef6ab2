// WebSocket upgrade requests: whatever comes is answered by a whole HTTP answer, the end of a
// request is found the same in pieces, and nothing a client sent gets into the answer as it was.
#include <cstdint>
#include <string>
#include <string_view>

#include "check.hpp"
#include "emqx_ws/forwarded.hpp"
#include "emqx_ws/upgrade.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ws::UpgradePolicy policy;
  policy.address_header = "X-Forwarded-For";
  policy.port_header = "X-Forwarded-Port";
  policy.allowed_origins = {"https://example.org"};
  policy.compression = ws::DeflateOptions();
  policy.verify_protocol = size % 2 == 0;

  std::size_t seen = 0, end = 0;
  const ws::RequestEnd whole = ws::find_request_end(bytes, seen, end);
  std::size_t seen_in_pieces = 0, end_in_pieces = 0;
  ws::RequestEnd in_pieces = ws::RequestEnd::incomplete;
  for (std::size_t n = 1; n <= size && in_pieces == ws::RequestEnd::incomplete; ++n) {
    in_pieces = ws::find_request_end(bytes.substr(0, n), seen_in_pieces, end_in_pieces);
  }
  FUZZ_CHECK(size == 0 || in_pieces == whole);
  FUZZ_CHECK(whole != ws::RequestEnd::complete || (end_in_pieces == end && end <= size));

  const ws::UpgradeAnswer answer =
      ws::answer_upgrade(bytes.substr(0, whole == ws::RequestEnd::complete ? end : size), policy);
  FUZZ_CHECK(answer.response.starts_with("HTTP/1.1 " + std::to_string(answer.status) + ' '));
  FUZZ_CHECK(answer.response.size() < 600);
  const bool known = answer.status == 101 || answer.status == 400 || answer.status == 403 ||
                     answer.status == 404 || answer.status == 405 || answer.status == 426;
  FUZZ_CHECK(known);
  FUZZ_CHECK(answer.status == 101
                 ? answer.response.ends_with("\r\n\r\n")
                 : answer.response.find("Connection: close\r\n") != std::string::npos);
  for (const char c : answer.response) FUZZ_CHECK(c == '\r' || c == '\n' || (c >= ' ' && c <= '~'));
  if (answer.compression) {
    FUZZ_CHECK(answer.compression->server_bits >= 9 && answer.compression->server_bits <= 15);
  }

  ws::TrustedProxies trusted;
  trusted.add("10.0.0.0/8");
  if (const auto client = ws::forwarded_client(bytes, answer.port, trusted)) {
    FUZZ_CHECK(client->family() == KEEL_ADDR_IP4 || client->family() == KEEL_ADDR_IP6);
  }
  trusted.add(bytes);
  return 0;
}
