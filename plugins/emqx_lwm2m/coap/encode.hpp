// Writes CoAP messages into a buffer that is reused. Any thread, one writer a message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emqx_lwm2m/coap/message.hpp"

namespace coap {

// Options must come in ascending order of their numbers. `out` is cleared first and must outlive
// the writer; it is the datagram at any time.
class Writer {
 public:
  Writer(std::string& out, Type type, Code code, std::uint16_t id, std::string_view token);
  Writer& option(std::uint16_t number, std::string_view value = {});
  Writer& number(std::uint16_t number, std::uint32_t value);  // minimal length, 0 is empty
  // The last; an empty one writes nothing.
  void payload(std::string_view payload);

 private:
  std::string& out_;
  std::uint16_t last_ = 0;
};

// An empty message of four octets: ACK and RST.
void write_empty(std::string& out, Type type, std::uint16_t id);

}  // namespace coap
