// Requests of a peer that come in blocks [RFC 7959 2.5]: put together by what they are for, the
// method, path and queries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/coap/peer.hpp"

namespace coap {

class Assemblies {
 public:
  // The answer to this block. kContinue: more are expected; kEmpty: it was the last, `whole` is the
  // body; else it is refused, and what there was of it is forgotten.
  Code take(const Message& request, const Block& block, std::optional<std::uint32_t> total,
            std::int64_t now_ms, const PeerSettings& settings, std::string& whole);
  void expire(std::int64_t now_ms);
  std::int64_t next_expiry() const;  // 0: there is nothing
  bool empty() const { return parts_.empty(); }

 private:
  struct Part {
    std::uint64_t key = 0;
    std::int64_t expires_ms = 0;
    std::string body;
  };

  Code add(std::size_t at, const Message& request, const Block& block, std::size_t most);
  std::size_t begin(std::uint64_t key);
  std::size_t octets() const;

  std::vector<Part> parts_;  // the oldest first
};

}  // namespace coap
