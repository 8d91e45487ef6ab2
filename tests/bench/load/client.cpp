#include "client.hpp"

namespace keel::load {
namespace {

constexpr std::uint16_t kSubscribeId = 65'535;  // who subscribes does not publish

}  // namespace

Client::Client(Loop& loop, const Target& target, const ClientSettings& settings,
               std::uint32_t index, ClientEvents& events)
    : Connection(loop, target, index), events_(events), index_(index), version_(settings.version) {
  put_connect(out(), {settings.version, settings.id, settings.clean, settings.session_expiry,
                      settings.username, settings.password});
}

void Client::subscribe(std::string_view filter, std::uint8_t qos) {
  put_subscribe(out(), version_, kSubscribeId, filter, qos);
}

void Client::subscribe(const Filters& filters) {
  put_subscribe(out(), version_, kSubscribeId, filters);
}

void Client::publish(std::string_view topic, std::uint8_t qos, bool retain, std::string_view head,
                     std::string_view tail) {
  PublishFields fields{version_, qos, retain, 0, topic};
  if (qos > 0) {
    fields.id = next_id_;
    next_id_ = after(next_id_);
    ++unacknowledged_;
  }
  put_publish(out(), fields, head, tail);
}

void Client::on_bytes(std::string_view& bytes) {
  try {
    for (Frame frame; open() && take_frame(bytes, frame);) on_frame(frame);
  } catch (const WireError& error) {
    close();
    on_closed(error.what());
  }
}

void Client::on_closed(std::string_view why) { events_.closed(*this, why); }

void Client::on_frame(const Frame& frame) {
  switch (frame.type) {
    case Packet::publish:
      return on_publish(frame);
    case Packet::puback:
    case Packet::pubcomp:
      return on_final_ack(frame);
    case Packet::pubrec: {
      const Ack ack = read_ack(frame);
      if (ack.code >= 0x80) return on_final_ack(frame);
      return put_ack(out(), Packet::pubrel, ack.id);
    }
    case Packet::pubrel:
      return put_ack(out(), Packet::pubcomp, read_ack(frame).id);
    case Packet::connack: {
      const Connack connack = read_connack(frame, version_);
      receive_maximum_ = connack.receive_maximum;
      ready_ = connack.code == 0;
      return events_.connected(*this, connack);
    }
    case Packet::suback:
      return events_.subscribed(*this, read_suback(frame, version_).code);
    case Packet::pingresp:
      return events_.pong(*this);
    case Packet::disconnect:
      throw WireError("the broker sent DISCONNECT");
    default:
      throw WireError("a packet that no broker sends");
  }
}

void Client::on_publish(const Frame& frame) {
  const Message message = read_message(frame, version_);
  if (message.qos > 0)
    put_ack(out(), message.qos == 1 ? Packet::puback : Packet::pubrec, message.id);
  events_.message(*this, message);
}

void Client::on_final_ack(const Frame& frame) {
  const Ack ack = read_ack(frame);
  if (unacknowledged_ == 0) throw WireError("an acknowledgement of nothing");
  --unacknowledged_;
  if (ack.id != next_ack_) ++disordered_;
  next_ack_ = after(ack.id);
  events_.published(*this, ack.code);
}

}  // namespace keel::load
