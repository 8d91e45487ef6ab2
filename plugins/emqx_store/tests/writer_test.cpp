// The threads: how batches are grouped, what is reported when, and what happens when writes fail.
#include "emqx_store/run/writer.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <thread>

#include "emqx_store/engine/probe.hpp"
#include "emqx_store/run/readers.hpp"
#include "emqx_store/tests/gated_fs.hpp"
#include "emqx_store/tests/recorder.hpp"

using namespace emqx_store_test;  // NOLINT
using emqx_store::Condition;
using emqx_store::Gate;
using emqx_store::Readers;
using emqx_store::Writer;

namespace {

// An open store with its threads.
class Running {
 public:
  explicit Running(Writer::Options options = {}) : engine_options_(options_for(directory)) {
    engine_options_.env = gated.env.get();
    gate.open(open(engine_options_));
    syncs_ = gated.fs->syncs();
    options.first_pause_ms = 1;
    options.longest_pause_ms = 4;
    options.open = [this](const Outcome&, std::unique_ptr<Engine>& engine) {
      if (failed_opens > 0) {
        --failed_opens;
        return Outcome(Fault::io, "cannot open");
      }
      EngineOptions opened = engine_options_;
      if (forgetful) opened.directory = elsewhere.db();
      return Engine::open(opened, engine);
    };
    options.probe = [this] { return emqx_store::probe_disk(*gated.env, directory.db()); };
    writer.emplace(gate, condition, recorder, std::move(options));
    writer->start();
    readers.emplace(gate, recorder);
    readers->start(2);
  }
  ~Running() {
    writer->stop();
    readers->stop();
    if (const auto engine = gate.take()) engine->close().ignore();
    gate.leave_closed();
  }

  // A batch of so many operations.
  void submit(std::uint32_t operations = 1, std::size_t bytes = 10) {
    Batch& batch = batches_.emplace_back(++ticket);
    for (std::uint32_t i = 0; i < operations; ++i) {
      batch.put(1, std::to_string(ticket) + "." + std::to_string(i), std::string(bytes, 'v'));
    }
    writer->submit(batch.c());
  }
  std::uint64_t syncs() const { return gated.fs->syncs() - syncs_; }
  std::size_t rows() { return all(*Gate::Visit(gate), 1).size(); }

  Directory directory, elsewhere;
  GatedEnv gated;
  Recorder recorder;
  Gate gate;
  Condition condition{recorder};
  std::optional<Writer> writer;
  std::optional<Readers> readers;
  std::uint64_t ticket = 0;
  std::atomic<int> failed_opens{0};
  std::atomic<bool> forgetful{false};  // opens another, empty store

 private:
  EngineOptions engine_options_;
  std::deque<Batch> batches_;
  std::uint64_t syncs_ = 0;
};

bool is_failing(const Recorder::Seen& seen) {
  return !seen.conditions.empty() && seen.conditions.back().first == KEEL_STORE_FAILING;
}
bool is_fine(const Recorder::Seen& seen) {
  return !seen.conditions.empty() && seen.conditions.back().first == KEEL_STORE_FINE;
}

}  // namespace

TEST_CASE("one batch is one sync") {
  Running store;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    store.submit();
    const auto seen = store.recorder.wait_for(i);
    CHECK(seen.committed.size() == i);
    CHECK(store.syncs() == i);
  }
  CHECK(store.rows() == 20);
}

TEST_CASE("what comes while the disk is busy is one group, with one sync") {
  Running store;
  store.gated.fs->hold();
  store.submit();
  store.gated.fs->wait_for_held();
  CHECK(store.recorder.seen().committed.empty());
  for (int i = 0; i < 99; ++i) store.submit(3);
  CHECK(store.writer->state().waiting_batches == 99);
  CHECK(store.writer->state().waiting_operations == 297);
  store.gated.fs->let_go();
  const auto seen = store.recorder.wait_for(100);
  CHECK(seen.committed == std::vector<std::uint64_t>{1, 100});
  CHECK(seen.operations == std::vector<std::uint32_t>{1, 297});
  CHECK(store.syncs() == 2);
  CHECK(store.rows() == 298);
  CHECK(store.writer->state().waiting_batches == 0);
}

TEST_CASE("large groups are reported in portions") {
  Running store;
  store.gated.fs->hold();
  store.submit();
  store.gated.fs->wait_for_held();
  for (int i = 0; i < 6; ++i) store.submit(1, 3 << 20);
  store.submit(1, 20 << 20);
  store.gated.fs->let_go();
  const auto seen = store.recorder.wait_for(8);
  CHECK(seen.committed == std::vector<std::uint64_t>{1, 3, 5, 7, 8});
  CHECK(store.rows() == 8);
}

TEST_CASE("a delay gathers batches while the store is busy, and never holds up a single one") {
  constexpr std::uint32_t kForever = 3'600'000'000;
  Running store({.commit_delay_us = kForever, .commit_operations = 5});
  store.submit();
  store.recorder.wait_for(1);
  store.submit();
  store.recorder.wait_for(2);
  store.gated.fs->hold();
  store.submit();
  store.gated.fs->wait_for_held();
  store.submit();
  store.submit();
  store.gated.fs->let_go();
  store.recorder.wait_for(5);
  store.submit(2);
  store.submit(2);
  store.submit(1);
  const auto seen = store.recorder.wait_for(8);
  CHECK(seen.committed == std::vector<std::uint64_t>{1, 2, 3, 5, 8});
  CHECK(seen.operations == std::vector<std::uint32_t>{1, 1, 1, 2, 5});
  store.writer->set_pace(0, 1);
  store.submit(9);
  store.recorder.wait_for(9);
}

TEST_CASE("the end does not wait for a delay") {
  Running store({.commit_delay_us = 3'600'000'000, .commit_operations = 1000});
  store.gated.fs->hold();
  store.submit();
  store.gated.fs->wait_for_held();
  store.submit();
  store.submit();
  store.gated.fs->let_go();
  store.recorder.wait_for(3);
  store.submit();
  store.writer->stop();
  CHECK(store.recorder.seen().committed.back() == 4);
}

TEST_CASE("a failing write is reported as such, and as nothing else; then all of it is written") {
  Running store;
  store.submit();
  store.recorder.wait_for(1);
  store.gated.fs->fail(true);
  store.submit(2);
  auto seen = store.recorder.wait(is_failing);
  CHECK(seen.committed == std::vector<std::uint64_t>{1});
  CHECK(seen.conditions.back().second.find("the disk is out") != std::string::npos);
  CHECK(store.condition.state().condition == KEEL_STORE_FAILING);
  for (int i = 0; i < 10; ++i) store.submit();

  // Queries are answered meanwhile.
  REQUIRE(store.readers->ask(7, keel::StoreQuery(query(KEEL_STORE_RANGE, 1, "1.", "2"))));
  seen = store.recorder.wait([](const auto& s) { return s.replies.contains(7); });
  CHECK(seen.replies[7].fault == Fault::none);
  CHECK(seen.replies[7].rows.size() == 1);

  store.gated.fs->fail(false);
  seen = store.recorder.wait_for(12);
  CHECK(seen.committed.front() == 1);
  store.recorder.wait(is_fine);
  CHECK(store.condition.state().condition == KEEL_STORE_FINE);
  CHECK(store.rows() == 13);
  CHECK(store.writer->state().reopened >= 1);
}

TEST_CASE("a store that comes back without what was reported is damaged, and is not written to") {
  Running store;
  store.submit();
  store.submit();
  store.recorder.wait_for(2);
  store.forgetful = true;
  store.gated.fs->fail(true);
  store.submit();
  store.recorder.wait(is_failing);
  store.gated.fs->fail(false);
  const auto seen = store.recorder.wait([](const auto& s) {
    return is_failing(s) &&
           s.conditions.back().second.find("came back with 0") != std::string::npos;
  });
  CHECK(seen.committed.back() == 2);
  CHECK(seen.conditions.back().second.find("up to ticket 2") != std::string::npos);
  store.forgetful = false;
  store.recorder.wait_for(3);
  CHECK(store.rows() == 3);
}

TEST_CASE("a store that cannot be opened again is tried again and again") {
  Running store;
  store.failed_opens = 3;
  store.gated.fs->fail(true);
  store.submit();
  store.recorder.wait(is_failing);
  store.gated.fs->fail(false);
  const auto seen = store.recorder.wait_for(1);
  CHECK(store.failed_opens == 0);
  bool told = false;
  for (const auto& condition : seen.conditions) {
    told = told || condition.second.find("cannot open") != std::string::npos;
  }
  CHECK(told);
  CHECK(store.rows() == 1);
  CHECK(store.writer->state().reopened == 1);
}

TEST_CASE("while there is no engine, queries are answered with a fault") {
  Running store;
  store.failed_opens = 1'000'000'000;
  store.gated.fs->fail(true);
  store.submit();
  store.recorder.wait(is_failing);
  store.gated.fs->fail(false);
  store.recorder.wait([](const auto& seen) {
    return seen.conditions.back().second.find("cannot open") != std::string::npos;
  });
  REQUIRE(store.readers->ask(1, keel::StoreQuery(query(KEEL_STORE_RANGE, 1))));
  auto seen = store.recorder.wait([](const auto& s) { return s.replies.contains(1); });
  CHECK(seen.replies[1].fault == Fault::io);
  store.failed_opens = 0;
  store.recorder.wait_for(1);
  REQUIRE(store.readers->ask(2, keel::StoreQuery(query(KEEL_STORE_RANGE, 1))));
  seen = store.recorder.wait([](const auto& s) { return s.replies.contains(2); });
  CHECK(seen.replies[2].fault == Fault::none);
  CHECK(seen.replies[2].rows.size() == 1);
}

TEST_CASE("the end writes what waits") {
  Running store;
  store.gated.fs->hold();
  store.submit();
  store.gated.fs->wait_for_held();
  for (int i = 0; i < 5; ++i) store.submit();
  std::thread stopping([&] { store.writer->stop(); });
  store.gated.fs->let_go();
  stopping.join();
  CHECK(store.recorder.seen().committed.back() == 6);
  CHECK(store.rows() == 6);
}

TEST_CASE("the end gives up what cannot be written") {
  Running store;
  store.gated.fs->fail(true);
  store.submit();
  store.recorder.wait(is_failing);
  store.submit();
  store.writer->stop();
  CHECK(store.recorder.seen().committed.empty());
  store.gated.fs->fail(false);
}

TEST_CASE("queries of several kinds are copied, and answered under their numbers") {
  Running store;
  store.submit(3);
  store.recorder.wait_for(1);
  std::string from = "1.1", to = "1.2", key = "1.2", missing = "x";
  {
    keel_str keys[] = {{key.data(), key.size()}, {missing.data(), missing.size()}};
    keel_store_query many = query(KEEL_STORE_MANY, 1);
    many.keys = keys;
    many.key_count = 2;
    REQUIRE(store.readers->ask(10, keel::StoreQuery(many)));
    REQUIRE(store.readers->ask(11, keel::StoreQuery(query(KEEL_STORE_RANGE, 1, from, to))));
    REQUIRE(store.readers->ask(12, keel::StoreQuery(query(KEEL_STORE_LAST, 1))));
    REQUIRE(store.readers->ask(13, keel::StoreQuery(query(KEEL_STORE_RANGE, 9))));
    from = to = key = missing = "###";
    keys[0] = keys[1] = {};
  }
  auto seen = store.recorder.wait([](const auto& s) { return s.replies.size() == 4; });
  const std::string value(10, 'v');
  CHECK(seen.replies[10].rows == Rows{{"1.2", value}});
  CHECK(seen.replies[11].rows == Rows{{"1.1", value}});
  CHECK(seen.replies[12].rows == Rows{{"1.2", value}});
  CHECK(seen.replies[13].rows.empty());
}

TEST_CASE("no query is taken after the end") {
  Running store;
  store.readers->stop();
  CHECK_FALSE(store.readers->ask(1, keel::StoreQuery(query(KEEL_STORE_RANGE, 1))));
}

TEST_CASE("the condition is what space allows, unless writing fails; only changes are told") {
  Recorder recorder;
  Condition condition(recorder);
  const auto told = [&] { return recorder.seen().conditions; };
  recorder.listen(false);
  condition.space(KEEL_STORE_FINE, "never shown");
  CHECK(told().empty());
  recorder.listen(true);
  condition.tell_again();
  condition.tell_again();
  condition.writing_again();
  condition.space(KEEL_STORE_SHORT, "10 % left");
  condition.space(KEEL_STORE_SHORT, "10 % left");
  condition.failing("write");
  condition.space(KEEL_STORE_FULL, "0 % left");
  condition.failing("write");
  condition.writing_again();
  condition.space(KEEL_STORE_FINE, {});
  using Told = std::vector<std::pair<std::uint32_t, std::string>>;
  CHECK(told() == Told{{KEEL_STORE_FINE, ""},
                       {KEEL_STORE_SHORT, "10 % left"},
                       {KEEL_STORE_FAILING, "write"},
                       {KEEL_STORE_FULL, "0 % left"},
                       {KEEL_STORE_FINE, ""}});
}
