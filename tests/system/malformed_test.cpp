// Malformed packets: each ends its connection, in version 5 with the right DISCONNECT, and nothing
// else.
#include <algorithm>

#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

struct Row {
  std::string what;
  std::string hex;
  std::vector<std::uint8_t>
      reasons;  // any of these; several where the specification leaves it open
};

const std::vector<std::uint8_t> kMalformed = {0x81};
const std::vector<std::uint8_t> kProtocol = {0x82};
const std::vector<std::uint8_t> kEither = {0x81, 0x82};

void check_v5(const std::vector<Row>& rows) {
  BrokerProcess broker;
  Client bystander = broker.connect("bystander", Version::v5);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Client client = broker.connect("c", Version::v5);
    client.send(from_hex(row.hex));
    const Packet packet = client.expect(Type::disconnect);
    const bool right =
        std::find(row.reasons.begin(), row.reasons.end(), packet.reason) != row.reasons.end();
    CHECK_MESSAGE(right, row.what, ": DISCONNECT ", int{packet.reason});
    client.expect_closed();
    bystander.ping();
  }
}

void check_v3(Version version, const std::vector<Row>& rows) {
  BrokerProcess broker;
  Client bystander = broker.connect("bystander", version);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Client client = broker.connect("c", version);
    client.send(from_hex(row.hex));
    try {
      client.expect_closed();
    } catch (const std::exception& error) {
      FAIL_CHECK(row.what << ": " << error.what());
    }
    bystander.ping();
  }
}

// Faults that all versions share; the bodies are those of version 3.
const std::vector<Row> kFixedHeader = {
    {"type 0", "00 00", kMalformed},
    {"CONNACK from a client", "20 02 00 00", kEither},
    {"SUBACK from a client", "90 03 00 01 00", kEither},
    {"UNSUBACK from a client", "B0 02 00 01", kEither},
    {"PINGRESP from a client", "D0 00", kEither},
    {"a length of five bytes", "30 80 80 80 80 01", kMalformed},
    {"PUBLISH with QoS 3", "36 05 00 01 74 00 01", kMalformed},
    {"PUBACK with flags", "41 02 00 01", kMalformed},
    {"PUBREC with flags", "52 02 00 01", kMalformed},
    {"PUBREL without its flags", "60 02 00 01", kMalformed},
    {"PUBCOMP with flags", "78 02 00 01", kMalformed},
    {"SUBSCRIBE without its flags", "80 06 00 01 00 01 74 00", kMalformed},
    {"UNSUBSCRIBE without its flags", "A0 05 00 01 00 01 74", kMalformed},
    {"PINGREQ with flags", "C1 00", kMalformed},
    {"PINGREQ with a body", "C0 01 00", kMalformed},
    {"DISCONNECT with flags", "E1 00", kMalformed},
};

const std::vector<Row> kBodiesV3 = {
    {"PUBLISH without a topic length", "30 01 00", {}},
    {"PUBLISH whose topic ends too late", "30 03 00 05 74", {}},
    {"PUBLISH QoS 1 without a packet id", "32 03 00 01 74", {}},
    {"PUBLISH QoS 1 with packet id 0", "32 05 00 01 74 00 00", {}},
    {"PUBLISH with an invalid UTF-8 topic", "30 04 00 02 C3 28", {}},
    {"PUBLISH with U+0000 in the topic", "30 05 00 03 61 00 62", {}},
    {"PUBLISH with a surrogate in the topic", "30 05 00 03 ED A0 80", {}},
    {"PUBACK of one byte", "40 01 00", {}},
    {"PUBACK of three bytes", "40 03 00 01 00", {}},
    {"PUBACK with packet id 0", "40 02 00 00", {}},
    {"SUBSCRIBE with packet id 0", "82 06 00 00 00 01 74 00", {}},
    {"SUBSCRIBE without QoS", "82 05 00 01 00 01 74", {}},
    {"SUBSCRIBE with QoS 3", "82 06 00 01 00 01 74 03", {}},
    {"SUBSCRIBE with reserved bits", "82 06 00 01 00 01 74 04", {}},
    {"SUBSCRIBE with an invalid UTF-8 filter", "82 07 00 01 00 02 C3 28 00", {}},
    {"UNSUBSCRIBE with packet id 0", "A2 05 00 00 00 01 74", {}},
    {"UNSUBSCRIBE that ends too early", "A2 05 00 01 00 04 74", {}},
    {"DISCONNECT with a body", "E0 01 00", {}},
};

const std::vector<Row> kBodiesV5 = {
    {"PUBLISH without a topic length", "30 01 00", kMalformed},
    {"PUBLISH whose topic ends too late", "30 04 00 05 74 00", kMalformed},
    {"PUBLISH without properties", "30 03 00 01 74", kMalformed},
    {"PUBLISH QoS 1 with packet id 0", "32 06 00 01 74 00 00 00", kEither},
    {"PUBLISH with an invalid UTF-8 topic", "30 05 00 02 C3 28 00", {0x81, 0x90}},
    {"PUBLISH with U+0000 in the topic", "30 06 00 03 61 00 62 00", {0x81, 0x90}},
    {"PUBLISH with properties beyond its end", "30 05 00 01 74 09 01", kMalformed},
    {"PUBLISH with an unknown property", "30 06 00 01 74 02 7F 00", kMalformed},
    {"PUBLISH with a property of CONNECT", "30 09 00 01 74 05 11 00 00 00 01", kEither},
    {"PUBLISH with a property cut off", "30 06 00 01 74 02 02 00", kMalformed},
    {"PUBLISH with payload format 2", "30 06 00 01 74 02 01 02", kEither},
    {"PUBLISH with an invalid UTF-8 content type", "30 09 00 01 74 05 03 00 02 C3 28", kMalformed},
    {"PUBLISH with a property length of five bytes", "30 08 00 01 74 80 80 80 80 01", kMalformed},
    {"PUBACK of one byte", "40 01 00", kMalformed},
    {"PUBACK with packet id 0", "40 02 00 00", kEither},
    {"PUBACK with an unknown reason", "40 03 00 01 55", kEither},
    {"PUBREL with a reason of PUBACK", "62 03 00 01 97", kEither},
    {"PUBACK with properties beyond its end", "40 04 00 01 00 05", kMalformed},
    {"SUBSCRIBE with packet id 0", "82 07 00 00 00 00 01 74 00", kEither},
    {"SUBSCRIBE without options", "82 06 00 01 00 00 01 74", kMalformed},
    {"SUBSCRIBE with an invalid UTF-8 filter", "82 08 00 01 00 00 02 C3 28 00", {0x81, 0x8F}},
    {"SUBSCRIBE with a property of PUBLISH", "82 09 00 01 02 01 01 00 01 74 00", kEither},
    {"UNSUBSCRIBE with packet id 0", "A2 06 00 00 00 00 01 74", kEither},
    {"UNSUBSCRIBE with a subscription id", "A2 08 00 01 02 0B 01 00 01 74", kEither},
    {"DISCONNECT with an unknown reason", "E0 01 55", kEither},
    {"DISCONNECT with a reason of the server", "E0 01 8B", kEither},
    {"DISCONNECT with the expiry twice", "E0 0C 00 0A 11 00 00 00 00 11 00 00 00 00", kProtocol},
    {"AUTH without a method", "F0 02 19 00", kEither},
    {"AUTH with flags", "F1 00", kMalformed},
};

struct ConnectRow {
  std::string what;
  std::string hex;  // the body of CONNECT
};

const std::vector<ConnectRow> kConnects = {
    {"empty", ""},
    {"name cut off", "00 04 4D 51"},
    {"no level", "00 04 4D 51 54 54"},
    {"no flags", "00 04 4D 51 54 54 04"},
    {"no keep alive", "00 04 4D 51 54 54 04 02 00"},
    {"no client id", "00 04 4D 51 54 54 04 02 00 3C"},
    {"reserved flag", "00 04 4D 51 54 54 04 03 00 3C 00 01 63"},
    {"will QoS without a will", "00 04 4D 51 54 54 04 0A 00 3C 00 01 63"},
    {"will retain without a will", "00 04 4D 51 54 54 04 22 00 3C 00 01 63"},
    {"will QoS 3", "00 04 4D 51 54 54 04 1E 00 3C 00 01 63 00 01 74 00 00"},
    {"will topic missing", "00 04 4D 51 54 54 04 06 00 3C 00 01 63"},
    {"user name missing", "00 04 4D 51 54 54 04 82 00 3C 00 01 63"},
    {"password missing", "00 04 4D 51 54 54 04 C2 00 3C 00 01 63 00 01 75"},
    {"bytes behind the end", "00 04 4D 51 54 54 04 02 00 3C 00 01 63 FF"},
    {"client id not UTF-8", "00 04 4D 51 54 54 04 02 00 3C 00 02 C3 28"},
    {"client id with U+0000", "00 04 4D 51 54 54 04 02 00 3C 00 01 00"},
    {"v5 without properties", "00 04 4D 51 54 54 05 02 00 3C"},
    {"v5 with an unknown property", "00 04 4D 51 54 54 05 02 00 3C 02 7F 00 00 01 63"},
    {"v5 with properties beyond the end", "00 04 4D 51 54 54 05 02 00 3C 7F 00 01 63"},
    {"v5 reserved flag", "00 04 4D 51 54 54 05 03 00 3C 00 00 01 63"},
    {"v5 bytes behind the end", "00 04 4D 51 54 54 05 02 00 3C 00 00 01 63 FF"},
};

}  // namespace

TEST_SUITE_BEGIN("malformed");

TEST_CASE("fixed headers, v5") { check_v5(kFixedHeader); }
TEST_CASE_TEMPLATE("fixed headers, v3", V, V31, V311) { check_v3(V::value, kFixedHeader); }
TEST_CASE("bodies, v5") { check_v5(kBodiesV5); }
TEST_CASE_TEMPLATE("bodies, v3", V, V311) { check_v3(V::value, kBodiesV3); }

TEST_CASE("CONNECT is never accepted when it is malformed") {
  BrokerProcess broker;
  for (const ConnectRow& row : kConnects) {
    CAPTURE(row.what);
    Client client = broker.open();
    client.send(frame(0x10, from_hex(row.hex)));
    std::string answer;
    while (client.socket().receive(answer, Deadline{}) == Socket::Read::data) {
    }
    // Closed, or a CONNACK that refuses.
    CHECK((answer.empty() || (answer.size() >= 4 && answer[0] == '\x20' && answer[3] != '\0')));
  }
  broker.connect("alive", Version::v5).ping();
}

TEST_CASE("CONNECT with flags in its fixed header is refused") {
  BrokerProcess broker;
  Client client = broker.open();
  std::string bytes = encode(Connect{.client_id = "c"});
  bytes[0] = '\x11';
  client.send(bytes);
  client.expect_closed();
}

TEST_CASE("each malformed packet leaves one line in the log, with client id and peer") {
  BrokerProcess broker;
  Client client = broker.connect("culprit-17", Version::v5);
  client.send(from_hex("36 05 00 01 74 00 01"));
  client.expect(Type::disconnect);
  client.expect_closed();
  eventually([&] { return contains(broker.log(), "malformed"); }, "the log tells");
  const std::string log = broker.log();
  const std::size_t line = log.rfind('\n', log.find("malformed")) + 1;
  const std::string text = log.substr(line, log.find('\n', line) - line);
  CHECK(contains(text, "culprit-17"));
  CHECK(contains(text, "127.0.0.1:"));
}

TEST_SUITE_END();

}  // namespace keel::test
