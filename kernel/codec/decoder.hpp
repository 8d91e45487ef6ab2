// Parsing of what clients send, for MQTT 3.1, 3.1.1 and 5.0. Stateless, no I/O, no clock; allocates
// only in the vectors and scratch strings that the caller passes. Every check that needs nothing
// but the packet is made here: UTF-8, reserved bits, lengths, property rules, wildcards in topic
// names. What depends on settings or on the session (limits, rights, aliases in use) is the
// broker's.
#pragma once

#include <string>

#include "kernel/codec/packet.hpp"

namespace keel::kernel {

enum class HeaderStatus { ok, incomplete, malformed };

// Reads a fixed header from the start of `bytes` [MQTT5 2.1]. `incomplete`: fewer bytes than the
// header has. `malformed`: type 0, flags that the type does not allow, or a length of over four
// bytes. AUTH (15) is well-formed here; the broker refuses it for v3. The version matters little:
// v3.1 may set DUP where it resends PUBREL, SUBSCRIBE or UNSUBSCRIBE, v5 must not encode the length
// longer than needed.
HeaderStatus parse_header(Bytes bytes, FixedHeader& out, Version version = Version::v311);

// Each takes the body (the `remaining` bytes behind the header). On a fault `out` is unspecified.
// CONNECT: an unsupported name or level is unsupported_protocol_version, and then nothing else was
// read but `out.version` holds what answer fits (v5 for levels above 5, else v311). On every other
// fault `out.version` is the client's. An empty client id that its version forbids is
// client_identifier_not_valid: any in v3.1, one without clean session in v3.1.1.
Fault parse_connect(Bytes body, ConnectView& out, std::string& scratch);
// A payload that is declared to be UTF-8 and is not: payload_format_invalid. `known`: a topic name
// that was found valid before and is not checked again; empty: none.
Fault parse_publish(Bytes body, std::uint8_t flags, Version version, PublishView& out,
                    std::string& scratch, Bytes known = {});
Fault parse_ack(Bytes body, Version version, PacketType type, AckView& out);
Fault parse_subscribe(Bytes body, Version version, SubscribeView& out);
Fault parse_unsubscribe(Bytes body, Version version, UnsubscribeView& out);
Fault parse_disconnect(Bytes body, Version version, DisconnectView& out);
Fault parse_auth(Bytes body, AuthView& out);
Fault parse_empty(Bytes body);  // PINGREQ

// Rules for topic names [MQTT5 4.7]: not empty, valid UTF-8, no U+0000, no `+` or `#`.
bool valid_topic_name(Bytes topic);

}  // namespace keel::kernel
