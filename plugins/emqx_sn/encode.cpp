#include "emqx_sn/encode.hpp"

namespace sn {
namespace {

constexpr std::size_t kShortHeader = 2, kLongHeader = 4, kMaxShort = 255;
constexpr std::size_t kPublishFields = 5, kRegisterFields = 4;

std::size_t whole(std::size_t body) {
  return body + (body + kShortHeader <= kMaxShort ? kShortHeader : kLongHeader);
}

// Writes a head from front to back.
class Writer {
 public:
  // `body`: octets behind the header, with the data that is not part of the head.
  Writer(Type type, std::size_t body) {
    const std::size_t size = whole(body);
    if (size <= kMaxShort) {
      octet(static_cast<std::uint8_t>(size));
    } else {
      octet(1).number(static_cast<std::uint16_t>(size));
    }
    octet(static_cast<std::uint8_t>(type));
  }

  Writer& octet(std::uint8_t value) {
    head_.octets[head_.size++] = static_cast<char>(value);
    return *this;
  }
  Writer& number(std::uint16_t value) {
    return octet(static_cast<std::uint8_t>(value >> 8)).octet(static_cast<std::uint8_t>(value));
  }
  Writer& code(ReturnCode value) { return octet(static_cast<std::uint8_t>(value)); }

  operator Head() const { return head_; }

 private:
  Head head_{};
};

Head only_msg_id(Type type, std::uint16_t msg_id) { return Writer(type, 2).number(msg_id); }
Head only_code(Type type, ReturnCode code) { return Writer(type, 1).code(code); }
Head topic_ack(Type type, std::uint16_t topic_id, std::uint16_t msg_id, ReturnCode code) {
  return Writer(type, 5).number(topic_id).number(msg_id).code(code);
}

}  // namespace

Head advertise(std::uint8_t gateway_id, std::uint16_t duration_s) {
  return Writer(Type::advertise, 3).octet(gateway_id).number(duration_s);
}
Head gwinfo(std::uint8_t gateway_id) { return Writer(Type::gwinfo, 1).octet(gateway_id); }
Head connack(ReturnCode code) { return only_code(Type::connack, code); }
Head willtopicreq() { return Writer(Type::willtopicreq, 0); }
Head willmsgreq() { return Writer(Type::willmsgreq, 0); }
Head willtopicresp(ReturnCode code) { return only_code(Type::willtopicresp, code); }
Head willmsgresp(ReturnCode code) { return only_code(Type::willmsgresp, code); }

Head reg(std::uint16_t topic_id, std::uint16_t msg_id, std::size_t name_size) {
  return Writer(Type::reg, kRegisterFields + name_size).number(topic_id).number(msg_id);
}
Head regack(std::uint16_t topic_id, std::uint16_t msg_id, ReturnCode code) {
  return topic_ack(Type::regack, topic_id, msg_id, code);
}

Head publish(const Flags& flags, std::uint16_t topic_id, std::uint16_t msg_id,
             std::size_t data_size) {
  Flags sent;
  sent.dup = flags.dup;
  sent.qos = flags.qos;
  sent.retain = flags.retain;
  sent.id_type = flags.id_type;
  return Writer(Type::publish, kPublishFields + data_size)
      .octet(sent.octet())
      .number(topic_id)
      .number(msg_id);
}

Head puback(std::uint16_t topic_id, std::uint16_t msg_id, ReturnCode code) {
  return topic_ack(Type::puback, topic_id, msg_id, code);
}
Head pubrec(std::uint16_t msg_id) { return only_msg_id(Type::pubrec, msg_id); }
Head pubrel(std::uint16_t msg_id) { return only_msg_id(Type::pubrel, msg_id); }
Head pubcomp(std::uint16_t msg_id) { return only_msg_id(Type::pubcomp, msg_id); }

Head suback(std::uint8_t qos, std::uint16_t topic_id, std::uint16_t msg_id, ReturnCode code) {
  Flags granted;
  granted.qos = static_cast<std::int8_t>(qos);
  return Writer(Type::suback, 6).octet(granted.octet()).number(topic_id).number(msg_id).code(code);
}

Head unsuback(std::uint16_t msg_id) { return only_msg_id(Type::unsuback, msg_id); }
Head pingresp() { return Writer(Type::pingresp, 0); }
Head disconnect() { return Writer(Type::disconnect, 0); }

std::size_t publish_size(std::size_t data_size) { return whole(kPublishFields + data_size); }
std::size_t register_size(std::size_t name_size) { return whole(kRegisterFields + name_size); }

}  // namespace sn
