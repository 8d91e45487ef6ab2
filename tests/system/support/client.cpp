#include "tests/system/support/client.hpp"

#include <atomic>

namespace keel::test {

Client Client::accepted(const Endpoint& endpoint, const Connect& connect, At at) {
  Client client{endpoint, connect.version};
  const Packet connack = client.connect(connect, at);
  if (connack.reason != 0) {
    fail(at, "CONNECT was refused with code " + std::to_string(connack.reason));
  }
  return client;
}

Packet Client::connect(const Connect& connect, At at) {
  version_ = connect.version;
  send(encode(connect));
  connack_ = expect(Type::connack, at);
  return connack_;
}

Packet Client::read(At at) {
  const Deadline deadline;
  for (;;) {
    if (const std::size_t size = packet_size(buffer_)) {
      Packet packet;
      try {
        packet = decode(version_, std::string_view{buffer_}.substr(0, size));
      } catch (const std::exception& error) {
        fail(at, error.what());
      }
      buffer_.erase(0, size);
      return packet;
    }
    switch (socket_.receive(buffer_, deadline)) {
      case Socket::Read::data:
        break;
      case Socket::Read::timeout:
        fail(at, "nothing came in time");
      case Socket::Read::closed:
        fail(at, "the broker closed the connection");
    }
  }
}

Packet Client::receive(At at) {
  if (kept_.empty()) return read(at);
  Packet packet = std::move(kept_.front());
  kept_.pop_front();
  return packet;
}

Packet Client::expect(Type type, At at) {
  Packet packet = receive(at);
  if (packet.type != type) {
    fail(at, "wanted " + std::string{type_name(type)} + ", got " + describe(packet));
  }
  return packet;
}

Packet Client::expect_reply(Type type, At at) {
  for (;;) {
    Packet packet = read(at);
    if (packet.type == type) return packet;
    if (packet.type != Type::publish) {
      fail(at, "wanted " + std::string{type_name(type)} + ", got " + describe(packet));
    }
    kept_.push_back(std::move(packet));
  }
}

Packet Client::expect_publish(const std::string& topic, const std::string& payload, At at) {
  Packet packet = expect(Type::publish, at);
  if (packet.topic != topic || packet.payload != payload) {
    fail(at, "wanted PUBLISH topic=" + topic + " payload=" + payload.substr(0, 64) + ", got " +
                 describe(packet));
  }
  return packet;
}

Packet Client::take(const std::string& topic, const std::string& payload, std::uint8_t qos, At at) {
  Packet packet = expect_publish(topic, payload, at);
  if (packet.qos != qos)
    fail(at, "wanted QoS " + std::to_string(qos) + ", got " + describe(packet));
  acknowledge(packet, at);
  return packet;
}

void Client::acknowledge(const Packet& publish, At at) {
  if (publish.qos == 1) send_ack(Type::puback, publish.id);
  if (publish.qos < 2) return;
  send_ack(Type::pubrec, publish.id);
  if (expect_reply(Type::pubrel, at).id != publish.id) fail(at, "PUBREL for another packet id");
  send_ack(Type::pubcomp, publish.id);
}

void Client::expect_closed(At at) {
  if (!kept_.empty()) fail(at, "wanted the end, got " + describe(kept_.front()));
  const Deadline deadline;
  for (;;) {
    if (packet_size(buffer_) > 0) fail(at, "wanted the end, got " + describe(read(at)));
    switch (socket_.receive(buffer_, deadline)) {
      case Socket::Read::data:
        break;
      case Socket::Read::timeout:
        fail(at, "the broker did not close the connection");
      case Socket::Read::closed:
        if (!buffer_.empty()) fail(at, "the connection ended amid a packet");
        return;
    }
  }
}

void Client::expect_ended(std::uint8_t reason, At at) {
  if (v5()) {
    const Packet packet = expect(Type::disconnect, at);
    if (packet.reason != reason) {
      fail(at, "wanted DISCONNECT " + std::to_string(reason) + ", got " + describe(packet));
    }
  }
  expect_closed(at);
}

void Client::ping(At at) {
  send(encode_pingreq());
  expect_reply(Type::pingresp, at);
}

void Client::expect_nothing(At at) {
  if (!kept_.empty()) fail(at, "wanted nothing, got " + describe(kept_.front()));
  send(encode_pingreq());
  const Packet packet = read(at);
  if (packet.type != Type::pingresp) fail(at, "wanted nothing, got " + describe(packet));
}

void Client::expect_nothing_from(Client& publisher, At at) {
  static std::atomic<unsigned> count{0};
  const std::string topic = "sentinel/" + std::to_string(++count);
  subscribe(topic, 0, at);
  if (!kept_.empty()) fail(at, "wanted nothing, got " + describe(kept_.front()));
  publisher.publish(topic, "sentinel");
  const Packet packet = read(at);
  if (packet.type != Type::publish || packet.topic != topic) {
    fail(at, "wanted nothing, got " + describe(packet));
  }
  unsubscribe({topic}, at);
}

Packet Client::subscribe_to(const std::vector<Filter>& filters, const Props& props, At at) {
  const std::uint16_t id = next_id();
  send(encode_subscribe(version_, id, filters, props));
  Packet packet = expect_reply(Type::suback, at);
  if (packet.id != id) fail(at, "SUBACK for another packet id");
  if (packet.codes.size() != filters.size()) fail(at, "SUBACK without one code per filter");
  return packet;
}

Packet Client::unsubscribe(const std::vector<std::string>& filters, At at) {
  const std::uint16_t id = next_id();
  send(encode_unsubscribe(version_, id, filters));
  Packet packet = expect_reply(Type::unsuback, at);
  if (packet.id != id) fail(at, "UNSUBACK for another packet id");
  if (v5() && packet.codes.size() != filters.size())
    fail(at, "UNSUBACK without one code per filter");
  return packet;
}

Packet Client::publish(Publish publish, At at) {
  if (publish.qos > 0 && publish.id == 0) publish.id = next_id();
  send(publish);
  if (publish.qos == 0) return {};
  Packet packet = expect_reply(publish.qos == 1 ? Type::puback : Type::pubrec, at);
  if (packet.id != publish.id) fail(at, "acknowledgement for another packet id");
  if (publish.qos == 2 && packet.reason < 0x80) {
    send_ack(Type::pubrel, publish.id);
    if (expect_reply(Type::pubcomp, at).id != publish.id) fail(at, "PUBCOMP for another packet id");
  }
  return packet;
}

void Client::disconnect(std::uint8_t reason, const Props& props) {
  send(encode_disconnect(version_, reason, props));
  std::string ignored;
  const Deadline deadline;
  while (socket_.receive(ignored, deadline) == Socket::Read::data) {
  }
  socket_.close();
}

}  // namespace keel::test
