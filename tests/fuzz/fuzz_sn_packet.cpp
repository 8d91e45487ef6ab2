// MQTT-SN datagrams, bare and in a forwarder's wrapper: what is read lies within the datagram and
// accounts for every octet of it, and the messages that the gateway writes read as they were.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "check.hpp"
#include "emqx_sn/encode.hpp"
#include "emqx_sn/forwarder.hpp"
#include "emqx_sn/packet.hpp"

namespace {

using sn::Packet, sn::ReturnCode, sn::Type;

bool within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// Octets of the fields that come before `text`, by type.
std::size_t fields(const Packet& p) {
  switch (p.type) {
    case Type::searchgw:
    case Type::gwinfo:
    case Type::connack:
    case Type::willtopicresp:
    case Type::willmsgresp:
      return 1;
    case Type::willtopic:
    case Type::willtopicupd:
      return p.empty ? 0 : 1;
    case Type::pubcomp:
    case Type::pubrec:
    case Type::pubrel:
    case Type::unsuback:
      return 2;
    case Type::advertise:
      return 3;
    case Type::subscribe:
    case Type::unsubscribe:
      return p.flags.id_type == sn::IdType::predefined || p.flags.id_type == sn::IdType::short_name
                 ? 5
                 : 3;
    case Type::connect:
    case Type::reg:
      return 4;
    case Type::regack:
    case Type::puback:
    case Type::publish:
      return 5;
    case Type::suback:
      return 6;
    default:
      return 0;
  }
}

void same(const Packet& a, const Packet& b) {
  FUZZ_CHECK(a.type == b.type && a.flags.octet() == b.flags.octet() && a.code == b.code);
  FUZZ_CHECK(a.protocol_id == b.protocol_id && a.gateway_id == b.gateway_id);
  FUZZ_CHECK(a.radius == b.radius && a.duration == b.duration && a.topic_id == b.topic_id);
  FUZZ_CHECK(a.msg_id == b.msg_id && a.empty == b.empty && a.text == b.text);
}

// The same message as the gateway would write it; false: it writes no such thing.
bool head_of(const Packet& p, sn::Head& out) {
  const auto code = static_cast<ReturnCode>(p.code);
  switch (p.type) {
    case Type::advertise:
      out = sn::advertise(p.gateway_id, p.duration);
      return true;
    case Type::gwinfo:
      out = sn::gwinfo(p.gateway_id);
      return p.text.empty();
    case Type::connack:
      out = sn::connack(code);
      return true;
    case Type::willtopicreq:
      out = sn::willtopicreq();
      return true;
    case Type::willmsgreq:
      out = sn::willmsgreq();
      return true;
    case Type::willtopicresp:
      out = sn::willtopicresp(code);
      return true;
    case Type::willmsgresp:
      out = sn::willmsgresp(code);
      return true;
    case Type::reg:
      out = sn::reg(p.topic_id, p.msg_id, p.text.size());
      return true;
    case Type::regack:
      out = sn::regack(p.topic_id, p.msg_id, code);
      return true;
    case Type::publish:
      out = sn::publish(p.flags, p.topic_id, p.msg_id, p.text.size());
      return !p.flags.will && !p.flags.clean;
    case Type::puback:
      out = sn::puback(p.topic_id, p.msg_id, code);
      return true;
    case Type::pubrec:
      out = sn::pubrec(p.msg_id);
      return true;
    case Type::pubrel:
      out = sn::pubrel(p.msg_id);
      return true;
    case Type::pubcomp:
      out = sn::pubcomp(p.msg_id);
      return true;
    case Type::suback:
      out = sn::suback(static_cast<std::uint8_t>(p.flags.qos), p.topic_id, p.msg_id, code);
      return (p.flags.octet() & ~0x60) == 0;
    case Type::unsuback:
      out = sn::unsuback(p.msg_id);
      return true;
    case Type::pingresp:
      out = sn::pingresp();
      return true;
    case Type::disconnect:
      out = sn::disconnect();
      return p.duration == 0;
    default:
      return false;
  }
}

void message(std::string_view datagram) {
  Packet packet;
  if (!sn::decode(datagram, packet)) return;
  FUZZ_CHECK(within(packet.text, datagram));
  FUZZ_CHECK(std::strcmp(sn::name(packet.type), "RESERVED") != 0);
  const std::size_t header = datagram[0] == 1 ? 4 : 2;
  // All but the duration of DISCONNECT, which may be there or not.
  if (packet.type != Type::disconnect) {
    FUZZ_CHECK(header + fields(packet) + packet.text.size() == datagram.size());
  }

  sn::Head head;
  if (!head_of(packet, head)) return;
  const std::string again = std::string(head.view()).append(packet.text);
  Packet read;
  FUZZ_CHECK(sn::decode(again, read));
  same(read, packet);
  FUZZ_CHECK((again[0] == 1) == (again.size() > 255));
  const bool shortest = datagram.size() == again.size();
  FUZZ_CHECK(!shortest || again == datagram);
  if (packet.type == Type::publish) {
    FUZZ_CHECK(sn::publish_size(packet.text.size()) == again.size());
  }
  if (packet.type == Type::reg) FUZZ_CHECK(sn::register_size(packet.text.size()) == again.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A block without slack, so that every octet read too far is seen.
  const std::unique_ptr<char[]> block(new char[size]);
  if (size != 0) std::memcpy(block.get(), data, size);
  const std::string_view datagram(block.get(), size);

  sn::Encapsulated outer;
  if (sn::unwrap(datagram, outer)) {
    FUZZ_CHECK(sn::is_encapsulated(datagram) && !sn::is_encapsulated(outer.inner));
    FUZZ_CHECK(within(outer.node, datagram) && within(outer.inner, datagram));
    FUZZ_CHECK(outer.node.size() <= sn::kMaxNodeId && !outer.inner.empty());
    FUZZ_CHECK(3 + outer.node.size() + outer.inner.size() == size);
    const std::string again =
        std::string(sn::wrap(outer.node, outer.radius).view()).append(outer.inner);
    sn::Encapsulated read;
    FUZZ_CHECK(sn::unwrap(again, read));
    FUZZ_CHECK(read.radius == outer.radius && read.node == outer.node && read.inner == outer.inner);
    Packet packet;
    FUZZ_CHECK(!sn::decode(datagram, packet));
    message(outer.inner);
  } else {
    message(datagram);
  }
  return 0;
}
