// A machine goes through octets and comes out the same: in every state, at every point of an
// exchange, and octets that no machine wrote are refused.
#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "emqx_sn/tests/machine.hpp"

namespace {

using sn::Client;
using sn_test::Machine;

std::string blob_of(const Client& client) {
  Client::Saved saved;
  client.save(saved);
  std::string out;
  append(out, saved);
  return out;
}

// A machine in which everything is under way that can be at the same time.
void make_busy(Machine& m) {
  m.predefine("", 1, "global");
  m.settings->max_inflight = 3;
  m.in("08 04 08 01 00 3C 63 31");
  m.in("06 07 30 77 2F 74");
  m.in("03 09 78");
  m.opened();
  m.in("07 12 21 00 06 00 01");
  m.suback(1);
  m.in("08 12 40 00 05 61 2F 62");
  m.suback(2);
  m.in("09 0C 40 01 00 00 03 68 69");  // QoS 2, taken
  m.published();
  m.in("09 0C 40 01 00 00 04 68 69");  // QoS 2, asked
  m.in("06 1A 20 77 2F 75");           // another will, asked
  m.deliver(7, "a/b", "1", 2);
  m.in("04 0F 00 01");  // released
  m.deliver(8, "a/b", "2", 1);
  m.deliver(9, "a/x", "3", 1);  // REGISTER waits
  m.deliver(0, "a/b", "4", 0);
  m.in("08 12 00 00 07 61 2F 2B");  // SUBSCRIBE, asked
}

TEST_CASE("a machine in the middle of everything") {
  Machine m;
  make_busy(m);
  const std::string before = blob_of(*m.client);
  m.upgrade();
  CHECK(m.out.take() == "");
  CHECK(m.out.timer == m.out.now + 10'000);
  CHECK(blob_of(*m.client) == before);
  // Every exchange goes on where it was.
  CHECK(m.published() == "04 0F 00 04");
  CHECK(m.published() == "03 1B 00");
  CHECK(m.suback(0) == "08 13 00 00 00 00 07 00");
  CHECK(m.in("09 0C C0 01 00 00 03 68 69") == "04 0F 00 03");
  CHECK(m.in("04 10 00 03") == "04 0E 00 03");
  CHECK(m.in("04 0E 00 01") == "ack 7");
  CHECK(m.after(10'000) == "09 0A 01 01 00 03 61 2F 78; 08 0C A0 01 00 00 02 32");
  CHECK(m.in("07 0B 01 01 00 03 00") == "08 0C 20 01 01 00 04 33; 08 0C 00 01 00 00 00 34");
  CHECK(m.deliver(0, "global", "x", 0) == "08 0C 01 00 01 00 00 78");
}

TEST_CASE("the will dialogue goes on") {
  Machine m;
  m.in(Machine::kWithWill);
  m.upgrade();
  CHECK(m.after(10'000) == "02 06");
  CHECK(m.in("06 07 20 77 2F 74") == "02 08");
  m.upgrade();
  CHECK(m.in("03 09 78") == "open clean 60 will w/t 'x' q1");
  m.upgrade();
  CHECK(m.opened() == "03 05 00");
}

TEST_CASE("asleep, awake, waking, closing, away") {
  Machine m;
  m.connect(Machine::kPersistent);
  m.in("08 12 40 00 05 61 2F 62");
  m.suback(2);
  m.sleep();
  m.upgrade();
  CHECK(m.client->state() == Client::State::asleep);
  m.after(200'000);
  m.upgrade();
  CHECK(m.in("04 16 63 31") == "poll");
  m.deliver(7, "a/b", "x", 1);
  m.upgrade();
  CHECK(m.client->state() == Client::State::awake);
  CHECK(m.polled() == "");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7; 02 17");
  m.in("08 04 08 01 00 3C 63 31");
  m.upgrade();
  CHECK(m.in("02 07") == "03 05 00; resume");
  m.in("02 18");
  m.upgrade();
  CHECK(m.client->state() == Client::State::closing);
  CHECK(m.closed() == "");
  m.after(7'000'000);
  m.upgrade();
  CHECK(m.client->state() == Client::State::away);
  CHECK(m.after(199'999) == "");
  CHECK(m.after(1) == "forget");
}

TEST_CASE("sleep supervision goes on across an upgrade") {
  Machine m;
  m.connect();
  m.sleep();
  m.after(329'000);
  m.upgrade();
  CHECK(m.after(999) == "");
  CHECK(m.after(1) == "close with will");
}

TEST_CASE("octets that end too early are refused") {
  Machine m;
  make_busy(m);
  const std::string whole = blob_of(*m.client);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Client::Saved out;
    CAPTURE(size);
    CHECK_FALSE(read_saved(std::string_view(whole).substr(0, size), out));
  }
}

TEST_CASE("octets that were changed never do harm") {
  Machine m;
  make_busy(m);
  const std::string whole = blob_of(*m.client);
  std::mt19937 random(5);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = whole;
    for (int n = 1 + static_cast<int>(random() % 3); n > 0; --n)
      changed[random() % changed.size()] = static_cast<char>(random());
    Client::Saved saved;
    if (!read_saved(changed, saved)) continue;
    ++accepted;
    Client client(m.out, m.settings, m.counters, saved);
    client.on_time();
    for (const char* message : {"02 16", "07 0B 01 01 00 03 00", "04 0E 00 01", "02 18"}) {
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

TEST_CASE("fields that a later version appended are skipped") {
  Machine m;
  m.connect();
  std::string blob = blob_of(*m.client);
  // The block of all, with four octets more at its end.
  std::uint32_t size;
  std::memcpy(&size, blob.data(), sizeof size);
  size += 4;
  std::memcpy(blob.data(), &size, sizeof size);
  Client::Saved out;
  CHECK_FALSE(read_saved(blob, out));
  blob += "more";
  CHECK(read_saved(blob, out));
  CHECK(out.at.state == Client::State::active);
}

TEST_CASE("fields that an earlier version did not have keep their defaults") {
  Machine m;
  m.connect();
  std::string blob = blob_of(*m.client);
  // Without the block of the rare parts, its size and what is in it, and what came later.
  const std::size_t rare = 4 + (4 + 2 + 2 + 1 + 8) + 8 + 5 * 4 + 2;
  std::uint32_t size;
  std::memcpy(&size, blob.data(), sizeof size);
  size -= rare;
  std::memcpy(blob.data(), &size, sizeof size);
  blob.resize(blob.size() - rare);
  Client::Saved out;
  CHECK(read_saved(blob, out));
  CHECK(out.client_id == "c1");
  CHECK(out.rare.empty());
}

TEST_CASE("states that no client can be in are refused") {
  Machine m;
  m.connect();
  Client::Saved good;
  m.client->save(good);
  const auto readable = [](const Client::Saved& saved) {
    std::string blob;
    append(blob, saved);
    Client::Saved out;
    return read_saved(blob, out);
  };
  CHECK(readable(good));
  Client::Saved bad = good;
  SUBCASE("no client id") { bad.client_id.clear(); }
  SUBCASE("an unknown state") { bad.at.state = static_cast<Client::State>(9); }
  SUBCASE("an unknown link") { bad.at.link = static_cast<sn::Link>(9); }
  SUBCASE("active without a link") { bad.at.link = sn::Link::none; }
  SUBCASE("closing without a link") {
    bad.at.state = Client::State::closing;
    bad.at.link = sn::Link::none;
  }
  SUBCASE("away with a link") {
    bad.at.state = Client::State::away;
    bad.at.away_until = 1;
  }
  SUBCASE("away for ever") {
    bad.at.state = Client::State::away;
    bad.at.link = sn::Link::none;
  }
  SUBCASE("connecting without a handshake") { bad.at.state = Client::State::connecting; }
  SUBCASE("a handshake while active") { bad.handshake.emplace(); }
  SUBCASE("QoS 3") { bad.held.emplace_back().qos = 3; }
  SUBCASE("a topic id that was never given") { bad.held.emplace_back().topic_id = 0x100; }
  SUBCASE("QoS 0 that waits for an acknowledgement") {
    sn::Held& held = bad.held.emplace_back();
    held.id_type = sn::IdType::short_name;
    held.stage = sn::Held::Stage::sent;
  }
  SUBCASE("in flight without a message id") {
    sn::Held& held = bad.held.emplace_back();
    held.id_type = sn::IdType::short_name;
    held.qos = 1;
    held.stage = sn::Held::Stage::sent;
  }
  SUBCASE("PUBREL of QoS 1") {
    sn::Held& held = bad.held.emplace_back();
    held.id_type = sn::IdType::short_name;
    held.qos = held.msg_id = 1;
    held.stage = sn::Held::Stage::released;
  }
  SUBCASE("REGISTER of an unknown id") { bad.rare.announcement.topic_id = 0x100; }
  SUBCASE("an unknown stage of QoS 2") {
    bad.awaiting.restore({0, 0, 1, static_cast<sn::AwaitingRel::Stage>(9)});
  }
  CHECK_FALSE(readable(bad));
}

}  // namespace
