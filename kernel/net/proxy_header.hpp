// The PROXY protocol, versions 1 and 2: the line or block a load balancer puts in front of a
// connection to say who the client is. A pure function over bytes; no sockets.
#pragma once

#include <cstddef>
#include <string_view>

#include "kernel/base/endpoint.hpp"

namespace keel::kernel {

enum class ProxyParse { ok, incomplete, malformed };

struct ProxyHeader {
  Endpoint source;             // the client; family none where the header does not say
  bool keeps_address = false;  // LOCAL, UNKNOWN or UNSPEC: the peer of the socket is the client
};

// The longest header accepted. Version 2 may carry extensions; nobody sends more than a few hundred
// bytes.
inline constexpr std::size_t kMaxProxyHeader = 4096;

// Reads the header at the start of `bytes`. ok: `out` is filled and `consumed` bytes belong to it.
// incomplete: everything in `bytes` belongs to a header whose end has not come yet.
ProxyParse parse_proxy_header(std::string_view bytes, ProxyHeader& out, std::size_t& consumed);

}  // namespace keel::kernel
