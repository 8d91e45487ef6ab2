// The store as a whole, and its long jobs.
#include "emqx_store/run/service.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <string>

#include "emqx_store/tests/gated_fs.hpp"
#include "emqx_store/tests/recorder.hpp"

using namespace emqx_store_test;  // NOLINT
using emqx_store::Amount;
using emqx_store::Jobs;
using emqx_store::Service;
using emqx_store::ServiceOptions;
using emqx_store::Watermarks;

namespace {

ServiceOptions service_options(const Directory& directory) {
  ServiceOptions out;
  out.engine = options_for(directory);
  out.look_ms = 1;
  return out;
}

std::unique_ptr<Service> open_service(const ServiceOptions& options, Recorder& recorder) {
  std::unique_ptr<Service> service;
  const Outcome opened = Service::open(options, recorder, service);
  REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
  return service;
}

// Everything is too little.
Watermarks nothing_is_enough() {
  const Amount all{.percent = true, .value = 100};
  return {{all, all, all}, 0};
}

}  // namespace

TEST_CASE("batches are kept over an end and a new beginning") {
  const Directory directory;
  Recorder recorder;
  auto service = open_service(service_options(directory), recorder);
  CHECK(service->last_ticket() == 0);
  const Batch first = std::move(Batch(1).put(1, "a", "1"));
  const Batch second = std::move(Batch(2).put(1, "b", "2"));
  service->submit(first.c());
  service->submit(second.c());
  recorder.wait_for(2);
  service.reset();

  service = open_service(service_options(directory), recorder);
  CHECK(service->last_ticket() == 2);
  REQUIRE(service->ask(5, keel::StoreQuery(query(KEEL_STORE_RANGE, 1))));
  const auto seen = recorder.wait([](const auto& s) { return s.replies.contains(5); });
  CHECK(seen.replies.at(5).rows == Rows{{"a", "1"}, {"b", "2"}});
}

TEST_CASE("a store that cannot be opened says why, and leaves nothing running") {
  const Directory directory;
  Recorder recorder;
  const auto service = open_service(service_options(directory), recorder);
  std::unique_ptr<Service> second;
  const Outcome opened = Service::open(service_options(directory), recorder, second);
  CHECK(opened.fault() == Fault::in_use);
  CHECK(second == nullptr);
}

TEST_CASE("the broker hears how the store is once it listens, and when that changes") {
  const Directory directory;
  Recorder recorder;
  recorder.listen(false);
  auto service = open_service(service_options(directory), recorder);
  while (service->status().space.total == 0) std::this_thread::yield();
  CHECK(recorder.seen().conditions.empty());
  recorder.listen(true);
  auto last_is = [&](std::uint32_t condition) {
    return [condition](const Recorder::Seen& seen) {
      return !seen.conditions.empty() && seen.conditions.back().first == condition;
    };
  };
  recorder.wait(last_is(KEEL_STORE_FINE));
  service->set_watermarks(nothing_is_enough());
  const auto seen = recorder.wait(last_is(KEEL_STORE_FULL));
  CHECK(seen.conditions.back().second.find(directory.db()) != std::string::npos);
  CHECK(service->status().condition.condition == KEEL_STORE_FULL);
  service->set_watermarks({});
  recorder.wait(last_is(KEEL_STORE_FINE));
  CHECK(recorder.seen().conditions.size() == 3);
}

TEST_CASE("a bound on the store's own size is looked after") {
  const Directory directory;
  Recorder recorder;
  ServiceOptions options = service_options(directory);
  options.watermarks.max_size = 1 << 20;
  const auto service = open_service(options, recorder);
  const Batch large = std::move(Batch(1).put(1, "a", std::string(2 << 20, 'v')));
  service->submit(large.c());
  const auto seen = recorder.wait([](const Recorder::Seen& s) {
    return !s.conditions.empty() && s.conditions.back().first == KEEL_STORE_FULL;
  });
  CHECK(seen.conditions.back().second.find("store.max_size") != std::string::npos);
  // What is full still takes what makes room.
  const Batch erase = std::move(Batch(2).erase(1, "a"));
  service->submit(erase.c());
  recorder.wait_for(2);
}

TEST_CASE("the status tells of the engine, the disk and what waits") {
  const Directory directory;
  Recorder recorder;
  const auto service = open_service(service_options(directory), recorder);
  const Batch batch = std::move(Batch(1).put(1, "a", "1").put(1, "b", "2"));
  service->submit(batch.c());
  while (service->status().engine.last_ticket != 1) std::this_thread::yield();
  const Service::Status status = service->status();
  CHECK(status.engine.operations == 2);
  CHECK(status.engine.groups == 1);
  CHECK(status.space.total > 0);
  CHECK(status.space.free > 0);
  CHECK(status.writer.waiting_batches == 0);
  CHECK(status.jobs.running.empty());
}

TEST_CASE("one job at a time; how it ended can be asked for") {
  Jobs jobs;
  std::promise<void> go, done;
  REQUIRE(jobs.start(
      "first",
      [&](const std::atomic<bool>&) {
        go.get_future().wait();
        return Jobs::Result{.good = true, .text = "well\nin detail\n", .json = "{}"};
      },
      [&](const Jobs::Result& result) {
        CHECK(result.good);
        CHECK(result.json == "{}");
        done.set_value();
      }));
  CHECK(jobs.state().running == "first");
  CHECK_FALSE(jobs.start("second", {}, {}));
  go.set_value();
  done.get_future().wait();
  CHECK(jobs.state().running.empty());
  CHECK(jobs.state().last == "first");
  CHECK(jobs.state().last_result == "well");

  std::promise<void> again;
  REQUIRE(jobs.start(
      "second", [](const std::atomic<bool>&) { return Jobs::Result{}; },
      [&](const Jobs::Result&) { again.set_value(); }));
  again.get_future().wait();
  CHECK(jobs.state().last == "second");
}

TEST_CASE("the end cancels a job and waits for it") {
  Jobs jobs;
  bool cancelled = false, told = false;
  REQUIRE(jobs.start(
      "long",
      [&](const std::atomic<bool>& cancel) {
        while (!cancel) std::this_thread::yield();
        cancelled = true;
        return Jobs::Result{};
      },
      [&](const Jobs::Result&) { told = true; }));
  jobs.stop();
  CHECK(cancelled);
  CHECK(told);
}

namespace {

// An octet of a value in a table is turned.
void damage_table(const std::string& directory, const std::string& value) {
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (file.path().extension() != ".sst") continue;
    std::ifstream in(file.path(), std::ios::binary);
    std::string octets((std::istreambuf_iterator<char>(in)), {});
    const std::size_t at = octets.find(value);
    REQUIRE(at != std::string::npos);
    octets[at] = static_cast<char>(octets[at] ^ 1);
    std::ofstream(file.path(), std::ios::binary) << octets;
  }
}

void write_damaged(const Directory& directory, Recorder& recorder) {
  auto service = open_service(service_options(directory), recorder);
  // Far from the engine's own rows, which are read when a store is opened.
  Batch batch(1);
  batch.put(1, "a", "a value that will be damaged");
  for (int i = 0; i < 100; ++i) batch.put(2, std::to_string(i), std::string(1000, 'v'));
  service->submit(batch.c());
  recorder.wait_for(1);
  service.reset();
  damage_table(directory.db(), "a value that will be damaged");
}

}  // namespace

TEST_CASE("a query that meets damage is answered without it, and the damage is told") {
  const Directory directory;
  Recorder recorder;
  write_damaged(directory, recorder);
  const auto service = open_service(service_options(directory), recorder);
  REQUIRE(service->ask(1, keel::StoreQuery(query(KEEL_STORE_RANGE, 1))));
  const auto seen = recorder.wait([](const auto& s) { return s.replies.contains(1); });
  CHECK(seen.replies.at(1).fault == Fault::damaged);
  CHECK(seen.replies.at(1).rows.empty());
  REQUIRE(seen.damages.size() == 1);
  CHECK(seen.damages[0].find("cannot read") != std::string::npos);
}

TEST_CASE("damage that compaction meets does not keep the store from writing") {
  const Directory directory;
  Recorder recorder;
  write_damaged(directory, recorder);
  ServiceOptions options = service_options(directory);
  int opened = 0;
  options.open = [&](const EngineOptions& engine_options, bool first,
                     std::unique_ptr<Engine>& engine) {
    CHECK(first == (++opened == 1));
    CHECK(engine_options.compaction == first);
    return Engine::open(engine_options, engine);
  };
  auto service = open_service(options, recorder);
  const emqx_store::Outcome compacted = emqx_store::Gate::Visit(service->gate())->compact();
  CHECK(compacted.fault() == Fault::damaged);
  const Batch batch = std::move(Batch(2).put(1, "b", "2"));
  service->submit(batch.c());
  const auto seen = recorder.wait_for(2);
  CHECK(seen.damages.size() == 1);
  CHECK(service->last_ticket() == 2);
  service.reset();
  CHECK(opened == 2);
}
