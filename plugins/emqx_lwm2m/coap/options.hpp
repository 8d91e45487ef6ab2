// What the options of a request of the peer and of a response say, as far as we look at them. A
// critical one that we do not understand, that comes twice, or that has no place there makes the
// message unacceptable [RFC 7252 5.4]; an elective one is skipped. Views into the datagram.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emqx_lwm2m/coap/message.hpp"

namespace coap {

struct RequestOptions {
  Code refusal = kEmpty;  // what it is to be refused with
  std::optional<std::uint16_t> content_format;
  std::optional<Block> block1, block2;
  std::optional<std::uint32_t> size1;
  std::size_t path = 0, queries = 0;  // how many there are
};
RequestOptions read_request(const Message& request);

struct ResponseOptions {
  std::optional<std::uint16_t> content_format;
  std::optional<std::uint32_t> observe;
  std::optional<Block> block1, block2;
  std::string_view etag;
  std::string location;  // "/o/i"; empty: none
};
bool read_response(const Message& response, ResponseOptions& out);  // false: unacceptable

}  // namespace coap
