// What a client inside the broker writes is what the broker's decoder reads, and the other way
// round.
#include <doctest/doctest.h>

#include <string>

#include "kernel/codec/client_packets.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/encoder.hpp"

using namespace keel::kernel;

namespace {

// The only packet in `out`: its header and its body, in `text`.
Bytes packet(const OutBuffer& out, std::string& text, FixedHeader& header) {
  iovec parts[8];
  const int n = out.gather(parts, 8);
  text.clear();
  for (int i = 0; i < n; ++i) text.append(static_cast<char*>(parts[i].iov_base), parts[i].iov_len);
  REQUIRE(parse_header(text, header, Version::v5) == HeaderStatus::ok);
  REQUIRE(text.size() == header.size + header.remaining);
  return Bytes(text).substr(header.size);
}

}  // namespace

TEST_CASE("CONNECT with everything") {
  ConnectView sent;
  sent.client_id = "device-1";
  sent.clean_start = false;
  sent.keep_alive_s = 60;
  sent.session_expiry_s = 7200;
  sent.receive_maximum = 10;
  sent.has_username = sent.has_password = sent.has_will = true;
  sent.username = "user";
  sent.password = Bytes("\0\1x", 3);
  sent.will = {"w/t", "gone", {}, 1, true, 5, 30};
  OutBuffer out;
  encode_connect(out, sent);
  std::string text, scratch;
  FixedHeader header;
  const Bytes body = packet(out, text, header);
  CHECK(header.type == PacketType::connect);
  ConnectView got;
  REQUIRE_FALSE(parse_connect(body, got, scratch));
  CHECK(got.version == Version::v5);
  CHECK(got.client_id == sent.client_id);
  CHECK_FALSE(got.clean_start);
  CHECK(got.keep_alive_s == 60);
  CHECK(got.session_expiry_s == 7200);
  CHECK(got.receive_maximum == 10);
  CHECK(got.username == "user");
  CHECK(got.password == sent.password);
  REQUIRE(got.has_will);
  CHECK(got.will.topic == "w/t");
  CHECK(got.will.payload == "gone");
  CHECK(got.will.qos == 1);
  CHECK(got.will.retain);
  CHECK(got.will.delay_s == 5);
  CHECK(got.will.expiry_s == 30);
}

TEST_CASE("CONNECT with nothing") {
  ConnectView sent;
  sent.client_id = "c";
  OutBuffer out;
  encode_connect(out, sent);
  std::string text, scratch;
  FixedHeader header;
  ConnectView got;
  REQUIRE_FALSE(parse_connect(packet(out, text, header), got, scratch));
  CHECK(got.clean_start);
  CHECK_FALSE(got.has_username);
  CHECK_FALSE(got.has_password);
  CHECK_FALSE(got.has_will);
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE") {
  const FilterView filters[] = {{"a/#", 2, true, true, 1}, {"b", 0, false, false, 2}};
  OutBuffer out;
  encode_subscribe(out, 7, filters);
  std::string text;
  FixedHeader header;
  SubscribeView got;
  REQUIRE_FALSE(parse_subscribe(packet(out, text, header), Version::v5, got));
  CHECK(got.packet_id == 7);
  REQUIRE(got.filters.size() == 2);
  CHECK(got.filters[0].filter == "a/#");
  CHECK(got.filters[0].qos == 2);
  CHECK(got.filters[0].no_local);
  CHECK(got.filters[0].retain_as_published);
  CHECK(got.filters[0].retain_handling == 1);
  CHECK(got.filters[1].retain_handling == 2);
  CHECK_FALSE(got.filters[1].no_local);

  OutBuffer other;
  const Bytes gone[] = {"a/#", "b"};
  encode_unsubscribe(other, 8, gone);
  UnsubscribeView left;
  REQUIRE_FALSE(parse_unsubscribe(packet(other, text, header), Version::v5, left));
  CHECK(left.packet_id == 8);
  CHECK(left.filters == std::vector<Bytes>{"a/#", "b"});
}

TEST_CASE("DISCONNECT with and without error") {
  for (const Reason reason : {Reason::success, Reason::unspecified_error}) {
    OutBuffer out;
    encode_client_disconnect(out, reason);
    std::string text;
    FixedHeader header;
    DisconnectView got;
    REQUIRE_FALSE(parse_disconnect(packet(out, text, header), Version::v5, got));
    CHECK(got.reason == reason);
  }
}

TEST_CASE("CONNACK, SUBACK and DISCONNECT of the broker") {
  OutBuffer out;
  ConnackFields fields;
  fields.session_present = true;
  fields.receive_maximum = 100;
  fields.maximum_qos = 1;
  fields.maximum_packet_size = 1000;
  fields.assigned_client_id = "given";
  fields.has_server_keep_alive = true;
  fields.server_keep_alive_s = 30;
  encode_connack(out, Version::v5, fields);
  std::string text;
  FixedHeader header;
  ConnackView connack;
  REQUIRE_FALSE(parse_connack(packet(out, text, header), connack));
  CHECK(connack.session_present);
  CHECK(connack.reason == Reason::success);
  CHECK(connack.receive_maximum == 100);
  CHECK(connack.maximum_qos == 1);
  CHECK(connack.maximum_packet_size == 1000);

  OutBuffer other;
  const Reason reasons[] = {Reason::success, Reason::not_authorized};
  encode_suback(other, Version::v5, 9, reasons);
  SubackView suback;
  REQUIRE_FALSE(parse_suback(packet(other, text, header), suback));
  CHECK(suback.packet_id == 9);
  CHECK(suback.reasons == Bytes("\0\x87", 2));

  OutBuffer last;
  encode_disconnect(last, Version::v5, Reason::session_taken_over);
  Reason why{};
  REQUIRE_FALSE(parse_server_disconnect(packet(last, text, header), why));
  CHECK(why == Reason::session_taken_over);
}

TEST_CASE("what is cut off is malformed") {
  ConnackView connack;
  SubackView suback;
  CHECK(parse_connack({}, connack));
  CHECK(parse_connack(Bytes("\0", 1), connack));
  CHECK(parse_connack(Bytes("\0\0\5", 3), connack));
  CHECK(parse_suback(Bytes("\0", 1), suback));
  CHECK(parse_suback(Bytes("\0\1\7", 3), suback));
}
