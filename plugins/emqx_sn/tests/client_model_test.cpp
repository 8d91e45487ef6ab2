// The machine between a model of a broker and one of a client, over a network that loses, repeats
// and reorders: nothing that was acknowledged is lost, QoS 2 comes once, the order is kept.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "emqx_sn/tests/client_model.hpp"

namespace {

using sn_test::Faults, sn_test::ModelBroker, sn_test::ModelClient, sn_test::Timeline;

class World : public sn::Outside {
 public:
  explicit World(std::uint32_t seed, const Faults& faults)
      : random(seed),
        broker(time, random),
        device(time, random, [this](std::string datagram) { to_gateway(std::move(datagram)); }),
        faults_(faults) {
    settings->retry_interval_ms = 2'000;
    settings->wait_interval_ms = 5'000;
    settings->idle_timeout_ms = 10'000;
    settings->max_inflight = static_cast<std::uint16_t>(1 + seed % 3);
    broker.window = settings->max_inflight;
    broker.machine = [this] { return client.get(); };
  }

  Timeline time;
  std::mt19937 random;
  ModelBroker broker;
  ModelClient device;
  std::shared_ptr<sn::ClientSettings> settings = std::make_shared<sn::ClientSettings>();
  sn::Counters counters;
  std::unique_ptr<sn::Client> client;
  int forgotten = 0, upgrades = 0;

  void calm() { faults_ = Faults(); }
  void upgrade() {
    if (!client) return;
    sn::Client::Saved saved, read;
    client->save(saved);
    std::string blob;
    append(blob, saved);
    REQUIRE(read_saved(blob, read));
    ++timer_;
    client = std::make_unique<sn::Client>(*this, settings, counters, read);
    ++upgrades;
  }

  // ---- sn::Outside ----
  std::int64_t now_ms() const override { return time.now; }
  void send(const sn::Head& head, std::string_view data) override {
    travel(std::string(head.view()).append(data),
           [this](const std::string& datagram) { device.on_datagram(datagram); });
  }
  void wake_at(std::int64_t when) override {
    time.at(when, [this, mine = ++timer_] {
      if (mine == timer_ && client) client->on_time();
    });
  }
  void open(bool, std::uint16_t, const sn::WillView*) override { broker.open(); }
  bool publish(std::string_view, std::string_view payload, std::uint8_t qos, bool,
               std::uint64_t token) override {
    if (random() % 50 == 0) return false;
    broker.publish(payload, qos, token);
    return true;
  }
  bool subscribe(std::string_view, std::uint8_t, std::uint64_t token) override {
    broker.subscribe(token);
    return true;
  }
  bool unsubscribe(std::string_view, std::uint64_t) override { return true; }
  bool set_will(const sn::WillView*, std::uint64_t token) override {
    broker.set_will(token);
    return true;
  }
  void received(std::uint32_t id) override { broker.received(id); }
  void ack(std::uint32_t id, std::uint8_t reason) override { broker.ack(id, reason); }
  void suspend() override { broker.suspend(); }
  void resume() override { broker.resume(); }
  void poll() override { broker.poll(); }
  void close(std::uint8_t) override { broker.close(); }
  void forget() override {
    ++forgotten;
    time.at(time.now, [this] { client.reset(); });
  }

 private:
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random); }

  void travel(const std::string& datagram, const std::function<void(const std::string&)>& arrive) {
    if (chance() < faults_.loss) return;
    const int copies = chance() < faults_.repeat ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto way =
          std::uniform_int_distribution<std::int64_t>(faults_.least_ms, faults_.most_ms)(random);
      time.after(way, [arrive, datagram] { arrive(datagram); });
    }
  }
  void to_gateway(std::string datagram) {
    travel(datagram, [this](const std::string& arrived) {
      sn::Packet packet;
      REQUIRE(sn::decode(arrived, packet));
      if (!client) {
        if (packet.type != sn::Type::connect) return send(sn::disconnect(), {});
        client = std::make_unique<sn::Client>(*this, settings, counters, "c1");
      }
      client->on_packet(packet);
    });
  }

  Faults faults_;
  std::uint64_t timer_ = 0;
};

// How often each is there.
std::map<std::string, int> counted(const std::vector<std::string>& all) {
  std::map<std::string, int> out;
  for (const std::string& one : all) ++out[one];
  return out;
}

// `all` without what came before.
std::vector<std::string> first_times(const std::vector<std::string>& all) {
  std::set<std::string> seen;
  std::vector<std::string> out;
  for (const std::string& one : all)
    if (seen.insert(one).second) out.push_back(one);
  return out;
}

void run(std::uint32_t seed, const Faults& faults, bool naps) {
  CAPTURE(seed);
  World world(seed, faults);
  std::vector<std::string> sent_up, sent_down;
  world.device.start();
  for (int step = 0; step < 300; ++step) {
    world.time.run_until(world.time.now + 200 + world.random() % 1'500);
    const auto qos = static_cast<std::uint8_t>(world.random() % 3);
    const std::string payload = std::to_string(step);
    switch (world.random() % 10) {
      case 0:
      case 1:
      case 2:
        world.device.publish(qos, payload);
        if (qos > 0) sent_up.push_back(std::to_string(qos) + payload);
        break;
      case 3:
        if (naps) world.device.sleep_soon();
        break;
      case 4:
        world.upgrade();
        break;
      default: {
        const std::string topic =
            world.random() % 8 == 0 ? std::string("dd") : "d/" + std::to_string(world.random() % 5);
        if (world.broker.send(topic, payload, qos) && qos > 0)
          sent_down.push_back(std::to_string(qos) + payload);
      }
    }
  }
  world.calm();
  world.device.stay_awake();
  world.time.run_until(world.time.now + 600'000);

  CHECK(world.device.broken == std::vector<std::string>());
  CHECK(world.forgotten == 0);
  CHECK(world.device.idle());
  CHECK(world.broker.waiting() == 0);
  REQUIRE(world.client);
  CHECK(world.client->state() == sn::Client::State::active);
  CHECK(world.client->held() == 0);
  // Up: all of it, in order, QoS 2 once.
  std::vector<std::string> up;
  for (const std::string& one : first_times(world.broker.published))
    if (one[0] != '0') up.push_back(one);
  CHECK(up == sent_up);
  CHECK(world.device.acknowledged.size() == sent_up.size());
  for (const auto& [message, times] : counted(world.broker.published))
    if (message[0] == '2') CHECK(times == 1);
  // Down: the same, but that what is in flight at once the network may put into another order.
  std::vector<std::string> down = first_times(world.device.received);
  if (world.settings->max_inflight > 1) {
    std::sort(down.begin(), down.end());
    std::sort(sent_down.begin(), sent_down.end());
  }
  CHECK(down == sent_down);
  for (const auto& each : counted(world.device.received))
    if (each.first[0] == '2') CHECK_MESSAGE(each.second == 1, each.first);
}

TEST_CASE("a network without faults") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) run(seed, {0, 0, 1, 20}, false);
}

TEST_CASE("a network without faults, a client that sleeps") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) run(seed, {0, 0, 1, 20}, true);
}

TEST_CASE("loss") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) run(seed, {0.15, 0, 1, 20}, true);
}

TEST_CASE("much loss") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) run(seed, {0.4, 0, 1, 20}, true);
}

TEST_CASE("repetition and another order") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) run(seed, {0, 0.3, 1, 300}, true);
}

TEST_CASE("all of it") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) run(seed, {0.2, 0.2, 1, 300}, true);
}

}  // namespace
