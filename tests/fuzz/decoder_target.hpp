// The body of the decoder targets: the input is a stream of packets as a client of one version
// sends them. Every packet is parsed from a block of exactly its size, so that a sanitizer sees any
// byte read beyond it; a PUBLISH that was understood is built again and must read the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "check.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/encoder.hpp"
#include "kernel/codec/properties.hpp"

namespace keel::kernel::fuzz {

// Bytes in a heap block without slack.
class Exact {
 public:
  explicit Exact(Bytes bytes) : size_(bytes.size()), block_(new char[bytes.size()]) {
    if (size_ != 0) std::memcpy(block_.get(), bytes.data(), size_);
  }
  operator Bytes() const { return {block_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> block_;
};

inline std::string content(const OutBuffer& out) {
  iovec vectors[8];
  std::string bytes;
  const int n = out.gather(vectors, 8);
  for (int i = 0; i < n; ++i) {
    bytes.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
  }
  FUZZ_CHECK(bytes.size() == out.size());
  return bytes;
}

inline void check_fault(const Fault& fault) { FUZZ_CHECK(!fault || *fault.what != '\0'); }

// What is handed on must be a whole, allowed property section.
inline void check_properties(Bytes section, PropertySet allowed) {
  PropertyReader walk(section, allowed);
  PropertyValue property;
  std::size_t size = 0;
  while (walk.next(property)) size += property.wire.size();
  FUZZ_CHECK(!walk.fault());
  FUZZ_CHECK(size == section.size());
}

inline void publish_again(const PublishView& p, Version version) {
  PublishFields fields;
  fields.topic = p.topic;
  fields.payload = p.payload;
  fields.properties = p.properties;
  fields.qos = p.qos;
  fields.dup = p.dup;
  fields.retain = p.retain;
  fields.packet_id = p.packet_id;
  fields.topic_alias = p.topic_alias;
  fields.expiry_s = p.expiry_s;
  const MessagePtr message = Message::create({p.topic, p.payload, p.properties});
  fields.payload = message->payload();
  OutBuffer out;
  encode_publish(out, version, fields, message);
  const std::string bytes = content(out);
  FUZZ_CHECK(bytes.size() == publish_size(version, fields));
  FixedHeader header;
  FUZZ_CHECK(parse_header(bytes, header, version) == HeaderStatus::ok);
  PublishView again;
  std::string scratch;
  FUZZ_CHECK(
      !parse_publish(Bytes(bytes).substr(header.size), header.flags, version, again, scratch));
  FUZZ_CHECK(again.topic == p.topic && again.payload == p.payload);
  FUZZ_CHECK(again.properties == p.properties);
  FUZZ_CHECK(again.qos == p.qos && again.dup == p.dup && again.retain == p.retain);
  FUZZ_CHECK(again.packet_id == p.packet_id && again.topic_alias == p.topic_alias);
  FUZZ_CHECK(again.expiry_s == p.expiry_s);
}

inline void publish(Bytes body, std::uint8_t flags, Version version) {
  PublishView p;
  std::string scratch;
  const Fault fault = parse_publish(body, flags, version, p, scratch);
  check_fault(fault);
  if (fault) return;
  FUZZ_CHECK(valid_topic_name(p.topic) || (p.topic.empty() && p.topic_alias != 0));
  FUZZ_CHECK((p.qos == 0) == (p.packet_id == 0));
  check_properties(p.properties, kForwardable);
  publish_again(p, version);
}

inline void connect(Bytes body) {
  ConnectView c;
  std::string scratch;
  const Fault fault = parse_connect(body, c, scratch);
  check_fault(fault);
  if (fault) return;
  FUZZ_CHECK(valid_utf8(c.client_id) && valid_utf8(c.username));
  FUZZ_CHECK(c.receive_maximum != 0);
  check_properties(c.user_properties, properties(Property::user_property));
  check_properties(c.will.properties, kForwardable);
  FUZZ_CHECK(!c.has_will || valid_topic_name(c.will.topic));
}

inline void ack(Bytes body, Version version, PacketType type) {
  AckView a;
  const Fault fault = parse_ack(body, version, type, a);
  check_fault(fault);
  if (fault) return;
  OutBuffer out;
  encode_ack(out, version, type, a.packet_id, a.reason);
  const std::string bytes = content(out);
  AckView again;
  FUZZ_CHECK(!parse_ack(Bytes(bytes).substr(2), version, type, again));
  FUZZ_CHECK(again.packet_id == a.packet_id && again.reason == a.reason);
}

inline void packet(const FixedHeader& header, Bytes body, Version version) {
  switch (header.type) {
    case PacketType::connect:
      return connect(body);
    case PacketType::publish:
      return publish(body, header.flags, version);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return ack(body, version, header.type);
    case PacketType::subscribe: {
      SubscribeView view;
      const Fault fault = parse_subscribe(body, version, view);
      check_fault(fault);
      FUZZ_CHECK(fault || (!view.filters.empty() && view.packet_id != 0));
      return;
    }
    case PacketType::unsubscribe: {
      UnsubscribeView view;
      const Fault fault = parse_unsubscribe(body, version, view);
      check_fault(fault);
      FUZZ_CHECK(fault || (!view.filters.empty() && view.packet_id != 0));
      return;
    }
    case PacketType::disconnect: {
      DisconnectView view;
      return check_fault(parse_disconnect(body, version, view));
    }
    case PacketType::auth: {
      AuthView view;
      return check_fault(parse_auth(body, view));
    }
    case PacketType::pingreq:
      return check_fault(parse_empty(body));
    default:
      return;  // types that only servers send
  }
}

inline int run(const std::uint8_t* data, std::size_t size, Version version) {
  Bytes stream(reinterpret_cast<const char*>(data), size);
  FixedHeader header;
  while (parse_header(Exact(stream), header, version) == HeaderStatus::ok) {
    stream.remove_prefix(header.size);
    const std::size_t length = std::min<std::size_t>(header.remaining, stream.size());
    packet(header, Exact(stream.substr(0, length)), version);  // a cut-off packet is one more case
    stream.remove_prefix(length);
  }
  return 0;
}

}  // namespace keel::kernel::fuzz
