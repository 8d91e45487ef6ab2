// What is kept of a client for a later run of the broker: octets that come out as they went in,
// without what was under way, and that are refused when nobody can have written them.
#include "emqx_sn/kept.hpp"

#include <doctest/doctest.h>

#include <random>

#include "emqx_sn/tests/machine.hpp"

namespace {

using sn::Client;
using sn::Kept;
using sn::SavedDevice;
using sn_test::Machine;

constexpr std::int64_t kUnix = 1'700'000'000'000;

SavedDevice saved(const Machine& m) {
  SavedDevice out;
  m.client->save(out.client);
  out.session = 7;
  out.listener = "sn:default";
  out.address = *keel::Address::parse("127.0.0.1:40001");
  out.wrapped = true;
  out.node = "\x07";
  out.proof = std::make_unique<keel::Proof>();
  out.proof->psk_identity = "sensor7";
  return out;
}
std::string record(const Machine& m, bool last = false) {
  return sn::kept_record(saved(m), last, {m.out.now, kUnix});
}
// Some time later, by the clock on the wall; the monotonic clock has begun anew.
Kept read(std::string_view octets, SavedDevice& out, std::int64_t later_ms = 0,
          std::string_view id = "c1") {
  return sn::read_kept(id, octets, {500, kUnix + later_ms}, out);
}

// Asleep for 300 s, with topics, subscriptions by name and by id, and a will.
void make_sleeper(Machine& m) {
  m.predefine("", 1, "global");
  m.in("08 04 08 01 00 3C 63 31");
  m.in("06 07 30 77 2F 74");
  m.in("03 09 78");
  m.opened();
  m.in("07 12 21 00 06 00 01");
  m.suback(1);
  m.in("08 12 40 00 05 61 2F 62");
  m.suback(2);
  m.in("09 0A 00 00 00 01 61 2F 63");
  m.sleep();
}

TEST_CASE("a sleeper comes out as it went in, at the time it is read") {
  Machine m;
  make_sleeper(m);
  SavedDevice out;
  REQUIRE(read(record(m), out, 60'000) == Kept::good);
  CHECK(out.client.client_id == "c1");
  CHECK(out.client.at.state == Client::State::asleep);
  CHECK(out.client.at.link == sn::Link::open);
  CHECK(out.client.at.persistent);
  CHECK(out.client.at.sleep_s == 300);
  CHECK(out.client.at.keep_alive_s == 60);
  CHECK(out.client.at.heard == 500);
  CHECK(out.client.topics.name(0x0100) == "a/b");
  CHECK(out.client.topics.has(0x0100, sn::TopicTable::kSubscribed));
  CHECK(out.client.topics.name(0x0101) == "a/c");
  CHECK(out.client.topics.has(0x0101, sn::TopicTable::kKnown));
  CHECK(out.client.rare.by_id ==
        std::vector<std::uint32_t>{sn::Rare::key(sn::IdType::predefined, 1)});
  REQUIRE(out.client.will);
  CHECK(out.client.will->topic == "w/t");
  CHECK(out.client.will->payload == "x");
  CHECK(out.client.will->retain);
  CHECK(out.listener == "sn:default");
  CHECK(out.address == *keel::Address::parse("127.0.0.1:40001"));
  CHECK(out.wrapped);
  CHECK(out.node == "\x07");
  REQUIRE(out.proof);
  CHECK(out.proof->psk_identity == "sensor7");
  CHECK(out.session == 0);
}

TEST_CASE("a machine made of it goes on as the one before") {
  Machine m;
  make_sleeper(m);
  SavedDevice out;
  REQUIRE(read(record(m), out) == Kept::good);
  m.client = std::make_unique<Client>(m.out, m.settings, m.counters, out.client);
  m.out.take();
  CHECK(m.in("04 16 63 31") == "poll");
  CHECK(m.deliver(7, "a/b", "1", 1) == "08 0C 20 01 00 00 01 31");
  CHECK(m.polled() == "");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7; 02 17");
  CHECK(m.in("09 0C 20 01 01 00 03 68 69") == "publish a/c 'hi' q1");
}

TEST_CASE("what was under way is not in it") {
  Machine m;
  make_sleeper(m);
  m.in("04 16 63 31");
  m.deliver(7, "a/b", "1", 2);
  m.in("04 0F 00 01");                 // PUBREC
  m.deliver(0, "a/x", "2", 0);         // REGISTER
  m.in("09 0C 40 01 00 00 03 68 69");  // QoS 2, asked
  m.in("06 1A 20 77 2F 75");           // another will, asked
  SavedDevice out;
  REQUIRE(read(record(m), out) == Kept::good);
  CHECK(out.client.at.state == Client::State::asleep);
  CHECK_FALSE(out.client.at.polling);
  CHECK(out.client.held.empty());
  CHECK(out.client.awaiting.entries().empty());
  CHECK_FALSE(out.client.handshake);
  CHECK(out.client.rare.announcement.topic_id == 0);
  CHECK(out.client.rare.wills.empty());
  CHECK(out.client.rare.recent.empty());
  CHECK(out.client.rare.leftovers.empty());
  CHECK(out.client.will->topic == "w/t");
}

TEST_CASE("a sleeper is over when it has slept half as long again as it said, and a quarter") {
  Machine m;
  make_sleeper(m);
  const std::string octets = record(m);
  SavedDevice out;
  CHECK(read(octets, out, 300'000 * 7 / 4) == Kept::good);
  CHECK(read(octets, out, 300'000 * 7 / 4 + 1) == Kept::over);
  CHECK(read(octets, out, -3'600'000) == Kept::good);  // a clock that was set back
  CHECK(out.client.at.heard == 500);
}

TEST_CASE("who is away is over with its session") {
  Machine m;
  m.settings->session_expiry_s = 100;
  m.connect(Machine::kPersistent);
  m.in("02 18");
  m.closed();
  REQUIRE(m.client->state() == Client::State::away);
  const std::string octets = record(m);
  SavedDevice out;
  REQUIRE(read(octets, out, 99'999) == Kept::good);
  CHECK(out.client.at.state == Client::State::away);
  CHECK(out.client.at.link == sn::Link::none);
  CHECK(out.client.at.away_until == 500 + 1);
  CHECK(read(octets, out, 100'000) == Kept::over);
}

TEST_CASE("who was active is known however long ago") {
  Machine m;
  m.connect(Machine::kPersistent);
  SavedDevice out;
  CHECK(read(record(m), out, 864'000'000) == Kept::good);
  CHECK(out.client.at.state == Client::State::active);
}

TEST_CASE("topic ids that the client may have got since leave a gap, until there is no room") {
  Machine m;
  m.connect(Machine::kPersistent);
  const auto first_of = [&](bool last) {
    SavedDevice out;
    REQUIRE(read(record(m, last), out) == Kept::good);
    return out.client.first_topic_id;
  };
  CHECK(first_of(false) == 0x0100 + 64);
  CHECK(first_of(true) == 0);
  m.in("09 0A 00 00 00 01 61 2F 63");
  CHECK(first_of(false) == 0x0101 + 64);
  SavedDevice device = saved(m);
  SUBCASE("a gap behind a gap") {
    device.client.first_topic_id = 0x0200;
    SavedDevice out;
    REQUIRE(read(sn::kept_record(std::move(device), false, {}), out) == Kept::good);
    CHECK(out.client.first_topic_id == 0x0240);
  }
  SUBCASE("at the end") {
    device.client.first_topic_id = 0xfff0;
    SavedDevice out;
    REQUIRE(read(sn::kept_record(std::move(device), false, {}), out) == Kept::good);
    CHECK(out.client.first_topic_id == 0xfff0);
  }
}

TEST_CASE("the gap is one for new ids only") {
  Machine m;
  m.connect(Machine::kPersistent);
  m.in("09 0A 00 00 00 01 61 2F 63");
  SavedDevice out;
  REQUIRE(read(record(m), out) == Kept::good);
  m.client = std::make_unique<Client>(m.out, m.settings, m.counters, out.client);
  m.out.take();
  CHECK(m.in("09 0A 00 00 00 02 61 2F 63") == "07 0B 01 00 00 02 00");
  CHECK(m.in("09 0A 00 00 00 03 61 2F 64") == "07 0B 01 41 00 03 00");
  m.upgrade();
  CHECK(m.in("09 0A 00 00 00 04 61 2F 65") == "07 0B 01 42 00 04 00");
}

TEST_CASE("states that are not kept") {
  Machine m;
  SavedDevice out;
  SUBCASE("a clean session") { m.connect(); }
  SUBCASE("connecting") {
    m.connect(Machine::kPersistent);
    m.in("08 04 08 01 00 3C 63 31");
  }
  SUBCASE("closing") {
    m.connect(Machine::kPersistent);
    m.in("02 18");
  }
  Client::Saved client;
  m.client->save(client);
  CHECK_FALSE(sn::come_to_rest(client));
  CHECK(read(record(m), out) == Kept::unreadable);
}

TEST_CASE("records that nobody can have written of this client") {
  Machine m;
  make_sleeper(m);
  std::string octets = record(m);
  std::string_view id = "c1";
  SUBCASE("nothing") { octets.clear(); }
  SUBCASE("of another version") { octets[0] = 2; }
  SUBCASE("neither last nor not") { octets[1] = 2; }
  SUBCASE("of another client") { id = "c2"; }
  SUBCASE("with something behind it") { octets += 'x'; }
  SUBCASE("two of them") { octets += octets.substr(2); }
  SUBCASE("a time that is none") {
    SavedDevice device = saved(m);
    device.client.at.heard = INT64_MAX / 2;
    octets = sn::kept_record(std::move(device), false, {});
  }
  SavedDevice out;
  CHECK(read(octets, out, 0, id) == Kept::unreadable);
}

TEST_CASE("records that end too early are refused") {
  Machine m;
  make_sleeper(m);
  const std::string whole = record(m);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SavedDevice out;
    CAPTURE(size);
    CHECK(read(std::string_view(whole).substr(0, size), out) == Kept::unreadable);
  }
}

TEST_CASE("records that were changed never do harm") {
  Machine m;
  make_sleeper(m);
  const std::string whole = record(m);
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = whole;
    for (int n = 1 + static_cast<int>(random() % 3); n > 0; --n)
      changed[random() % changed.size()] = static_cast<char>(random());
    SavedDevice out;
    if (read(changed, out) != Kept::good) continue;
    ++accepted;
    Client client(m.out, m.settings, m.counters, out.client);
    client.on_time();
    for (const char* message : {"04 16 63 31", "09 0A 00 00 00 01 61 2F 63", "02 18"}) {
      const std::string datagram = sn_test::hex(message);
      sn::Packet packet;
      REQUIRE(sn::decode(datagram, packet));
      client.on_packet(packet);
    }
    client.on_closed(0);
    m.out.take();
  }
  CHECK(accepted > 0);
}

// ---- what counts as a change ----

TEST_CASE("what is kept has a revision, which messages and signs of life leave alone") {
  Machine m;
  m.predefine("", 1, "global");
  m.connect(Machine::kPersistent);
  m.in("08 12 20 00 05 61 2F 62");
  m.suback(1);
  const auto changes = [&](std::string_view packet) {
    const std::uint32_t before = m.client->revision();
    m.in(packet);
    m.out.take();
    return m.client->revision() != before;
  };
  CHECK(changes("09 0A 00 00 00 01 61 2F 63"));        // REGISTER
  CHECK_FALSE(changes("09 0A 00 00 00 02 61 2F 63"));  // again
  CHECK_FALSE(changes("09 0C 00 01 00 00 00 68 69"));  // PUBLISH, QoS 0
  CHECK_FALSE(changes("09 0C 20 01 00 00 03 68 69"));  // QoS 1
  m.published();
  CHECK_FALSE(changes("09 0C 40 01 00 00 04 68 69"));  // QoS 2
  m.published();
  CHECK_FALSE(changes("04 10 00 04"));
  CHECK_FALSE(changes("02 16"));  // PINGREQ
  CHECK(changes("04 18 01 2C"));  // sleep
  CHECK_FALSE(changes("02 16"));  // a poll
  const std::uint32_t before = m.client->revision();
  m.deliver(7, "a/b", "1", 1);
  m.polled();
  CHECK_FALSE(changes("07 0D 01 00 00 01 00"));
  CHECK(m.client->revision() == before);
  CHECK(m.client->state() == Client::State::asleep);
  CHECK(changes("04 18 00 3C"));              // another duration
  CHECK(changes("08 04 04 01 00 3C 63 31"));  // CONNECT: awake
  m.in("07 12 21 00 06 00 01");
  const std::uint32_t asked = m.client->revision();
  m.suback(1);
  CHECK(m.client->revision() != asked);  // subscribed by id
  CHECK(changes("07 14 01 00 07 00 01"));
  m.suback();
  const std::uint32_t topics = m.client->revision();
  m.deliver(0, "a/new", "1", 0);
  CHECK(m.client->revision() != topics);  // an id that it has not had
}

}  // namespace
