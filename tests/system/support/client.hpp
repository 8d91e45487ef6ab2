// A blocking MQTT client for tests: it sends exactly what it is told, and hands over exactly what
// comes. Everything it expects and does not get within the deadline ends the test with the caller's
// line.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "tests/system/support/packet.hpp"
#include "tests/system/support/socket.hpp"
#include "tests/system/support/wait.hpp"

namespace keel::test {

class Client {
 public:
  explicit Client(const Endpoint& endpoint, Version version = Version::v311)
      : socket_{endpoint}, version_{version} {}

  // Connects and requires that the broker accepts; `connack` holds its answer.
  static Client accepted(const Endpoint& endpoint, const Connect& connect, At at = At::current());

  Version version() const { return version_; }
  bool v5() const { return version_ == Version::v5; }
  Socket& socket() { return socket_; }
  const Packet& connack() const { return connack_; }

  // Raw bytes. Whether the peer still takes them is no matter here: the answer tells.
  void send(std::string_view bytes) { socket_.send(bytes); }
  void send(const Publish& publish) { send(encode(version_, publish)); }
  void send_ack(Type type, std::uint16_t id, std::uint8_t reason = 0) {
    send(encode_ack(version_, type, id, reason));
  }

  Packet connect(const Connect& connect, At at = At::current());  // answers the CONNACK

  Packet receive(At at = At::current());  // the next packet of any type
  Packet expect(Type type, At at = At::current());
  // The next packet that is no PUBLISH; publishes that come before it are kept for later.
  Packet expect_reply(Type type, At at = At::current());
  Packet expect_publish(const std::string& topic, const std::string& payload,
                        At at = At::current());
  // expect_publish, of this QoS, and the acknowledgements that it wants.
  Packet take(const std::string& topic, const std::string& payload, std::uint8_t qos = 0,
              At at = At::current());
  void acknowledge(const Packet& publish, At at = At::current());

  void expect_closed(At at = At::current());
  // v5: a DISCONNECT with this reason, then the end. v3: the end.
  void expect_ended(std::uint8_t reason, At at = At::current());
  // Nothing is on its way from what this connection caused: a ping's answer comes next.
  void expect_nothing(At at = At::current());
  // Nothing came from anything `publisher` did before: a message it sends now comes next.
  void expect_nothing_from(Client& publisher, At at = At::current());

  void ping(At at = At::current());
  Packet subscribe_to(const std::vector<Filter>& filters, const Props& props = {},
                      At at = At::current());  // the SUBACK
  Packet subscribe(const std::string& filter, std::uint8_t qos = 0, At at = At::current()) {
    return subscribe_to({Filter{filter, qos}}, {}, at);
  }
  Packet unsubscribe(const std::vector<std::string>& filters, At at = At::current());
  // With the acknowledgements of its QoS; answers PUBACK or PUBREC, an empty packet for QoS 0.
  Packet publish(Publish publish, At at = At::current());
  Packet publish(const std::string& topic, const std::string& payload, std::uint8_t qos = 0,
                 bool retain = false, At at = At::current()) {
    return publish(Publish{topic, payload, qos, retain}, at);
  }

  // DISCONNECT; returns when the broker has closed, and so has taken note.
  void disconnect(std::uint8_t reason = 0, const Props& props = {});
  void drop() { socket_.close(); }   // closed without DISCONNECT
  void reset() { socket_.reset(); }  // the same, with RST

  std::uint16_t next_id() { return ++last_id_ == 0 ? ++last_id_ : last_id_; }

 private:
  Packet read(At at);

  Socket socket_;
  Version version_;
  std::uint16_t last_id_ = 0;
  std::string buffer_;
  std::deque<Packet> kept_;
  Packet connack_;
};

}  // namespace keel::test
