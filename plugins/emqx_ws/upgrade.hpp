// The HTTP request that turns a connection into a WebSocket (RFC 6455, section 4.2), without input
// or output: a whole request in, what to answer out. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_ws/deflate.hpp"

namespace ws {

struct UpgradePolicy {
  std::string path = "/mqtt";
  bool verify_protocol = true;                // a subprotocol of MQTT must be offered
  std::vector<std::string> allowed_origins;   // empty: any
  std::string address_header, port_header;    // of proxies; empty: not looked at
  std::optional<DeflateOptions> compression;  // none: not offered
};

struct UpgradeAnswer {
  int status = 101;
  std::string response;       // whole; after any other status the connection is closed
  std::string address, port;  // what a proxy says about the client, as it stands in the headers
  std::optional<DeflateTerms> compression;
};

enum class RequestEnd : std::uint8_t { incomplete, complete, not_http };

// Looks for the end of a request in `in`; `size` is then that of the request. What `in` begins with
// was looked at before up to `seen`, which is moved on.
RequestEnd find_request_end(std::string_view in, std::size_t& seen, std::size_t& size);

// Answers a complete request.
UpgradeAnswer answer_upgrade(std::string_view request, const UpgradePolicy& policy);

// A refusal without a request to look at: 400, 408, 431, 503.
UpgradeAnswer refuse_upgrade(int status, std::string_view text);

// Sec-WebSocket-Accept for a Sec-WebSocket-Key. The first call in a process takes a millisecond.
std::string accept_key(std::string_view key);

}  // namespace ws
