#include "kernel/codec/encoder.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "hex.hpp"
#include "kernel/codec/decoder.hpp"

namespace keel::kernel {
namespace {

using test::content;
using test::hex;
using test::show;

template <class Encode>
std::string encoded(Encode encode) {
  OutBuffer out;
  encode(out);
  return show(content(out));
}
std::string expect(const char* text) { return show(hex(text)); }

TEST_CASE("variable byte integers") {
  struct Row {
    std::uint32_t value;
    const char* bytes;
  };
  for (const Row& r :
       {Row{0, "00"}, Row{127, "7F"}, Row{128, "8001"}, Row{16'383, "FF7F"}, Row{16'384, "808001"},
        Row{2'097'151, "FFFF7F"}, Row{2'097'152, "80808001"}, Row{268'435'455, "FFFFFF7F"}}) {
    char bytes[4];
    const char* end = put_varint(bytes, r.value);
    CHECK(show({bytes, static_cast<std::size_t>(end - bytes)}) == expect(r.bytes));
    CHECK(varint_size(r.value) == static_cast<std::size_t>(end - bytes));
  }
}

TEST_CASE("connack: v3") {
  ConnackFields f;
  const auto as = [&](Version v) {
    return encoded([&](OutBuffer& out) { encode_connack(out, v, f); });
  };
  CHECK(as(Version::v311) == expect("20 02 00 00"));
  f.session_present = true;
  f.server_keep_alive_s = 3;
  f.assigned_client_id = "x";
  CHECK(as(Version::v311) == expect("20 02 01 00"));
  CHECK(as(Version::v31) == expect("20 02 00 00"));
  f.reason = Reason::bad_user_name_or_password;
  CHECK(as(Version::v311) == expect("20 02 00 04"));
  CHECK(as(Version::v31) == expect("20 02 00 04"));
}

TEST_CASE("connack: v5") {
  ConnackFields f;
  const auto bytes = [&] {
    return encoded([&](OutBuffer& out) { encode_connack(out, Version::v5, f); });
  };
  CHECK(bytes() == expect("20 03 00 00 00"));
  f.session_present = true;
  CHECK(bytes() == expect("20 03 01 00 00"));
  f.has_session_expiry = true;
  f.session_expiry_s = 5;
  f.receive_maximum = 10;
  f.maximum_qos = 1;
  f.retain_available = false;
  f.maximum_packet_size = 1'000;
  f.assigned_client_id = "id";
  f.topic_alias_maximum = 16;
  f.reason_string = "r";
  f.wildcard_available = f.subscription_ids_available = f.shared_available = false;
  f.has_server_keep_alive = true;
  f.server_keep_alive_s = 60;
  f.response_information = "ri";
  f.auth_method = "m";
  f.auth_data = "d";
  CHECK(bytes() == expect("20 36 01 00 33 11 00000005 21 000A 24 01 25 00 27 000003E8 12 0002'id'"
                          "22 0010 1F 0001'r' 28 00 29 00 2A 00 13 003C 1A 0002'ri' 15 0001'm'"
                          "16 0001'd'"));
  ConnackFields refused;
  refused.session_present = true;
  refused.reason = Reason::banned;
  f = refused;
  CHECK(bytes() == expect("20 03 00 8A 00"));
  f.reason_string = std::string_view();
  const std::string long_text(70'000, 'x');
  f.response_information = long_text;  // cut to what a field can hold
  CHECK(bytes().size() == 2 * (1 + 3 + 2 + 3 + 3 + 65'535));
}

TEST_CASE("acks") {
  struct Row {
    Version version;
    PacketType type;
    Reason reason;
    const char* bytes;
  };
  for (const Row& r :
       {Row{Version::v311, PacketType::puback, Reason::success, "40 02 0102"},
        Row{Version::v31, PacketType::pubrec, Reason::not_authorized, "50 02 0102"},
        Row{Version::v311, PacketType::pubrel, Reason::success, "62 02 0102"},
        Row{Version::v5, PacketType::pubcomp, Reason::success, "70 02 0102"},
        Row{Version::v5, PacketType::puback, Reason::no_matching_subscribers, "40 03 0102 10"},
        Row{Version::v5, PacketType::pubrel, Reason::packet_identifier_not_found,
            "62 03 0102 92"}}) {
    CHECK(encoded([&](OutBuffer& out) { encode_ack(out, r.version, r.type, 0x0102, r.reason); }) ==
          expect(r.bytes));
  }
}

TEST_CASE("suback, unsuback, pingresp") {
  const Reason reasons[] = {Reason::success, Reason::granted_qos1, Reason::granted_qos2,
                            Reason::topic_filter_invalid};
  const auto sub = [&](Version v) {
    return encoded([&](OutBuffer& out) { encode_suback(out, v, 7, reasons); });
  };
  CHECK(sub(Version::v31) == expect("90 06 0007 00 01 02 80"));
  CHECK(sub(Version::v311) == expect("90 06 0007 00 01 02 80"));
  CHECK(sub(Version::v5) == expect("90 07 0007 00 00 01 02 8F"));
  const Reason removed[] = {Reason::success, Reason::no_subscription_existed};
  const auto unsub = [&](Version v) {
    return encoded([&](OutBuffer& out) { encode_unsuback(out, v, 7, removed); });
  };
  CHECK(unsub(Version::v311) == expect("B0 02 0007"));
  CHECK(unsub(Version::v5) == expect("B0 05 0007 00 00 11"));
  const std::vector<Reason> many(300, Reason::success);
  CHECK(encoded([&](OutBuffer& out) { encode_suback(out, Version::v5, 1, many); }).substr(0, 12) ==
        expect("90 AF 02 0001 00"));
  CHECK(encoded([](OutBuffer& out) { encode_pingresp(out); }) == expect("D0 00"));
}

TEST_CASE("disconnect, auth") {
  const auto bytes = [](Version v, Reason reason, Bytes text = {}) {
    return encoded([&](OutBuffer& out) { encode_disconnect(out, v, reason, text); });
  };
  CHECK(bytes(Version::v311, Reason::server_shutting_down).empty());
  CHECK(bytes(Version::v31, Reason::server_shutting_down, "x").empty());
  CHECK(bytes(Version::v5, Reason::server_shutting_down) == expect("E0 01 8B"));
  CHECK(bytes(Version::v5, Reason::banned, "no") == expect("E0 07 8A 05 1F 0002'no'"));
  CHECK(encoded([](OutBuffer& out) {
          encode_auth(out, Reason::continue_authentication, "m", hex("00FF"));
        }) == expect("F0 0B 18 09 15 0001'm' 16 0002 00FF"));
  CHECK(encoded([](OutBuffer& out) { encode_auth(out, Reason::success, "m", {}); }) ==
        expect("F0 06 00 04 15 0001'm'"));
}

TEST_CASE("publish: bytes") {
  const std::uint32_t ids[] = {1, 300};
  PublishFields f;
  f.topic = "a/b";
  f.payload = "hi";
  f.properties = "\x01\x01";
  const auto bytes = [&](Version v) {
    return encoded([&](OutBuffer& out) {
      encode_publish(out, v, f, {});
      CHECK(out.size() == publish_size(v, f));
    });
  };
  CHECK(bytes(Version::v311) == expect("30 07 0003'a/b' 'hi'"));
  CHECK(bytes(Version::v5) == expect("30 0A 0003'a/b' 02 0101 'hi'"));
  f.qos = 2;
  f.dup = f.retain = true;
  f.packet_id = 0x0A0B;
  f.topic_alias = 3;
  f.expiry_s = 9;
  f.subscription_ids = ids;
  CHECK(bytes(Version::v31) == expect("3D 09 0003'a/b' 0A0B 'hi'"));
  CHECK(bytes(Version::v5) ==
        expect("3D 19 0003'a/b' 0A0B 0F 02 00000009 23 0003 0B 01 0B AC02 0101 'hi'"));
  OutBuffer head;
  CHECK(encode_publish_head(head, Version::v5, f) == 7);
  CHECK(show(content(head)) ==
        expect("3D 19 0003'a/b' 0A0B 0F 02 00000009 23 0003 0B 01 0B AC02 0101"));
  f.qos = 0;
  OutBuffer without_id;
  CHECK(encode_publish_head(without_id, Version::v311, f) == 0);
}

TEST_CASE("publish: the packet id is where the head says") {
  for (const std::size_t size : {1u, 100u, 118u, 119u, 120u, 121u, 200u, 20'000u}) {
    const std::string topic(size, 't');
    PublishFields f;
    f.topic = topic;
    f.qos = 1;
    f.packet_id = 0xABCD;
    for (const Version v : {Version::v311, Version::v5}) {
      OutBuffer out;
      const std::size_t at = encode_publish_head(out, v, f);
      CHECK(content(out).substr(at, 2) == hex("ABCD"));
    }
  }
}

TEST_CASE("publish: long payloads are referenced when their holder is known") {
  const MessagePtr m = Message::create({"t", std::string(OutBuffer::kSliceFrom, 'p'), {}});
  PublishFields f;
  f.topic = m->topic();
  f.payload = m->payload();
  iovec v[4];
  OutBuffer out;
  encode_publish(out, Version::v311, f, m);
  REQUIRE(out.gather(v, 4) == 2);
  CHECK(v[1].iov_base == m->payload().data());
  OutBuffer copied;
  encode_publish(copied, Version::v311, f, {});
  CHECK(copied.gather(v, 4) == 1);
  CHECK(content(copied) == content(out));
  CHECK(copied.size() == publish_size(Version::v311, f));
}

TEST_CASE("publish: what no packet can hold is not sent") {
  const std::string payload(kMaxPacketSize - 5, 'x');
  PublishFields f;
  f.topic = "t";
  f.payload = payload;
  CHECK(publish_size(Version::v311, f) > kMaxPacketSize);
  OutBuffer out;
  CHECK_FALSE(encode_publish(out, Version::v311, f, {}));
  CHECK(encode_publish_head(out, Version::v5, f) == 0);
  CHECK(out.empty());
  f.payload.remove_suffix(3);
  CHECK(publish_size(Version::v311, f) == kMaxPacketSize);
  const std::string topic(65'536, 't');
  f.payload = {};
  f.topic = topic;
  CHECK_FALSE(encode_publish(out, Version::v311, f, {}));
  CHECK(out.empty());
}

TEST_CASE("publish: what is larger than the client takes is not sent") {
  const std::string payload(300, 'x');
  PublishFields f;
  f.topic = "t";
  f.payload = payload;
  f.qos = 1;
  f.packet_id = 1;
  for (const Version version : {Version::v311, Version::v5}) {
    const std::size_t size = publish_size(version, f);
    OutBuffer out;
    CHECK_FALSE(encode_publish(out, version, f, {}, size - 1));
    CHECK(out.empty());
    CHECK(encode_publish(out, version, f, {}, size));
    CHECK(out.size() == size);
  }
}

TEST_CASE("publish: what is encoded is parsed back") {
  std::mt19937 random(3);
  const auto text = [&](std::size_t max) {
    std::string s(random() % (max + 1), '\0');
    for (char& c : s) c = static_cast<char>('a' + random() % 26);
    return s;
  };
  for (int round = 0; round < 3'000; ++round) {
    const Version version = std::array{Version::v31, Version::v311, Version::v5}[random() % 3];
    const std::string topic = "t" + text(random() % 4 ? 20 : 300);
    const std::string payload = text(random() % 8 ? 100 : 20'000);
    std::string properties;
    if (random() % 2) properties += hex("03 0002'ct'");
    for (unsigned n = random() % 30; n > 0; --n) properties += hex("26 0003'key' 0003'val'");
    PublishFields f;
    f.topic = topic;
    f.payload = payload;
    f.properties = properties;
    f.qos = static_cast<std::uint8_t>(random() % 3);
    f.dup = f.qos != 0 && random() % 2;
    f.retain = random() % 2;
    f.packet_id = f.qos ? static_cast<std::uint16_t>(1 + random() % 65'535) : std::uint16_t{0};
    f.topic_alias = static_cast<std::uint16_t>(random() % 2 ? random() : 0);
    f.expiry_s = random() % 2 ? kNoExpiry : static_cast<std::uint32_t>(random());
    OutBuffer out;
    encode_publish(out, version, f, {});
    const std::string bytes = content(out);
    CHECK(bytes.size() == publish_size(version, f));
    FixedHeader header;
    REQUIRE(parse_header(bytes, header, version) == HeaderStatus::ok);
    REQUIRE(header.size + header.remaining == bytes.size());
    PublishView p;
    std::string scratch;
    const std::string body = bytes.substr(header.size);
    REQUIRE_FALSE(parse_publish(body, header.flags, version, p, scratch));
    CHECK(p.topic == f.topic);
    CHECK(p.payload == f.payload);
    CHECK(p.qos == f.qos);
    CHECK(p.dup == f.dup);
    CHECK(p.retain == f.retain);
    CHECK(p.packet_id == f.packet_id);
    if (version != Version::v5) continue;
    CHECK(p.properties == f.properties);
    CHECK(p.topic_alias == f.topic_alias);
    CHECK(p.expiry_s == f.expiry_s);
  }
}

}  // namespace
}  // namespace keel::kernel
