// Brokers that end at any moment, with whatever the disk had by then, and clients that go on as
// MQTT demands: what was acknowledged arrives, of QoS 2 exactly once, in order.
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "memory_store.hpp"

using namespace keel::kernel;

namespace {

class Fate {
 public:
  explicit Fate(std::uint32_t seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

 private:
  std::mt19937 random_;
};

// A client with all the state that MQTT makes it keep over connections.
class ModelClient {
 public:
  ModelClient(std::string id, std::uint32_t shard) : id_(std::move(id)), shard_(shard) {}

  bool connected() const { return client_ && !client_->closed(); }
  void lose() { client_.reset(); }
  void connect(Cluster& cluster) {
    client_ = std::make_unique<Client>(cluster, Version::v5, shard_);
    wire::ConnectSpec spec;
    spec.id = id_;
    spec.clean = false;
    spec.expiry_s = 100'000;
    const wire::Received connack = client_->connect(spec);
    REQUIRE(connack.reason() == Reason::success);
    if (!connack.session_present) {
      // Nothing that it was told about this session may be forgotten.
      CHECK_FALSE(subscribed);
      CHECK(incoming_.empty());
      incoming_.clear();
    }
    for (auto& [number, flight] : flights_) {
      if (flight.released)
        client_->send(wire::ack(PacketType::pubrel, flight.id));
      else
        client_->send(wire::publish(
            {flight.topic, flight.payload, flight.qos, flight.id, false, connack.session_present},
            Version::v5));
    }
  }
  void subscribe(std::string_view filter, std::uint8_t qos) {
    client_->send(wire::subscribe({std::string(filter), qos, 60'000}, Version::v5));
  }
  // False: too much is under way.
  bool publish(const std::string& topic, const std::string& payload, std::uint8_t qos) {
    if (flights_.size() >= 20) return false;
    std::uint16_t id = 1;
    const auto taken = [&](std::uint16_t wanted) {
      for (const auto& each : flights_)
        if (each.second.id == wanted) return true;
      return false;
    };
    while (taken(id)) ++id;
    flights_[++number_] = {topic, payload, qos, id, false};
    client_->send(wire::publish({topic, payload, qos, id}, Version::v5));
    return true;
  }
  bool idle() const { return flights_.empty(); }

  // Takes what has arrived; `eager`: answers it, too.
  void look(Fate& fate) {
    if (!connected()) return;
    for (const wire::Received& packet : client_->take()) take(packet);
    (void)fate;
  }

  bool subscribed = false;
  std::vector<std::string> received;   // payloads, in order
  std::set<std::string> acknowledged;  // payloads of its own
  std::function<void()> on_subscribed;

 private:
  struct Flight {
    std::string topic, payload;
    std::uint8_t qos;
    std::uint16_t id;
    bool released;
  };

  void take(const wire::Received& packet) {
    switch (packet.type) {
      case PacketType::publish:
        if (packet.qos == 2) {
          if (incoming_.insert(packet.id).second) received.push_back(packet.payload);
          client_->send(wire::ack(PacketType::pubrec, packet.id));
        } else {
          received.push_back(packet.payload);
          if (packet.qos == 1) client_->send(wire::ack(PacketType::puback, packet.id));
        }
        break;
      case PacketType::pubrel:
        incoming_.erase(packet.id);
        client_->send(wire::ack(PacketType::pubcomp, packet.id));
        break;
      case PacketType::suback:
        if (!subscribed) on_subscribed();
        subscribed = true;
        break;
      case PacketType::puback:
        finish(packet.id);
        break;
      case PacketType::pubrec:
        for (auto& each : flights_)
          if (each.second.id == packet.id && each.second.qos == 2) {
            acknowledged.insert(each.second.payload);
            each.second.released = true;
          }
        client_->send(wire::ack(PacketType::pubrel, packet.id));
        break;
      case PacketType::pubcomp:
        finish(packet.id);
        break;
      default:
        break;
    }
  }
  void finish(std::uint16_t id) {
    for (auto each = flights_.begin(); each != flights_.end(); ++each)
      if (each->second.id == id) {
        acknowledged.insert(each->second.payload);
        flights_.erase(each);
        return;
      }
  }

  const std::string id_;
  const std::uint32_t shard_;
  std::unique_ptr<Client> client_;
  std::map<std::uint64_t, Flight> flights_;  // in the order they were sent
  std::uint64_t number_ = 0;
  std::set<std::uint16_t> incoming_;  // QoS 2, PUBREL awaited
};

struct Model {
  explicit Model(std::uint32_t seed) : fate(seed) {
    settings.durability.queue_window = 1 + fate.below(8);
    settings.limits.max_queued = 0;
    settings.limits.max_inflight = 1 + fate.below(6);
    shards = 1 + fate.below(2);
    pace = 1 + fate.below(8);
    start();
    for (int i = 0; i < 3; ++i) {
      publishers.push_back(std::make_unique<ModelClient>("p" + std::to_string(i), 0));
      publishers.back()->on_subscribed = [] {};
    }
    for (int i = 0; i < 3; ++i) {
      subscribers.push_back(
          std::make_unique<ModelClient>("s" + std::to_string(i), fate.below(shards)));
      subscribers.back()->on_subscribed = [] {};
    }
  }

  void start() {
    for (auto* all : {&publishers, &subscribers})
      for (auto& client : *all) client->lose();
    durable.reset();
    durable = std::make_unique<DurableCluster>(disk, settings, shards);
    durable->store().held = true;
  }
  // Some of what waits for the disk, then a look around.
  void step() {
    if (fate.one_in(pace)) durable->store().commit_one();
    if (fate.one_in(40))
      while (durable->store().commit_one()) {
      }
    if (fate.one_in(3)) durable->store().answer_one();
    durable->settle();
  }
  void act() {
    auto& all = fate.one_in(2) ? publishers : subscribers;
    ModelClient& client = *all[fate.below(static_cast<std::uint32_t>(all.size()))];
    if (!client.connected()) {
      if (fate.one_in(2)) client.connect(durable->cluster());
    } else if (fate.one_in(25)) {
      client.lose();
    } else if (&all == &subscribers) {
      if (!client.subscribed && fate.one_in(4))
        client.subscribe("t/#", 2);
      else if (fate.one_in(2))
        client.look(fate);
    } else {
      if (fate.one_in(2)) client.look(fate);
      // Only what is sent once all have subscribed has to reach all.
      if (client.connected() && ready()) {
        const std::uint8_t qos = fate.one_in(2) ? 2 : 1;
        const std::string payload = std::to_string(qos) + ":" + std::to_string(++count) +
                                    (fate.one_in(3) ? std::string(300, '.') : std::string());
        if (client.publish("t/" + std::to_string(fate.below(3)), payload, qos))
          sent[&client].push_back(payload);
      }
    }
  }
  bool ready() const {
    for (const auto& subscriber : subscribers)
      if (!subscriber->subscribed) return false;
    return true;
  }
  // Everybody is there and nothing is left to do.
  void drain() {
    durable->store().held = false;
    for (int quiet = 0; quiet < 3; ++quiet) {
      for (auto* all : {&publishers, &subscribers})
        for (auto& client : *all) {
          if (!client->connected()) client->connect(durable->cluster());
          durable->settle();
          client->look(fate);
          durable->settle();
        }
    }
    std::size_t before = ~std::size_t{0}, now = 0;
    // A message of QoS 2 takes three rounds.
    for (int quiet = 0; quiet < 6 || busy(); quiet = before == now ? quiet + 1 : 0) {
      before = now;
      now = 0;
      for (auto* all : {&publishers, &subscribers})
        for (auto& client : *all) {
          client->look(fate);
          durable->settle();
          now += client->received.size() + client->acknowledged.size();
        }
    }
  }
  bool busy() const {
    for (const auto& publisher : publishers)
      if (!publisher->idle()) return true;
    return false;
  }
  void check() {
    for (const auto& subscriber : subscribers) {
      std::map<std::string, int> times;
      for (const std::string& payload : subscriber->received) ++times[payload];
      for (const auto& publisher : publishers) {
        for (const std::string& payload : publisher->acknowledged) {
          CAPTURE(payload);
          CHECK(times[payload] >= 1);
          if (payload[0] == '2') CHECK(times[payload] == 1);
        }
        // Of each QoS, the first time that each is seen, in the order in which they were sent.
        for (const char qos : {'1', '2'}) {
          std::set<std::string> seen;
          std::vector<std::string> first;
          for (const std::string& payload : subscriber->received)
            if (payload[0] == qos && seen.insert(payload).second) first.push_back(payload);
          std::size_t at = 0;
          for (const std::string& payload : sent[publisher.get()])
            if (payload[0] == qos && seen.contains(payload)) {
              while (at < first.size() && first[at] != payload) ++at;
              CAPTURE(payload);
              CHECK(at < first.size());
            }
        }
      }
    }
    CHECK(disk.count(Space::queue) == 0);
    CHECK(disk.count(Space::sent) == 0);
    CHECK(disk.count(Space::released) == 0);
    CHECK(disk.count(Space::awaiting) == 0);
    CHECK(disk.count(Space::messages) == 0);
  }

  Fate fate;
  Settings settings;
  std::uint32_t shards = 1, pace = 1;
  Disk disk;
  std::unique_ptr<DurableCluster> durable;
  std::vector<std::unique_ptr<ModelClient>> publishers, subscribers;
  std::map<const ModelClient*, std::vector<std::string>> sent;
  int count = 0;
};

}  // namespace

TEST_CASE("The broker ends at any moment, and nothing acknowledged is lost or comes twice") {
  // More of them: DURABLE_MODEL_SEEDS=1000; from which one on: DURABLE_MODEL_FROM.
  const auto number = [](const char* name, int otherwise) {
    const char* const given = std::getenv(name);
    return given ? std::atoi(given) : otherwise;
  };
  const int from = number("DURABLE_MODEL_FROM", 1);
  for (int seed = from; seed < from + number("DURABLE_MODEL_SEEDS", 60); ++seed) {
    CAPTURE(seed);
    Model model(static_cast<std::uint32_t>(seed));
    for (int step = 0; step < 400; ++step) {
      model.act();
      model.step();
      if (model.fate.one_in(40)) model.start();
    }
    model.drain();
    model.check();
  }
}
