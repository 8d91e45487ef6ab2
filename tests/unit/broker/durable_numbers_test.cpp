// Numbers stay unique though damage took the row that says which have been given.
#include "durable_client.hpp"

using namespace keel::kernel;

namespace {

void forget_openings(Disk& disk) {
  disk.rows.erase({Space::meta, std::string(kOpenedKey)});
  disk.incomplete = true;
}

}  // namespace

TEST_CASE("New messages stand behind old ones, though the store says it was never opened") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient subscriber(durable);
    subscriber.connect("sub");
    subscriber.subscribe("t", 1);
  }
  {
    DurableCluster durable(disk);
    DurableClient publisher(durable);
    publisher.connect("pub", true);
    for (std::uint16_t id = 1; id <= 3; ++id) publisher.publish("t", std::to_string(id), 1, id);
  }
  forget_openings(disk);
  DurableCluster durable(disk);
  DurableClient subscriber(durable), publisher(durable);
  publisher.connect("pub", true);
  publisher.publish("t", "4", 1, 4);
  subscriber.connect("sub");
  CHECK(drain(subscriber, durable) == Strings{"1", "2", "3", "4"});
  publisher.publish("t", "5", 1, 5);
  CHECK(drain(subscriber, durable) == Strings{"5"});
  CHECK(disk.count(Space::queue) == 0);
}

TEST_CASE("A new session gets nothing of one whose own row is lost") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient subscriber(durable), publisher(durable);
    subscriber.connect("lost");
    subscriber.subscribe("t", 1);
    subscriber.hang_up();
    publisher.connect("pub", true);
    publisher.publish("t", "secret", 1, 1);
  }
  REQUIRE(disk.count(Space::queue) == 1);
  disk.rows.erase({Space::sessions, "lost"});
  forget_openings(disk);
  {
    DurableCluster durable(disk);
    DurableClient other(durable);
    other.connect("other");
    other.subscribe("u", 1);
  }
  DurableCluster durable(disk);
  DurableClient other(durable);
  other.connect("other");
  CHECK(drain(other, durable).empty());
}

TEST_CASE("A store that cannot be read where it begins is not used") {
  Disk disk;
  {
    DurableCluster durable(disk);
    DurableClient subscriber(durable);
    subscriber.connect("sub");
  }
  DurableCluster durable(disk, {}, 1, false);
  MemoryStore store(disk, durable.journal());
  store.damaged = true;
  std::string error;
  durable.state().store_ready(store, [&](Result<void> done) { error = done ? "" : done.error(); });
  while (error.empty() && store.work()) durable.settle();
  durable.settle();
  CHECK(error.find("start again") != std::string::npos);
  CHECK_FALSE(durable.journal().attached());
}
