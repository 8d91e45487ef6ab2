// A store that runs short, is replaced, leaves, is damaged; sessions from before it and from before
// a restart.
#include "durable_client.hpp"

using namespace keel::kernel;

TEST_CASE("A store that is short of space is asked for less and less") {
  Disk disk;
  DurableCluster durable(disk);
  DurableClient away(durable), there(durable), publisher(durable), old(durable, Version::v311);
  away.connect("away");
  away.subscribe("away", 1);
  away.hang_up();
  there.connect("there");
  there.subscribe("there", 1);
  publisher.connect("pub", true);
  old.connect("old", true);
  const auto puback = [&](const char* topic, bool retain) {
    publisher.publish(topic, "x", 1, 1, retain);
    return publisher.raw().expect(PacketType::puback).reason();
  };
  durable.journal().set_condition(StoreCondition::low, "little space");
  CHECK(puback("away", false) == Reason::quota_exceeded);
  CHECK(puback("there", false) == Reason::success);
  CHECK(puback("r", true) == Reason::no_matching_subscribers);
  durable.journal().set_condition(StoreCondition::lower, "less");
  CHECK(puback("r", true) == Reason::quota_exceeded);
  CHECK(puback("there", false) == Reason::success);
  durable.journal().set_condition(StoreCondition::full, "none");
  CHECK(puback("there", false) == Reason::quota_exceeded);
  there.raw().take();
  publisher.publish("there", "zero", 0);
  CHECK(there.raw().expect(PacketType::publish).payload == "zero");
  there.raw().send(wire::subscribe({"more", 1}, Version::v5));
  durable.settle();
  CHECK(there.raw().expect(PacketType::suback).reason() == Reason::quota_exceeded);
  durable.journal().set_condition(StoreCondition::failing, "broken");
  CHECK(puback("there", false) == Reason::implementation_specific_error);
  old.publish("there", "x", 1, 3);
  CHECK(old.raw().closed());
  CHECK(old.raw().silent());
  durable.journal().set_condition(StoreCondition::fine, "");
  CHECK(puback("away", false) == Reason::success);
}

TEST_CASE("A message refused on another shard is not acknowledged there either") {
  Disk disk;
  DurableCluster durable(disk, {}, 2);
  Cluster& cluster = durable.cluster();
  DurableClient away(durable, Version::v5, 1), publisher(durable), old(durable, Version::v311);
  away.connect(cluster.id_on(1, "away"));
  away.subscribe("t", 2);
  away.hang_up();
  publisher.connect(cluster.id_on(0, "pub"), true);
  old.connect(cluster.id_on(0, "old"), true);
  durable.journal().set_condition(StoreCondition::low, "little space");
  publisher.publish("t", "x", 2, 1);
  CHECK(publisher.raw().expect(PacketType::pubrec).reason() == Reason::quota_exceeded);
  old.publish("t", "x", 1, 1);
  CHECK(old.raw().closed());
  durable.journal().set_condition(StoreCondition::fine, "");
  publisher.publish("t", "y", 2, 1);  // the id is free
  CHECK(publisher.raw().expect(PacketType::pubrec).reason() == Reason::success);
}

TEST_CASE("A message on its way to another shard is kept there, though the store just ran short") {
  Disk disk;
  DurableCluster durable(disk, {}, 2);
  Cluster& cluster = durable.cluster();
  const std::string id = cluster.id_on(1, "away");
  DurableClient away(durable, Version::v5, 1), publisher(durable), back(durable, Version::v5, 1);
  away.connect(id);
  away.subscribe("t", 1);
  away.hang_up();
  publisher.connect(cluster.id_on(0, "pub"), true);
  // Its row is written here, before it is handed to the other shard.
  durable.store().on_submit = [&] {
    durable.journal().set_condition(StoreCondition::low, "little space");
  };
  publisher.publish("t", "x");
  CHECK(publisher.raw().expect(PacketType::puback).reason() == Reason::success);
  publisher.publish("t", "y", 1, 2);
  CHECK(publisher.raw().expect(PacketType::puback).reason() == Reason::quota_exceeded);
  back.connect(id);
  CHECK(drain(back, durable) == std::vector<std::string>{"x"});
}

TEST_CASE("A store is replaced under load, nothing is lost") {
  Disk disk;
  DurableCluster durable(disk);
  DurableClient subscriber(durable), publisher(durable);
  subscriber.connect("sub");
  subscriber.subscribe("t", 1);
  subscriber.hang_up();
  publisher.connect("pub", true);
  durable.state().store_paused();
  publisher.publish("t", "x", 1, 1);
  CHECK(publisher.raw().silent());
  MemoryStore next(disk, durable.journal());
  durable.state().store_back(next);
  durable.settle();
  while (next.work()) durable.settle();
  CHECK(publisher.raw().expect(PacketType::puback).id == 1);
  CHECK(disk.count(Space::queue) == 1);
}

TEST_CASE("Without the store sessions go on in memory, with what was in it alone") {
  Disk disk;
  Settings settings;
  settings.durability.queue_window = 2;
  DurableCluster durable(disk, settings);
  DurableClient subscriber(durable), publisher(durable);
  subscriber.connect("sub");
  subscriber.subscribe("t", 1);
  subscriber.hang_up();
  publisher.connect("pub", true);
  Strings all;
  for (std::uint16_t id = 1; id <= 9; ++id) {
    all.push_back(std::to_string(id));
    publisher.publish("t", all.back(), 1, id);
  }
  Strings names;
  CHECK(durable.cluster().broker().kept_sessions(5, names) == 1);
  CHECK(names == Strings{"sub"});
  bool gone = false;
  durable.state().store_leaving([&] { gone = true; });
  durable.settle();
  CHECK(gone);
  publisher.raw().take();
  publisher.publish("t", "10", 1, 10);  // nobody waits for a disk
  CHECK(publisher.raw().expect(PacketType::puback).id == 10);
  all.push_back("10");
  DurableClient again(durable);
  CHECK(again.connect("sub").session_present);
  CHECK(drain(again, durable) == all);
  again.hang_up();
  // Loaded again it holds what is in memory now, nothing of before.
  durable.attach();
  CHECK(disk.count(Space::queue) == 0);
  CHECK(disk.count(Space::sessions) == 1);
  publisher.publish("t", "11", 1, 11);
  CHECK(disk.count(Space::queue) == 1);
}

TEST_CASE("Sessions and retained messages from before the store are kept from then on") {
  Disk disk;
  {
    DurableCluster durable(disk, {}, 1, false);
    DurableClient subscriber(durable), publisher(durable);
    subscriber.connect("sub");
    subscriber.subscribe("t", 2);
    publisher.connect("pub", true);
    publisher.publish("t", "seen", 2, 1);
    subscriber.raw().expect(PacketType::publish);
    subscriber.hang_up();
    publisher.publish("t", "waits", 1, 2);
    publisher.publish("r", "kept", 1, 3, true);
    durable.attach();
    CHECK(disk.count(Space::sessions) == 1);
  }
  DurableCluster durable(disk);
  DurableClient subscriber(durable);
  CHECK(subscriber.connect("sub").session_present);
  CHECK(drain(subscriber, durable) == Strings{"seen", "waits"});
  CHECK(durable.cluster().realm().retained.count() == 1);
}

TEST_CASE("A will of a client that was connected when the broker ended is published") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient watcher(durable), dying(durable);
    watcher.connect("watcher");
    watcher.subscribe("wills", 1);
    watcher.hang_up();
    wire::ConnectSpec spec;
    spec.id = "dying";
    spec.clean = false;
    spec.expiry_s = 3600;
    spec.will = wire::WillSpec{"wills", "gone", 1};
    dying.raw().connect(spec);
    durable.settle();
  }
  // Not at once: it may be on its way back.
  DurableCluster durable(disk);
  DurableClient watcher(durable);
  watcher.connect("watcher");
  SUBCASE("it does not come back") {
    durable.advance(9'000);
    CHECK(drain(watcher, durable).empty());
    durable.advance(1'500);
    CHECK(drain(watcher, durable) == Strings{"gone"});
  }
  SUBCASE("it comes back") {
    DurableClient again(durable);
    CHECK(again.connect("dying").session_present);
    durable.advance(60'000);
    CHECK(drain(watcher, durable).empty());
  }
}

TEST_CASE("Sessions expire while the broker is down") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient client(durable);
    wire::ConnectSpec spec;
    spec.id = "short";
    spec.clean = false;
    spec.expiry_s = 1;
    client.raw().connect(spec);
    durable.settle();
    client.hang_up();
    CHECK(disk.count(Space::sessions) == 1);
  }
  DurableCluster durable(disk);
  durable.advance(1'500);
  CHECK_FALSE(durable.cluster().has_session("short"));
  CHECK(disk.count(Space::sessions) == 0);
}

TEST_CASE("Policies: none is not written, async is not waited for") {
  Disk disk;
  Settings settings;
  settings.durability.rules = {{"fast/#", Durability::async}, {"lost/#", Durability::none}};
  DurableCluster durable(disk, settings);
  DurableClient subscriber(durable), publisher(durable);
  subscriber.connect("sub");
  subscriber.subscribe("#", 1);
  subscriber.hang_up();
  publisher.connect("pub", true);
  durable.store().held = true;
  publisher.publish("fast/1", "x", 1, 1);
  CHECK(publisher.raw().expect(PacketType::puback).id == 1);
  publisher.publish("lost/1", "x", 1, 2);
  CHECK(publisher.raw().expect(PacketType::puback).id == 2);
  publisher.publish("safe", "x", 1, 3);
  CHECK(publisher.raw().silent());
  durable.store().held = false;
  durable.settle();
  CHECK(publisher.raw().expect(PacketType::puback).id == 3);
  CHECK(disk.count(Space::queue) == 2);
}

TEST_CASE("A retained message of QoS 2 that is in flight keeps its packet id over a restart") {
  Disk disk;
  std::uint16_t id = 0;
  {
    DurableCluster durable(disk);
    DurableClient publisher(durable), subscriber(durable);
    publisher.connect("pub", true);
    publisher.publish("r", "kept", 2, 1, true);
    publisher.ack(PacketType::pubrel, 1);
    subscriber.connect("sub");
    subscriber.subscribe("r", 2);
    const wire::Received message = subscriber.raw().expect(PacketType::publish);
    CHECK(message.retain);
    id = message.id;
  }
  DurableCluster durable(disk);
  DurableClient subscriber(durable);
  subscriber.connect("sub");
  const wire::Received message = subscriber.raw().expect(PacketType::publish);
  CHECK(message.id == id);
  CHECK(message.dup);
  CHECK(message.payload == "kept");
  subscriber.ack(PacketType::pubrec, id);
  subscriber.raw().expect(PacketType::pubrel);
  subscriber.ack(PacketType::pubcomp, id);
  CHECK(disk.count(Space::queue) == 0);
  CHECK(disk.count(Space::released) == 0);
}

TEST_CASE("What is damaged in a queue is left out, what cannot be read now comes later") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient subscriber(durable), publisher(durable);
    subscriber.connect("sub");
    subscriber.subscribe("t", 1);
    subscriber.hang_up();
    publisher.connect("pub", true);
    for (std::uint16_t id = 1; id <= 4; ++id) publisher.publish("t", std::to_string(id), 1, id);
  }
  auto row = disk.rows.lower_bound({Space::queue, ""});
  ++row;
  row->second.resize(row->second.size() / 2);
  DurableCluster durable(disk);
  durable.store().failing = true;
  DurableClient subscriber(durable), publisher(durable);
  subscriber.connect("sub");
  CHECK(subscriber.raw().silent());
  durable.store().failing = false;
  publisher.connect("pub", true);
  publisher.publish("t", "5", 1, 5);  // whatever is committed next
  CHECK(drain(subscriber, durable) == Strings{"1", "3", "4", "5"});
  CHECK(disk.count(Space::queue) == 0);
}

TEST_CASE("A message in flight that the store has lost holds nobody up") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient subscriber(durable), publisher(durable);
    subscriber.connect("sub");
    subscriber.subscribe("t", 2);
    publisher.connect("pub", true);
    publisher.publish("t", "lost", 2, 1);
    publisher.publish("t", "there", 2, 2);
    subscriber.raw().take();
  }
  disk.rows.erase(disk.rows.lower_bound({Space::queue, ""}));
  DurableCluster durable(disk);
  DurableClient subscriber(durable), publisher(durable);
  subscriber.connect("sub");
  CHECK(subscriber.raw().expect(PacketType::publish).payload == "there");
  CHECK(disk.count(Space::sent) == 1);
  publisher.connect("pub", true);
  publisher.publish("t", "new", 1, 3);
  CHECK(subscriber.raw().expect(PacketType::publish).payload == "new");
}

TEST_CASE("What was acknowledged finds another member also while the store is short of space") {
  Disk disk;
  DurableCluster durable(disk);
  DurableClient leaves(durable), away(durable), publisher(durable);
  away.connect("away");
  away.subscribe("$share/g/t", 1);
  away.hang_up();
  leaves.connect("leaves");
  leaves.subscribe("$share/g/t", 1);
  publisher.connect("pub", true);
  publisher.publish("t", "x", 1, 1);
  CHECK(leaves.raw().expect(PacketType::publish).payload == "x");
  publisher.raw().expect(PacketType::puback);
  durable.journal().set_condition(StoreCondition::low, "little space");
  DurableClient anew(durable);
  anew.connect("leaves", true);
  durable.settle();
  CHECK(durable.cluster().session("away").queued == 1);
  CHECK(disk.count(Space::queue) == 1);
}
