// The packets of the other direction, as an MQTT 5.0 client writes and reads them: for clients that
// live inside the broker. Same rules as decoder.hpp and encoder.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernel/codec/out_buffer.hpp"
#include "kernel/codec/packet.hpp"

namespace keel::kernel {

// Appends a CONNECT. Of `connect` everything that a v5 client can say is used, but for user
// properties and enhanced authentication.
void encode_connect(OutBuffer& out, const ConnectView& connect);
void encode_subscribe(OutBuffer& out, std::uint16_t packet_id, std::span<const FilterView> filters);
void encode_unsubscribe(OutBuffer& out, std::uint16_t packet_id, std::span<const Bytes> filters);
// Also with an error: then the will is published.
void encode_client_disconnect(OutBuffer& out, Reason reason);

struct ConnackView {
  bool session_present = false;
  Reason reason = Reason::success;
  std::uint16_t receive_maximum = 65535;
  std::uint8_t maximum_qos = 2;
  std::uint32_t maximum_packet_size = 0;  // 0: none
};
Fault parse_connack(Bytes body, ConnackView& out);

struct SubackView {  // and UNSUBACK
  std::uint16_t packet_id = 0;
  Bytes reasons;  // one byte each
};
Fault parse_suback(Bytes body, SubackView& out);

// The reason of a server's DISCONNECT.
Fault parse_server_disconnect(Bytes body, Reason& out);

}  // namespace keel::kernel
