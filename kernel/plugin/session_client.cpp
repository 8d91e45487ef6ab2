#include "kernel/plugin/session_client.hpp"

#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

std::uint16_t SessionClient::free_id() {
  while (waiting_.contains(next_id_) || next_id_ == 0) ++next_id_;
  return next_id_++;
}

SessionClient::Sent SessionClient::publish(const PublishView& publish, std::uint64_t token) {
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
  if (publish.qos > 0) {
    fields.packet_id = free_id();
    waiting_[fields.packet_id] = {token,
                                  publish.qos == 1 ? PacketType::puback : PacketType::pubcomp};
  }
  encode_publish(out_, Version::v5, fields, {});
  return Sent::ok;
}

SessionClient::Sent SessionClient::subscribe(std::span<const FilterView> filters,
                                             std::uint64_t token) {
  if (waiting_.size() >= kMaxUnderWay) return Sent::full;
  const std::uint16_t id = free_id();
  waiting_[id] = {token, PacketType::suback};
  encode_subscribe(out_, id, filters);
  return Sent::ok;
}

SessionClient::Sent SessionClient::unsubscribe(std::span<const Bytes> filters,
                                               std::uint64_t token) {
  if (waiting_.size() >= kMaxUnderWay) return Sent::full;
  const std::uint16_t id = free_id();
  waiting_[id] = {token, PacketType::unsuback};
  encode_unsubscribe(out_, id, filters);
  return Sent::ok;
}

bool SessionClient::received(std::uint32_t id) {
  const auto found = deliveries_.find(static_cast<std::uint16_t>(id));
  if (id == 0 || id > 65535 || found == deliveries_.end()) return false;
  if (found->second == Stage::received || found->second == Stage::released) return true;
  if (found->second != Stage::qos2) return false;
  found->second = Stage::received;
  encode_ack(out_, Version::v5, PacketType::pubrec, found->first);
  return true;
}

bool SessionClient::ack(std::uint32_t id, Reason reason) {
  const auto found = deliveries_.find(static_cast<std::uint16_t>(id));
  if (id == 0 || id > 65535 || found == deliveries_.end()) return false;
  const std::uint16_t packet_id = found->first;
  switch (found->second) {
    case Stage::qos1:
      encode_ack(out_, Version::v5, PacketType::puback, packet_id, reason);
      deliveries_.erase(found);
      return true;
    case Stage::qos2:
      encode_ack(out_, Version::v5, PacketType::pubrec, packet_id, reason);
      if (is_error(reason))
        deliveries_.erase(found);  // no PUBREL follows a refusal [MQTT5 4.3.3]
      else
        found->second = Stage::completed;
      return true;
    case Stage::received:
      found->second = Stage::completed;
      return true;
    case Stage::released:
      encode_ack(out_, Version::v5, PacketType::pubcomp, packet_id);
      deliveries_.erase(found);
      return true;
    case Stage::completed:
      return false;
  }
  return false;
}

std::size_t SessionClient::on_data(Bytes bytes, const bool& stop) {
  std::size_t taken = 0;
  while (!stop && !broken_) {
    FixedHeader header;
    const HeaderStatus status = parse_header(bytes.substr(taken), header, Version::v5);
    if (status == HeaderStatus::malformed) broken_ = true;
    if (status != HeaderStatus::ok) break;
    if (bytes.size() - taken < std::size_t{header.size} + header.remaining) break;
    const Bytes body = bytes.substr(taken + header.size, header.remaining);
    taken += header.size + header.remaining;
    if (header.type != PacketType::publish) flush_deliveries();
    if (!stop) handle(header, body);
  }
  if (!stop) flush_deliveries();
  batch_.clear();
  return taken;
}

void SessionClient::handle(const FixedHeader& header, Bytes body) {
  switch (header.type) {
    case PacketType::publish:
      return take_publish(header, body);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubcomp:
      return take_ack(header.type, body);
    case PacketType::pubrel:
      return take_pubrel(body);
    case PacketType::suback:
    case PacketType::unsuback:
      return take_suback(body);
    case PacketType::connack: {
      ConnackView connack;
      if (parse_connack(body, connack)) {
        broken_ = true;
        return;
      }
      max_packet_ = connack.maximum_packet_size;
      return events_.on_connack(connack);
    }
    case PacketType::disconnect: {
      Reason reason{};
      broken_ = static_cast<bool>(parse_server_disconnect(body, reason));
      return events_.on_disconnect(reason);
    }
    case PacketType::pingresp:
      return events_.on_pingresp();
    default:
      broken_ = true;
  }
}

void SessionClient::take_publish(const FixedHeader& header, Bytes body) {
  SessionEvents::Delivery& delivery = batch_.emplace_back();
  if (parse_publish(body, header.flags, Version::v5, delivery.publish, delivery.properties)) {
    batch_.pop_back();
    broken_ = true;
    return;
  }
  delivery.id = delivery.publish.packet_id;
  if (delivery.publish.qos > 0) {
    const auto [known, fresh] = deliveries_.try_emplace(
        delivery.publish.packet_id, delivery.publish.qos == 1 ? Stage::qos1 : Stage::qos2);
    if (!fresh && delivery.publish.qos == 2 && known->second != Stage::qos2) {
      // The device has it; the broker asks again.
      encode_ack(out_, Version::v5, PacketType::pubrec, delivery.publish.packet_id);
      batch_.pop_back();
      return;
    }
  }
  if (batch_.size() == kBatch) flush_deliveries();
}

// One at a time the views stay valid, as they point into the bytes that are being read. A short
// string moves with its vector, so what lies in `properties` is looked up again.
void SessionClient::flush_deliveries() {
  if (batch_.empty()) return;
  for (SessionEvents::Delivery& each : batch_)
    if (!each.properties.empty()) each.publish.properties = each.properties;
  events_.on_deliveries(batch_);
  batch_.clear();
}

void SessionClient::take_ack(PacketType type, Bytes body) {
  AckView ack;
  if (parse_ack(body, Version::v5, type, ack)) {
    broken_ = true;
    return;
  }
  const auto found = waiting_.find(ack.packet_id);
  if (found == waiting_.end()) return;
  if (type == PacketType::pubrec && !is_error(ack.reason)) {
    encode_ack(out_, Version::v5, PacketType::pubrel, ack.packet_id);
    return;
  }
  if (type == found->second.answer || type == PacketType::pubrec) finish(ack.packet_id, ack.reason);
}

void SessionClient::finish(std::uint16_t id, Reason reason) {
  const std::uint64_t token = waiting_.at(id).token;
  waiting_.erase(id);
  events_.on_published(token, reason);
}

void SessionClient::take_pubrel(Bytes body) {
  AckView ack;
  if (parse_ack(body, Version::v5, PacketType::pubrel, ack)) {
    broken_ = true;
    return;
  }
  const auto found = deliveries_.find(ack.packet_id);
  if (found != deliveries_.end() && found->second != Stage::completed) {
    found->second = Stage::released;  // PUBCOMP when the device is done
    return;
  }
  if (found != deliveries_.end()) deliveries_.erase(found);
  encode_ack(out_, Version::v5, PacketType::pubcomp, ack.packet_id);
}

void SessionClient::take_suback(Bytes body) {
  SubackView suback;
  if (parse_suback(body, suback)) {
    broken_ = true;
    return;
  }
  const auto found = waiting_.find(suback.packet_id);
  if (found == waiting_.end()) return;
  const std::uint64_t token = found->second.token;
  waiting_.erase(found);
  events_.on_suback(token, suback.reasons);
}

}  // namespace keel::kernel
