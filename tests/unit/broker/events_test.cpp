// What hooks are told, each thing once.
#include "support.hpp"

namespace keel::kernel {
namespace {

struct Log {
  HookTable table;
  Strings events;

  explicit Log(std::uint32_t mask = ~0u) {
    table.notify = {&Log::note, this};
    table.event_mask = mask;
  }
  Strings take() { return std::exchange(events, {}); }

  static void note(void* self, const EventInfo& info) {
    static const char* const kNames[] = {"connected",  "disconnected", "created",    "resumed",
                                         "taken_over", "terminated",   "subscribed", "unsubscribed",
                                         "delivered",  "acked",        "dropped"};
    std::string line = kNames[static_cast<int>(info.event)];
    for (const std::string_view word : {info.client.client_id, info.topic, info.reason})
      if (!word.empty()) (line += ' ') += word;
    const bool message = info.event >= Event::message_delivered;
    CHECK((info.message != nullptr) == message);
    if (message) {
      CHECK(info.message->topic == info.topic);
      (line += " payload=") += info.message->payload;
    }
    static_cast<Log*>(self)->events.push_back(line);
  }
};

TEST_CASE("events: only those in the mask") {
  Cluster cluster;
  Log log(event_bit(Event::session_created) | event_bit(Event::message_dropped));
  cluster.set_hooks(log.table);
  Client client(cluster);
  client.connect({.id = "c"});
  client.subscribe({.filter = "t"});
  client.publish({.topic = "t", .payload = "1"});
  client.publish({.topic = "nobody", .payload = "2"});
  client.disconnect();
  CHECK(log.take() == Strings{"created c success", "dropped nobody no_subscriber payload=2"});
}

TEST_CASE("events: who connects, accepted and refused") {
  struct Seen {
    HookTable table;
    HookClient client;
    Reason code{};
    int calls = 0;
    std::string id;
  } seen;
  seen.table.event_mask = event_bit(Event::client_connected);
  seen.table.notify = {[](void* self, const EventInfo& info) {
                         auto& to = *static_cast<Seen*>(self);
                         ++to.calls;
                         to.client = info.client;
                         to.id = info.client.client_id;
                         to.code = info.code;
                       },
                       &seen};
  Cluster cluster;
  cluster.set_hooks(seen.table);
  Client accepted(cluster), refused(cluster), unreadable(cluster), old(cluster, Version::v311);
  accepted.connect({.id = "a", .keep_alive = 30, .expiry_s = 70});
  CHECK(seen.calls == 1);
  CHECK(seen.id == "a");
  CHECK(seen.code == Reason::success);
  CHECK(seen.client.keep_alive_s == 30);
  CHECK(seen.client.session_expiry_s == 70);
  CHECK(seen.client.version == Version::v5);
  CHECK(seen.client.clean_start);
  CHECK(seen.client.peer != nullptr);
  refused.connect({.id = "r", .user = "u"});
  CHECK(seen.calls == 2);
  CHECK(seen.id == "r");
  CHECK(seen.code == Reason::bad_user_name_or_password);
  old.connect({.id = "", .clean = false});
  CHECK(seen.calls == 3);
  CHECK(seen.code == Reason::client_identifier_not_valid);
  unreadable.send(wire::packet(0x10, "nonsense"));
  CHECK(seen.calls == 3);
}

TEST_CASE("events: a takeover that resumes, one that discards") {
  for (const bool resumes : {true, false}) {
    CAPTURE(resumes);
    Cluster cluster;
    Log log;
    Client first(cluster), second(cluster);
    first.connect({.id = "c", .clean = false, .expiry_s = 100});
    first.subscribe({.filter = "f"});
    cluster.set_hooks(log.table);
    second.connect({.id = "c", .clean = !resumes, .expiry_s = 100});
    CHECK(log.take() ==
          (resumes ? Strings{"taken_over c conflict", "disconnected c conflict",
                             "resumed c success", "connected c success"}
                   : Strings{"taken_over c conflict", "disconnected c conflict",
                             "unsubscribed c f session_terminated", "terminated c discarded",
                             "created c success", "connected c success"}));
  }
}

TEST_CASE("events: how a client and its session end") {
  Cluster cluster;
  Log log;
  cluster.set_hooks(log.table);
  const auto gone = [&](const wire::ConnectSpec& spec, const std::function<void(Client&)>& end) {
    Client client(cluster);
    client.connect(spec);
    log.take();
    end(client);
    cluster.settle();
    return log.take();
  };
  const wire::ConnectSpec brief{.id = "c"};
  CHECK(gone(brief, [](Client& c) { c.disconnect(); }) ==
        Strings{"disconnected c normal", "terminated c disconnected"});
  CHECK(gone(brief, [](Client& c) { c.hang_up(); }) ==
        Strings{"disconnected c closed", "terminated c disconnected"});
  CHECK(gone(brief, [&](Client&) { cluster.broker().kick("c"); }) ==
        Strings{"disconnected c kicked", "terminated c disconnected"});
  CHECK(gone(brief, [](Client& c) { c.send(wire::packet(0xF8, {})); }).size() == 2);
  CHECK(gone({.id = "c", .keep_alive = 1}, [&](Client&) { cluster.advance(2'000); }) ==
        Strings{"disconnected c keepalive_timeout", "terminated c disconnected"});
  // The will is published before the session ends, and has its own fate.
  CHECK(gone({.id = "c", .will = wire::WillSpec{.topic = "will", .payload = "w"}},
             [](Client& c) { c.hang_up(); }) == Strings{"disconnected c closed",
                                                        "dropped will no_subscriber payload=w",
                                                        "terminated c disconnected"});
  const wire::ConnectSpec lasting{.id = "c", .clean = false, .expiry_s = 10};
  CHECK(gone(lasting, [](Client& c) { c.disconnect(); }) == Strings{"disconnected c normal"});
  cluster.advance(11'000);
  CHECK(log.take() == Strings{"terminated c expired"});
  gone(lasting, [](Client& c) { c.disconnect(); });
  cluster.broker().clean_persistent("c");
  CHECK(log.take() == Strings{"terminated c cleaned"});
}

TEST_CASE("events: subscriptions, with their share prefix, once each") {
  Cluster cluster;
  Log log(event_bit(Event::session_subscribed) | event_bit(Event::session_unsubscribed));
  Client client(cluster);
  client.connect({.id = "c"});
  cluster.set_hooks(log.table);
  client.subscribe({.filter = "a"});
  client.subscribe({.filter = "a", .qos = 1});
  client.subscribe({.filter = "$share/g/b"});
  cluster.broker().add_subscription("c", "d", 1);
  client.send(wire::unsubscribe("a", 1, Version::v5));
  client.send(wire::unsubscribe("a", 1, Version::v5));
  client.disconnect();
  CHECK(log.take() == Strings{"subscribed c a success", "subscribed c a replaced",
                              "subscribed c $share/g/b success", "subscribed c d success",
                              "unsubscribed c a success",
                              "unsubscribed c $share/g/b session_terminated",
                              "unsubscribed c d session_terminated"});
}

TEST_CASE("events: delivered and acked, once per message, QoS 2 with its topic") {
  Cluster cluster;
  Log log(event_bit(Event::message_delivered) | event_bit(Event::message_acked) |
          event_bit(Event::message_dropped));
  cluster.set_hooks(log.table);
  Client pub(cluster);
  pub.connect({.id = "p"});
  auto sub = std::make_unique<Client>(cluster);
  const wire::ConnectSpec spec{.id = "c", .clean = false, .expiry_s = 100};
  sub->connect(spec);
  sub->subscribe({.filter = "t", .qos = 2});
  pub.publish({.topic = "t", .payload = "0"});
  sub->expect(PacketType::publish);
  CHECK(log.take() == Strings{"delivered c t success payload=0"});

  pub.publish({.topic = "t", .payload = "1", .qos = 1, .id = 1});
  CHECK(log.take() == Strings{"delivered c t success payload=1"});
  sub->hang_up();
  sub = std::make_unique<Client>(cluster);
  sub->connect(spec);  // sent again: not delivered again
  const wire::Received again = sub->expect(PacketType::publish);
  CHECK(again.dup);
  CHECK(log.take().empty());
  sub->ack(PacketType::puback, again.id);
  sub->ack(PacketType::puback, again.id);
  CHECK(log.take() == Strings{"acked c t success payload=1"});

  pub.publish({.topic = "t", .payload = "2", .qos = 2, .id = 2});
  const wire::Received two = sub->expect(PacketType::publish);
  log.take();
  sub->ack(PacketType::pubrec, two.id);
  sub->ack(PacketType::pubrec, two.id);
  sub->ack(PacketType::pubcomp, two.id);
  CHECK(log.take() == Strings{"acked c t success payload=2"});

  // Refused by the receiver.
  pub.ack(PacketType::pubrel, 2);
  pub.publish({.topic = "t", .payload = "3", .qos = 2, .id = 2});
  const wire::Received three = sub->take().back();
  log.take();
  sub->send(wire::ack(PacketType::pubrec, three.id, Reason::quota_exceeded));
  CHECK(log.take() == Strings{"acked c t quota exceeded payload=3"});
}

TEST_CASE("events: messages dropped, each with its cause, once") {
  Settings settings;
  settings.limits.max_queued = 1;
  settings.limits.max_output_bytes = 200;
  settings.mqtt.queue_qos0 = false;
  Cluster cluster(settings);
  Log log(event_bit(Event::message_dropped));
  Client pub(cluster);
  pub.connect({.id = "p"});
  const wire::ConnectSpec spec{.id = "c", .clean = false, .expiry_s = 100, .max_packet = 100};
  auto sub = std::make_unique<Client>(cluster);
  sub->connect(spec);
  sub->subscribe({.filter = "t", .qos = 1});
  cluster.set_hooks(log.table);

  pub.publish({.topic = "t", .payload = std::string(100, 'x')});
  CHECK(log.take() == Strings{"dropped c t packet_too_large payload=" + std::string(100, 'x')});
  pub.publish({.topic = "t", .payload = std::string(100, 'x'), .qos = 1, .id = 1});
  CHECK(log.take().size() == 1);
  pub.take();

  sub->wire().room = 0;
  for (int i = 0; i < 6; ++i) pub.publish({.topic = "t", .payload = std::string(60, 'y')});
  CHECK(log.events.size() == 2);
  CHECK(log.take()[0].starts_with("dropped c t slow"));
  sub->wire().room = fake::Wire::kUnlimited;
  sub->hang_up();

  pub.publish({.topic = "t", .payload = "0"});
  CHECK(log.take() == Strings{"dropped c t offline payload=0"});
  pub.publish({.topic = "t", .payload = "1", .qos = 1, .id = 1});
  pub.publish({.topic = "t", .payload = "2", .qos = 1, .id = 2});
  CHECK(log.take() == Strings{"dropped c t queue_full payload=1"});
  cluster.broker().clean_persistent("c");  // what still waits is lost with its session
  CHECK(log.take() == Strings{"dropped c t session_terminated payload=2"});
  CHECK(cluster.total(Gauge::queued_messages) == 0);
  CHECK(cluster.total(Gauge::queued_bytes) == 0);

  sub = std::make_unique<Client>(cluster);
  sub->connect(spec);
  sub->subscribe({.filter = "t", .qos = 1});
  sub->hang_up();
  pub.publish({.topic = "t", .payload = "short", .qos = 1, .id = 1, .expiry_s = 5});
  cluster.advance(6'000);
  sub = std::make_unique<Client>(cluster);
  sub->connect(spec);
  CHECK(log.take() == Strings{"dropped c t expired payload=short"});
  pub.publish({.topic = "$SYS/x", .payload = "no"});
  CHECK(log.take() == Strings{"dropped p $SYS/x not_authorized payload=no"});
}

TEST_CASE("events: a message refused by the publish hook, a shared one handed on") {
  Cluster cluster;
  Log log(event_bit(Event::message_dropped) | event_bit(Event::message_delivered));
  log.table.publish = {[](void*, const PublishRequest& request) {
                         return PublishAnswer{.verdict = request.message.payload == "no"
                                                             ? Verdict::deny
                                                             : Verdict::next};
                       },
                       nullptr};
  cluster.set_hooks(log.table);
  Client pub(cluster), one(cluster), two(cluster);
  pub.connect({.id = "p"});
  pub.publish({.topic = "t", .payload = "no"});
  CHECK(log.take() == Strings{"dropped p t refused payload=no"});
  one.connect({.id = "a"});
  one.subscribe({.filter = "$share/g/t", .qos = 1});
  pub.publish({.topic = "t", .payload = "1", .qos = 1, .id = 1});
  CHECK(log.take() == Strings{"delivered a t success payload=1"});
  two.connect({.id = "b"});
  two.subscribe({.filter = "$share/g/t", .qos = 1});
  one.disconnect();  // unacknowledged: another member gets it
  CHECK(log.take() == Strings{"delivered b t success payload=1"});
}

}  // namespace
}  // namespace keel::kernel
