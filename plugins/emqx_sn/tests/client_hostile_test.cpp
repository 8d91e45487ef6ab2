// Whatever a client sends, in whatever state: the machine stays within its bounds, asks only for
// what makes sense, and serves on. Seeded.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "emqx_sn/tests/machine.hpp"
#include "emqx_sn/topic_text.hpp"

namespace {

using sn::Client;

// Checks what it is asked for, and answers at some time or never.
class Strict : public sn::Outside {
 public:
  explicit Strict(std::mt19937& random) : random_(random) {}

  std::int64_t now = 1'000'000, timer = 0;
  bool open_now = false, opening = false, closing = false, suspended = false, forgotten = false;
  std::vector<std::uint64_t> publishes, subscribes, wills;
  std::set<std::uint32_t> deliveries;  // not acknowledged
  std::size_t sent = 0;

  std::int64_t now_ms() const override { return now; }
  void send(const sn::Head& head, std::string_view data) override {
    alive();
    ++sent;
    sn::Packet packet;
    const std::string datagram = std::string(head.view()).append(data);
    REQUIRE(sn::decode(datagram, packet));
    CHECK(packet.code <= 3);
    if (packet.type == sn::Type::reg) CHECK(sn::is_topic_name(packet.text));
    if (packet.type == sn::Type::reg || packet.type == sn::Type::pubrel) CHECK(packet.msg_id != 0);
    if (packet.type == sn::Type::disconnect) CHECK(datagram.size() == 2);
  }
  void wake_at(std::int64_t when) override {
    alive();
    CHECK(when > now);
    timer = when;
  }
  void open(bool, std::uint16_t, const sn::WillView* will) override {
    alive();
    CHECK_FALSE((open_now || opening || closing));
    if (will) CHECK(sn::is_topic_name(will->topic));
    opening = true;
    suspended = false;
  }
  bool publish(std::string_view topic, std::string_view, std::uint8_t qos, bool,
               std::uint64_t token) override {
    linked();
    CHECK(sn::is_topic_name(topic));
    CHECK(qos <= 2);
    return take(publishes, token, qos > 0);
  }
  bool subscribe(std::string_view filter, std::uint8_t qos, std::uint64_t token) override {
    linked();
    CHECK(sn::is_topic_text(filter));
    CHECK(qos <= 2);
    return take(subscribes, token, true);
  }
  bool unsubscribe(std::string_view filter, std::uint64_t token) override {
    linked();
    CHECK(sn::is_topic_text(filter));
    return take(subscribes, token, true);
  }
  bool set_will(const sn::WillView* will, std::uint64_t token) override {
    linked();
    if (will) CHECK(sn::is_topic_name(will->topic));
    return take(wills, token, true);
  }
  void received(std::uint32_t id) override {
    linked();
    CHECK(deliveries.contains(id));
  }
  void ack(std::uint32_t id, std::uint8_t) override {
    linked();
    CHECK(deliveries.erase(id) == 1);
  }
  void suspend() override {
    linked();
    CHECK_FALSE(std::exchange(suspended, true));
  }
  void resume() override {
    linked();
    CHECK(std::exchange(suspended, false));
  }
  void poll() override {
    linked();
    CHECK(suspended);
  }
  void close(std::uint8_t) override {
    linked();
    open_now = false;
    closing = true;
    drop();
  }
  void forget() override {
    alive();
    CHECK_FALSE((open_now || opening || closing));
    forgotten = true;
  }
  void drop() {
    publishes.clear();
    subscribes.clear();
    wills.clear();
    deliveries.clear();
  }

 private:
  void alive() { CHECK_FALSE(forgotten); }
  void linked() {
    alive();
    CHECK(open_now);
  }
  bool take(std::vector<std::uint64_t>& tokens, std::uint64_t token, bool answered) {
    if (tokens.size() > 50 || random_() % 16 == 0) return false;
    if (answered) tokens.push_back(token);
    return true;
  }

  std::mt19937& random_;
};

// One client and everything that can happen to it, by dice.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed), out_(random_) {
    settings_->max_inflight = static_cast<std::uint16_t>(1 + seed % 3);
    settings_->max_topics = 20;
    settings_->max_held = 10;
    settings_->max_awaiting_rel = 5;
    settings_->max_packet_size = 100;
    settings_->enable_qos3 = seed % 2 != 0;
    settings_->lenient_topic_id = seed % 3 == 0;
    settings_->resume_on_wakeup = seed % 4 != 0;
    settings_->subs_resume = seed % 5 == 0;
    if (seed % 7 == 0) settings_->mountpoint = "m/";
    sn::Predefined names;
    names.add("", 1, "pre/1");
    names.add("c1", 2, "pre/2");
    settings_->predefined = std::make_shared<sn::Predefined>(names);
    make();
  }

  void throw_once() {
    switch (random_() % 12) {
      case 0:
        return broker();
      case 1:
        return deliver();
      case 2:
        return time();
      case 3:
        if (random_() % 8 == 0) upgrade();
        return;
      case 4:
        if (random_() % 16 == 0) client_->moved();
        return;
      case 5:
        if (random_() % 64 == 0) random_() % 2 ? client_->end(0x98) : client_->displace();
        return after();
      default:
        return packet();
    }
  }
  void check_bounds() const {
    CHECK(client_->topics().size() <= 20);
    CHECK(client_->held() <= 10 + 64 + settings_->max_inflight);
  }
  std::size_t sent() const { return out_.sent; }

 private:
  void make() {
    out_.forgotten = false;
    out_.timer = 0;
    client_ = std::make_unique<Client>(out_, settings_, counters_, "c1");
    connect();
  }
  void after() {
    if (out_.forgotten) make();
  }
  void connect() {
    sn::Packet packet;
    packet.type = sn::Type::connect;
    packet.protocol_id = 1;
    packet.duration = static_cast<std::uint16_t>(random_() % 100);
    packet.flags.clean = random_() % 2;
    packet.flags.will = random_() % 4 == 0;
    packet.text = "c1";
    client_->on_packet(packet);
  }
  std::uint16_t small() { return static_cast<std::uint16_t>(random_() % 8); }
  void packet() {
    static const char* const kTexts[] = {
        "",      "a",   "a/b", "a/+",          "#",          "c1",      "\xff", "te",
        "pre/1", "u/1", "u/2", "$share/g/a/b", "$queue/u/1", "$share/g"};
    if (random_() % 16 == 0) return connect();
    sn::Packet packet;
    packet.type = static_cast<sn::Type>(random_() % 0x20);
    packet.flags = sn::Flags::from(static_cast<std::uint8_t>(random_()));
    packet.protocol_id = random_() % 8 != 0;
    packet.code = static_cast<std::uint8_t>(random_() % 3 ? 0 : random_() % 6);
    packet.duration = static_cast<std::uint16_t>(random_() % 3 ? random_() % 100 : 0);
    packet.topic_id = static_cast<std::uint16_t>(random_() % 4 ? 0x100 + small() : random_());
    if (random_() % 4 == 0) packet.topic_id = small();
    packet.msg_id = small();
    packet.text = kTexts[random_() % std::size(kTexts)];
    packet.empty = packet.text.empty();
    client_->on_packet(packet);
    after();
  }
  void answer(std::vector<std::uint64_t>& tokens,
              void (Client::*how)(std::uint64_t, std::uint8_t)) {
    static const std::uint8_t kReasons[] = {0, 0, 0, 1, 2, 0x10, 0x80, 0x87, 0x97};
    if (tokens.empty()) return;
    const std::uint64_t token = tokens.front();
    tokens.erase(tokens.begin());
    (client_.get()->*how)(token, kReasons[random_() % std::size(kReasons)]);
  }
  void broker() {
    if (out_.closing) {
      out_.closing = false;
      client_->on_closed(0);
    } else if (out_.opening) {
      out_.opening = false;
      out_.open_now = random_() % 8 != 0;
      client_->on_opened(out_.open_now ? 0 : 0x87, random_() % 2);
    } else if (out_.open_now) {
      switch (random_() % 8) {
        case 0:
          if (random_() % 16) break;
          out_.open_now = false;
          out_.drop();
          client_->on_closed(0x8e);
          break;
        case 1:
          client_->on_polled();
          break;
        case 2:
          answer(out_.wills, &Client::on_published);
          break;
        case 3:
        case 4:
          answer(out_.subscribes, &Client::on_suback);
          break;
        default:
          answer(out_.publishes, &Client::on_published);
      }
    }
    after();
  }
  void deliver() {
    static const char* const kTopics[] = {"a/b", "te", "pre/1", "pre/2", "u/1", "m/u/2", "d/1"};
    if (!out_.open_now) return;
    std::uint8_t qos = static_cast<std::uint8_t>(random_() % 3);
    if (out_.deliveries.size() >= settings_->max_inflight) qos = 0;
    std::uint32_t id = 0;
    if (qos != 0) {
      do id = 1 + random_() % 20;
      while (!out_.deliveries.insert(id).second);
    }
    const std::string topic = random_() % 4 ? kTopics[random_() % std::size(kTopics)]
                                            : "d/" + std::to_string(random_() % 40);
    client_->on_delivery({id, topic, std::string(random_() % 110, 'x'), qos, random_() % 2 != 0,
                          random_() % 8 == 0});
    after();
  }
  void time() {
    out_.now += static_cast<std::int64_t>(random_() % 4 ? random_() % 100 : random_() % 20'000);
    while (out_.timer != 0 && out_.timer <= out_.now && !out_.forgotten) {
      out_.timer = 0;
      client_->on_time();
    }
    after();
  }
  void upgrade() {
    Client::Saved saved, read;
    client_->save(saved);
    std::string blob;
    append(blob, saved);
    REQUIRE(read_saved(blob, read));
    out_.timer = 0;
    client_ = std::make_unique<Client>(out_, settings_, counters_, read);
  }

  std::mt19937 random_;
  std::shared_ptr<sn::ClientSettings> settings_ = std::make_shared<sn::ClientSettings>();
  sn::Counters counters_;
  Strict out_;
  std::unique_ptr<Client> client_;
};

TEST_CASE("any packet in any state") {
  std::size_t sent = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Dice dice(seed);
    for (int i = 0; i < 5'000; ++i) {
      dice.throw_once();
      if (i % 100 == 0) dice.check_bounds();
    }
    sent += dice.sent();
  }
  CHECK(sent > 10'000);
}

}  // namespace
