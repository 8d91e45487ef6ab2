// What a store is told, and what waits for it.
#include "durable_client.hpp"

using namespace keel::kernel;

TEST_CASE("A PUBACK waits until the message is safe, and comes in order") {
  Disk disk;
  DurableCluster durable(disk);
  DurableClient subscriber(durable), publisher(durable);
  subscriber.connect("sub");
  subscriber.subscribe("t/#", 1);
  subscriber.hang_up();
  publisher.connect("pub", true);
  durable.store().held = true;
  publisher.publish("t/1", "one", 1, 1);
  publisher.publish("nobody", "two", 1, 2);  // nothing of its own to wait for
  CHECK(publisher.raw().silent());
  CHECK(disk.count(Space::queue) == 0);
  durable.store().held = false;
  durable.settle();
  CHECK(disk.count(Space::queue) == 1);
  CHECK(publisher.raw().expect(PacketType::puback).id == 1);
  CHECK(publisher.raw().expect(PacketType::puback).id == 2);
}

TEST_CASE("A message that no kept session gets is acknowledged at once") {
  Disk disk;
  DurableCluster durable(disk);
  DurableClient subscriber(durable), publisher(durable);
  wire::ConnectSpec plain;
  plain.id = "sub";
  subscriber.raw().connect(plain);
  subscriber.subscribe("t/#", 1);
  publisher.connect("pub", true);
  durable.store().held = true;
  publisher.publish("t/1", "one", 1, 7);
  CHECK(publisher.raw().expect(PacketType::puback).id == 7);
  CHECK(subscriber.raw().expect(PacketType::publish).payload == "one");
}

TEST_CASE("SUBACK and UNSUBACK of a kept session wait, those of others do not") {
  Disk disk;
  DurableCluster durable(disk);
  DurableClient kept(durable), other(durable);
  kept.connect("kept");
  wire::ConnectSpec plain;
  plain.id = "other";
  other.raw().connect(plain);
  durable.store().held = true;
  kept.raw().send(wire::subscribe({"a/#", 1}, Version::v5));
  other.raw().send(wire::subscribe({"a/#", 1}, Version::v5));
  CHECK(kept.raw().silent());
  other.raw().expect(PacketType::suback);
  durable.store().held = false;
  durable.settle();
  CHECK(kept.raw().expect(PacketType::suback).reason() == Reason::granted_qos1);
  CHECK(disk.count(Space::subscriptions) == 1);
  durable.store().held = true;
  kept.raw().send(wire::unsubscribe("a/#", 2, Version::v5));
  CHECK(kept.raw().silent());
  durable.store().held = false;
  durable.settle();
  kept.raw().expect(PacketType::unsuback);
  CHECK(disk.count(Space::subscriptions) == 0);
}

TEST_CASE("QoS 2 waits at each step, on both sides") {
  Disk disk;
  DurableCluster durable(disk);
  DurableClient subscriber(durable), publisher(durable);
  subscriber.connect("sub");
  subscriber.subscribe("t", 2);
  publisher.connect("pub");
  MemoryStore& store = durable.store();
  store.held = true;
  publisher.publish("t", "x", 2, 5);
  CHECK(publisher.raw().silent());
  CHECK(subscriber.raw().silent());
  store.held = false;
  durable.settle();
  CHECK(publisher.raw().expect(PacketType::pubrec).id == 5);
  const wire::Received message = subscriber.raw().expect(PacketType::publish);
  CHECK(message.payload == "x");
  CHECK_FALSE(message.dup);
  CHECK(disk.count(Space::awaiting) == 1);
  CHECK(disk.count(Space::sent) == 1);
  store.held = true;
  publisher.ack(PacketType::pubrel, 5);
  subscriber.ack(PacketType::pubrec, message.id);
  CHECK(publisher.raw().silent());
  CHECK(subscriber.raw().silent());
  store.held = false;
  durable.settle();
  CHECK(publisher.raw().expect(PacketType::pubcomp).id == 5);
  CHECK(subscriber.raw().expect(PacketType::pubrel).id == message.id);
  CHECK(disk.count(Space::awaiting) == 0);
  CHECK(disk.count(Space::queue) == 0);
  CHECK(disk.count(Space::sent) == 0);
  CHECK(disk.count(Space::released) == 1);
  subscriber.ack(PacketType::pubcomp, message.id);
  CHECK(disk.count(Space::released) == 0);
}

TEST_CASE("A session that a client starts anew has ended on disk before the client hears of it") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient away(durable), publisher(durable), again(durable);
    away.connect("c");
    away.subscribe("t/#", 1);
    away.hang_up();
    publisher.connect("pub", true);
    publisher.publish("t/1", "old", 1, 1);
    durable.store().held = true;
    wire::ConnectSpec spec;
    spec.id = "c";
    spec.expiry_s = 3600;
    again.raw().send(wire::connect(spec, Version::v5) + wire::pingreq());
    CHECK_MESSAGE(again.raw().silent(), "nor is anything answered that came behind it");
    SUBCASE("it is told, and goes on") {
      durable.store().held = false;
      durable.settle();
      const wire::Received connack = again.raw().expect(PacketType::connack);
      CHECK(connack.reason() == Reason::success);
      CHECK_FALSE(connack.session_present);
      again.raw().expect(PacketType::pingresp);
      CHECK(disk.count(Space::queue) == 0);
      CHECK(disk.count(Space::subscriptions) == 0);
      again.subscribe("t/#", 1);
      publisher.publish("t/1", "new", 1, 2);
      CHECK(drain(again, durable) == std::vector<std::string>{"new"});
      return;
    }
    SUBCASE("it goes meanwhile") {
      again.hang_up();
      durable.store().held = false;
      durable.settle();
      DurableClient next(durable);
      CHECK_FALSE(next.connect("c").session_present);
      return;
    }
    SUBCASE("another one with its client id is quicker") {
      DurableClient other(durable);
      other.raw().send(wire::connect(spec, Version::v5));
      CHECK(other.raw().expect(PacketType::connack).reason() == Reason::success);
      durable.store().held = false;
      durable.settle();
      CHECK_FALSE(again.raw().expect(PacketType::connack).session_present);
      CHECK(other.raw().expect(PacketType::disconnect).reason() == Reason::session_taken_over);
      return;
    }
    SUBCASE("the broker ends before it was told") {}
  }
  DurableCluster durable(disk);
  DurableClient client(durable);
  CHECK(client.connect("c").session_present);
  CHECK(drain(client, durable) == std::vector<std::string>{"old"});
}

TEST_CASE("What was acknowledged is there after a restart") {
  Disk disk;
  Version version = Version::v5;
  SUBCASE("v5") {}
  SUBCASE("v3.1.1") { version = Version::v311; }
  {
    DurableCluster durable(disk);
    DurableClient subscriber(durable, version), publisher(durable);
    CHECK_FALSE(subscriber.connect("sub").session_present);
    subscriber.subscribe("t/+", 1);
    subscriber.hang_up();
    publisher.connect("pub", true);
    for (std::uint16_t id = 1; id <= 5; ++id)
      publisher.publish("t/" + std::to_string(id), std::to_string(id), 1, id);
  }
  DurableCluster durable(disk);
  CHECK(durable.cluster().has_session("sub"));
  DurableClient subscriber(durable, version);
  CHECK(subscriber.connect("sub").session_present);
  CHECK(drain(subscriber, durable) == Strings{"1", "2", "3", "4", "5"});
  CHECK(disk.count(Space::queue) == 0);
  // And the subscription is.
  DurableClient publisher(durable);
  publisher.connect("pub", true);
  publisher.publish("t/6", "6");
  CHECK(drain(subscriber, durable) == Strings{"6"});
}

TEST_CASE("QoS 2 in flight goes on after a restart where it stood") {
  Disk disk;
  std::uint16_t first = 0, second = 0;
  {
    DurableCluster durable(disk);
    DurableClient subscriber(durable), publisher(durable);
    subscriber.connect("sub");
    subscriber.subscribe("t", 2);
    publisher.connect("pub");
    publisher.publish("t", "a", 2, 1);
    publisher.publish("t", "b", 2, 2);
    publisher.raw().take();
    first = subscriber.raw().expect(PacketType::publish).id;
    second = subscriber.raw().expect(PacketType::publish).id;
    subscriber.ack(PacketType::pubrec, first);  // PUBREL is on its way
  }
  DurableCluster durable(disk);
  DurableClient subscriber(durable), publisher(durable);
  CHECK(subscriber.connect("sub").session_present);
  bool released = false, again = false;
  for (const wire::Received& packet : subscriber.raw().take()) {
    if (packet.type == PacketType::pubrel) {
      CHECK(packet.id == first);
      released = true;
    }
    if (packet.type == PacketType::publish) {
      CHECK(packet.id == second);
      CHECK(packet.payload == "b");
      CHECK(packet.dup);
      again = true;
    }
  }
  CHECK(released);
  CHECK(again);
  // The publisher sends again what it had no PUBCOMP for: it was taken already.
  CHECK(publisher.connect("pub").session_present);
  publisher.send(wire::publish({"t", "a", 2, 1, false, true}, Version::v5));
  CHECK(publisher.raw().expect(PacketType::pubrec).id == 1);
  CHECK(subscriber.raw().silent());
  publisher.ack(PacketType::pubrel, 1);
  publisher.raw().expect(PacketType::pubcomp);
  // The id is free again, for a message of its own.
  publisher.publish("t", "c", 2, 1);
  publisher.raw().expect(PacketType::pubrec);
  CHECK(subscriber.raw().expect(PacketType::publish).payload == "c");
  subscriber.ack(PacketType::pubcomp, first);
  CHECK(disk.count(Space::released) == 0);
}

TEST_CASE("A long queue stands in the store, and is read as the client takes it") {
  Disk disk;
  Settings settings;
  settings.durability.queue_window = 10;
  settings.limits.max_queued = 0;
  Strings all;
  bool restart = false;
  SUBCASE("in one life") {}
  SUBCASE("with a restart") { restart = true; }
  auto durable = std::make_unique<DurableCluster>(disk, settings);
  {
    DurableClient subscriber(*durable), publisher(*durable);
    subscriber.connect("sub");
    subscriber.subscribe("t", 1);
    subscriber.hang_up();
    publisher.connect("pub", true);
    for (std::uint16_t id = 1; id <= 300; ++id) {
      all.push_back(std::to_string(id));
      publisher.publish("t", all.back(), 1, id);
    }
    CHECK(durable->cluster().session("sub").queued == 300);
    CHECK(durable->cluster().session("sub").queued_bytes < 10 * 200);
    CHECK(disk.count(Space::queue) == 300);
  }
  if (restart) {
    durable.reset();
    durable = std::make_unique<DurableCluster>(disk, settings);
  }
  DurableClient subscriber(*durable), publisher(*durable);
  subscriber.connect("sub", false, 7);
  publisher.connect("pub", true);
  publisher.publish("t", "last", 1, 1);  // behind all the others
  all.push_back("last");
  CHECK(drain(subscriber, *durable) == all);
  CHECK(disk.count(Space::queue) == 0);
  CHECK(durable->cluster().session("sub").queued == 0);
}

TEST_CASE("Receivers of one message share its payload in the store") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient publisher(durable);
    publisher.connect("pub", true);
    for (const char* id : {"a", "b", "c"}) {
      DurableClient subscriber(durable);
      subscriber.connect(id);
      subscriber.subscribe("t", 1);
      subscriber.hang_up();
    }
    publisher.publish("t", std::string(500, 'x'), 1, 1);
    publisher.publish("t", "small", 1, 2);
    CHECK(disk.count(Space::queue) == 6);
    CHECK(disk.count(Space::messages) == 1);
  }
  DurableCluster durable(disk);
  for (const char* id : {"a", "b", "c"}) {
    CHECK(disk.count(Space::messages) == 1);
    DurableClient subscriber(durable);
    subscriber.connect(id);
    CHECK(drain(subscriber, durable) == Strings{std::string(500, 'x'), "small"});
  }
  CHECK(disk.count(Space::messages) == 0);
  CHECK(disk.count(Space::queue) == 0);
}

TEST_CASE("Nothing of a session is left when it ends") {
  Disk disk;
  Settings settings;
  settings.durability.queue_window = 3;
  bool restart = false;
  SUBCASE("by a clean start") {}
  SUBCASE("by a clean start after a restart") { restart = true; }
  auto durable = std::make_unique<DurableCluster>(disk, settings);
  {
    DurableClient publisher(*durable), subscriber(*durable), other(*durable);
    publisher.connect("pub", true);
    other.connect("other");
    other.subscribe("t/#", 1);
    other.hang_up();
    subscriber.connect("sub", false, 2);
    subscriber.subscribe("t/#", 2);
    subscriber.subscribe("u", 1);
    subscriber.publish("x", "half", 2, 9);
    for (std::uint16_t id = 1; id <= 20; ++id)
      publisher.publish("t/" + std::to_string(id), std::string(200, 'x'), id % 2 ? 1 : 2, id);
    subscriber.hang_up();
  }
  CHECK(disk.count(Space::messages) == 20);
  if (restart) {
    durable.reset();
    durable = std::make_unique<DurableCluster>(disk, settings);
  }
  for (const char* id : {"sub", "other"}) {
    DurableClient again(*durable);
    again.connect(id, true);
    again.hang_up();
  }
  {
    DurableClient again(*durable);
    again.connect("pub", true);
  }
  for (const Space space : {Space::sessions, Space::subscriptions, Space::queue, Space::sent,
                            Space::released, Space::awaiting, Space::messages, Space::purge}) {
    CAPTURE(static_cast<int>(space));
    CHECK(disk.count(space) == 0);
  }
  CHECK(disk.holders.empty());
}

TEST_CASE("Retained messages are kept, replaced, removed, and waited for") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient publisher(durable);
    publisher.connect("pub", true);
    durable.store().held = true;
    publisher.publish("r/1", "old", 1, 1, true);
    CHECK(publisher.raw().silent());
    durable.store().held = false;
    durable.settle();
    publisher.raw().expect(PacketType::puback);
    publisher.publish("r/1", "new", 1, 1, true);
    publisher.publish("r/2", "gone", 1, 2, true);
    publisher.publish("r/2", "", 1, 3, true);
    publisher.publish("r/3", "zero", 0, 0, true);
  }
  CHECK(disk.count(Space::retained) == 2);
  DurableCluster durable(disk);
  CHECK(durable.cluster().realm().retained.count() == 2);
  DurableClient subscriber(durable);
  subscriber.connect("sub", true);
  subscriber.subscribe("r/#", 1);
  CHECK(drain(subscriber, durable) == Strings{"new", "zero"});
}

TEST_CASE("Expired retained messages leave the store, too") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient publisher(durable);
    publisher.connect("pub", true);
    wire::PublishSpec spec{"r", "x", 1, 1, true};
    spec.expiry_s = 5;
    publisher.send(wire::publish(spec, Version::v5));
    CHECK(disk.count(Space::retained) == 1);
    durable.cluster().advance(6'000);
    durable.cluster().realm().retained.expire(fake::FakeShard::kStartMs + 6'000, 100);
    durable.advance(1);
    CHECK(disk.count(Space::retained) == 0);
  }
}

TEST_CASE("Between shards the receipt of the other one is waited for") {
  Disk disk;
  DurableCluster durable(disk, {}, 2);
  Cluster& cluster = durable.cluster();
  const std::string far = cluster.id_on(1, "sub"), near = cluster.id_on(0, "pub");
  DurableClient subscriber(durable, Version::v5, 1), publisher(durable, Version::v5, 0);
  subscriber.connect(far);
  subscriber.subscribe("t", 1);
  subscriber.hang_up();
  publisher.connect(near, true);
  durable.store().held = true;
  publisher.publish("t", "x", 1, 1);
  CHECK(publisher.raw().silent());
  durable.store().held = false;
  durable.settle();
  CHECK(publisher.raw().expect(PacketType::puback).id == 1);
  CHECK(disk.count(Space::queue) == 1);
  // To one that keeps nothing the receipt comes at once.
  const std::string plain = cluster.id_on(1, "plain");
  DurableClient listener(durable, Version::v5, 1);
  wire::ConnectSpec spec;
  spec.id = plain;
  listener.raw().connect(spec);
  listener.subscribe("u", 1);
  durable.store().held = true;
  publisher.publish("u", "x", 1, 2);
  CHECK(publisher.raw().expect(PacketType::puback).id == 2);
}
