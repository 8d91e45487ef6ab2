#include "kernel/plugin/session_client.hpp"

#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

// Notes what is to be answered, under an id that is free.
std::uint16_t SessionClient::expect(PacketType answer, std::uint64_t token) {
  while (next_id_ == 0 || waiting_.find(next_id_)) ++next_id_;
  waiting_.insert({token, next_id_, answer});
  return next_id_++;
}

SessionClient::Sent SessionClient::publish(OutBuffer& out, const PublishView& publish,
                                           std::uint64_t token) {
  if (publish.qos > 0 && waiting_.size() >= kMaxUnderWay) return Sent::full;
  PublishFields fields;
  fields.topic = publish.topic;
  fields.payload = publish.payload;
  fields.properties = publish.properties;
  fields.qos = publish.qos;
  fields.retain = publish.retain;
  fields.expiry_s = publish.expiry_s;
  const std::size_t size = publish_size(Version::v5, fields);
  if (size > kMaxPacketSize || (max_packet_ != 0 && size > max_packet_)) return Sent::too_large;
  if (publish.qos > 0)
    fields.packet_id = expect(publish.qos == 1 ? PacketType::puback : PacketType::pubcomp, token);
  encode_publish(out, Version::v5, fields, {});
  return Sent::ok;
}

SessionClient::Sent SessionClient::subscribe(OutBuffer& out, std::span<const FilterView> filters,
                                             std::uint64_t token) {
  if (waiting_.size() >= kMaxUnderWay) return Sent::full;
  encode_subscribe(out, expect(PacketType::suback, token), filters);
  return Sent::ok;
}

SessionClient::Sent SessionClient::unsubscribe(OutBuffer& out, std::span<const Bytes> filters,
                                               std::uint64_t token) {
  if (waiting_.size() >= kMaxUnderWay) return Sent::full;
  encode_unsubscribe(out, expect(PacketType::unsuback, token), filters);
  return Sent::ok;
}

SessionClient::Delivered* SessionClient::delivery(std::uint32_t id) {
  return id <= 65535 ? deliveries_.find(static_cast<std::uint16_t>(id)) : nullptr;
}

bool SessionClient::received(OutBuffer& out, std::uint32_t id) {
  Delivered* const found = delivery(id);
  if (!found) return false;
  if (found->stage == Stage::received || found->stage == Stage::released) return true;
  if (found->stage != Stage::qos2) return false;
  found->stage = Stage::received;
  encode_ack(out, Version::v5, PacketType::pubrec, found->id);
  return true;
}

bool SessionClient::ack(OutBuffer& out, std::uint32_t id, Reason reason) {
  Delivered* const found = delivery(id);
  if (!found) return false;
  const std::uint16_t packet_id = found->id;
  switch (found->stage) {
    case Stage::qos1:
      encode_ack(out, Version::v5, PacketType::puback, packet_id, reason);
      deliveries_.erase(packet_id);
      return true;
    case Stage::qos2:
      encode_ack(out, Version::v5, PacketType::pubrec, packet_id, reason);
      if (is_error(reason))
        deliveries_.erase(packet_id);  // no PUBREL follows a refusal [MQTT5 4.3.3]
      else
        found->stage = Stage::completed;
      return true;
    case Stage::received:
      found->stage = Stage::completed;
      return true;
    case Stage::released:
      encode_ack(out, Version::v5, PacketType::pubcomp, packet_id);
      deliveries_.erase(packet_id);
      return true;
    case Stage::completed:
      return false;
  }
  return false;
}

std::size_t SessionClient::on_data(OutBuffer& out, Bytes bytes, SessionEvents& events,
                                   const bool& stop) {
  Round round{out, events};
  std::size_t taken = 0;
  while (!stop && !broken_) {
    FixedHeader header;
    const HeaderStatus status = parse_header(bytes.substr(taken), header, Version::v5);
    if (status == HeaderStatus::malformed) broken_ = true;
    if (status != HeaderStatus::ok) break;
    if (bytes.size() - taken < std::size_t{header.size} + header.remaining) break;
    const Bytes body = bytes.substr(taken + header.size, header.remaining);
    taken += header.size + header.remaining;
    if (header.type != PacketType::publish) flush_deliveries(round);
    if (!stop) handle(round, header, body);
  }
  if (!stop) flush_deliveries(round);
  return taken;
}

void SessionClient::handle(Round& round, const FixedHeader& header, Bytes body) {
  switch (header.type) {
    case PacketType::publish:
      return take_publish(round, header, body);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubcomp:
      return take_ack(round, header.type, body);
    case PacketType::pubrel:
      return take_pubrel(round, body);
    case PacketType::suback:
    case PacketType::unsuback:
      return take_suback(round, body);
    case PacketType::connack: {
      ConnackView connack;
      if (parse_connack(body, connack)) {
        broken_ = true;
        return;
      }
      max_packet_ = connack.maximum_packet_size;
      return round.tell().on_connack(connack);
    }
    case PacketType::disconnect: {
      Reason reason{};
      broken_ = static_cast<bool>(parse_server_disconnect(body, reason));
      return round.tell().on_disconnect(reason);
    }
    case PacketType::pingresp:
      return round.tell().on_pingresp();
    default:
      broken_ = true;
  }
}

void SessionClient::take_publish(Round& round, const FixedHeader& header, Bytes body) {
  SessionEvents::Delivery& delivery = round.batch.emplace_back();
  if (parse_publish(body, header.flags, Version::v5, delivery.publish, delivery.properties)) {
    round.batch.pop_back();
    broken_ = true;
    return;
  }
  const std::uint16_t id = delivery.publish.packet_id;
  delivery.id = id;
  if (delivery.publish.qos > 0) {
    const Delivered* const known = deliveries_.find(id);
    if (!known) {
      deliveries_.insert({id, delivery.publish.qos == 1 ? Stage::qos1 : Stage::qos2});
    } else if (delivery.publish.qos == 2 && known->stage != Stage::qos2) {
      // The device has it; the broker asks again.
      encode_ack(round.out, Version::v5, PacketType::pubrec, id);
      round.batch.pop_back();
      return;
    }
  }
  if (round.batch.size() == kBatch) flush_deliveries(round);
}

// One at a time the views stay valid, as they point into the bytes that are being read. A short
// string moves with its vector, so what lies in `properties` is looked up again.
void SessionClient::flush_deliveries(Round& round) {
  if (round.batch.empty()) return;
  for (SessionEvents::Delivery& each : round.batch)
    if (!each.properties.empty()) each.publish.properties = each.properties;
  round.tell().on_deliveries(round.batch);
  round.batch.clear();
}

void SessionClient::take_ack(Round& round, PacketType type, Bytes body) {
  AckView ack;
  if (parse_ack(body, Version::v5, type, ack)) {
    broken_ = true;
    return;
  }
  const Waiting* const found = waiting_.find(ack.packet_id);
  if (!found) return;
  if (type == PacketType::pubrec && !is_error(ack.reason)) {
    encode_ack(round.out, Version::v5, PacketType::pubrel, ack.packet_id);
    return;
  }
  if (type != found->answer && type != PacketType::pubrec) return;
  const std::uint64_t token = found->token;
  waiting_.erase(ack.packet_id);
  round.tell().on_published(token, ack.reason);
}

void SessionClient::take_pubrel(Round& round, Bytes body) {
  AckView ack;
  if (parse_ack(body, Version::v5, PacketType::pubrel, ack)) {
    broken_ = true;
    return;
  }
  Delivered* const found = deliveries_.find(ack.packet_id);
  if (found && found->stage != Stage::completed) {
    found->stage = Stage::released;  // PUBCOMP when the device is done
    return;
  }
  deliveries_.erase(ack.packet_id);
  encode_ack(round.out, Version::v5, PacketType::pubcomp, ack.packet_id);
}

void SessionClient::take_suback(Round& round, Bytes body) {
  SubackView suback;
  if (parse_suback(body, suback)) {
    broken_ = true;
    return;
  }
  const Waiting* const found = waiting_.find(suback.packet_id);
  if (!found) return;
  const std::uint64_t token = found->token;
  waiting_.erase(suback.packet_id);
  round.tell().on_suback(token, suback.reasons);
}

}  // namespace keel::kernel
