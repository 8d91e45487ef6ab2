// Stores whose files are not as they were written: octets flipped, torn, missing. Whatever is lost
// is said, nothing comes out that was not written, and logs lose nothing before the damage.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "emqx_store/engine/salvage.hpp"
#include "emqx_store/engine/store_files.hpp"
#include "emqx_store/tests/store_model.hpp"

using namespace emqx_store_test;  // NOLINT
using emqx_store::FileKind;
using emqx_store::open_store;
using emqx_store::OpenPolicy;
using emqx_store::SalvageReport;
using emqx_store::store_file;

namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void set_content(const fs::path& path, const std::string& octets) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << octets;
}

std::string text_of(const SalvageReport& report) {
  std::string out;
  for (const std::string& line : report.lines) out += line + "\n";
  return out;
}

// A store as a kill leaves it: tables in several levels, a log, and a model of all of it.
class Sample {
 public:
  Sample() : model_(7) {
    EngineOptions options = options_for(original_);
    options.memtable_bytes = 4 * 64 * 1024;
    auto engine = open(options);
    run(*engine, 250);
    REQUIRE(engine->compact());
    run(*engine, 20);
    REQUIRE(engine->close());
    engine.reset();
    engine = open(options_for(original_));  // has room in memory for all that follows
    run(*engine, 60);
    fs::copy(original_.db(), sample_.db());
  }

  const StoreModel& model() const { return model_; }
  std::uint64_t last() const { return model_.next_ticket() - 1; }
  // Every value that ever stood under this key.
  bool ever(const StoreModel::State::value_type& row) const { return ever_.contains(row); }

  std::vector<fs::path> files(FileKind kind) const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(sample_.db())) {
      if (store_file(entry.path().filename()).kind == kind) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  // Of the copy that can be damaged.
  std::string path() const { return copy_.db(); }
  EngineOptions options() const { return options_for(copy_); }
  void renew() const {
    fs::remove_all(copy_.db());
    fs::copy(sample_.db(), copy_.db());
  }

 private:
  void run(Engine& engine, int batches) {
    for (; batches != 0; --batches) {
      apply(engine, model_.next());
      for (const auto& row : model_.state(model_.next_ticket() - 1)) ever_.insert(row);
    }
  }

  Directory original_, sample_, copy_;
  StoreModel model_;
  std::set<StoreModel::State::value_type> ever_;
};

// The rows that can be read; `whole`: all could be.
StoreModel::State read_all(const Engine& engine, bool& whole) {
  StoreModel::State out;
  whole = true;
  for (std::uint8_t space = 0; space < KEEL_STORE_SPACES; ++space) {
    const Answer answer = engine.read(query(KEEL_STORE_RANGE, space));
    whole &= static_cast<bool>(answer.outcome);
    if (!answer.outcome) CHECK(answer.outcome.fault() == Fault::damaged);
    for (auto& [key, value] : rows_of(answer)) out[{space, key}] = value;
  }
  return out;
}

// Opens the damaged copy as the broker does: with what it finds while reading looked into at the
// next start. Answers what was said.
SalvageReport open_and_compare(const Sample& sample, bool tables) {
  SalvageReport report;
  std::unique_ptr<Engine> engine;
  Outcome opened = open_store(sample.options(), {}, engine, report);
  REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
  bool whole = false;
  StoreModel::State found = read_all(*engine, whole);
  if (!whole) {
    for (const auto& row : found) CHECK(sample.ever(row));
    REQUIRE(emqx_store::request_examination(sample.options()));
    engine.reset();
    opened = open_store(sample.options(), {}, engine, report);
    REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
    CHECK(report.damaged);
    found = read_all(*engine, whole);
    CHECK(whole);
  }
  const std::uint64_t ticket = engine->last_ticket();
  if (tables) {
    const bool same = difference(found, sample.model().state(sample.last())) == "";
    CHECK((same || report.damaged));
    for (const auto& row : found) CHECK(sample.ever(row));
  } else {
    REQUIRE(sample.model().has(ticket));
    CHECK(difference(found, sample.model().state(ticket)) == "");
    CHECK((ticket == sample.last() || !report.lines.empty()));
  }
  if (report.damaged) {
    CHECK(fs::exists(report.folder + "/report.txt"));
    CHECK(content(report.folder + "/report.txt").find(report.lines.front()) != std::string::npos);
  }
  // It can be written to, and is in order when it is opened the next time.
  apply(*engine, Batch(std::max(ticket, sample.last()) + 1).put(2, "after", "wards"));
  engine.reset();
  SalvageReport again;
  opened = open_store(sample.options(), {}, engine, again);
  REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
  CHECK_MESSAGE(again.lines.empty(), text_of(again));
  found[{2, "after"}] = "wards";
  CHECK(difference(state_of(*engine), found) == "");
  return report;
}

// Places all over a file, and more of them where it begins and ends.
std::vector<std::size_t> places(std::size_t size, std::size_t count) {
  std::set<std::size_t> out;
  for (std::size_t i = 0; i < count; ++i) out.insert(i * size / count);
  for (std::size_t i = 0; i < std::min<std::size_t>(size, 8); ++i) out.insert(i);
  for (std::size_t i = 0; i < std::min<std::size_t>(size, 60); i += 9) out.insert(size - 1 - i);
  return {out.begin(), out.end()};
}

void flip_everywhere(FileKind kind, std::size_t count, bool tables) {
  const Sample sample;
  for (const fs::path& file : sample.files(kind)) {
    const std::string name = file.filename(), octets = content(file);
    CAPTURE(name);
    for (const std::size_t at : places(octets.size(), count)) {
      if (octets.empty()) continue;
      CAPTURE(at);
      sample.renew();
      std::string flipped = octets;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
      set_content(sample.path() + "/" + name, flipped);
      open_and_compare(sample, tables);
    }
  }
}

}  // namespace

TEST_CASE("a flipped octet of the log loses what was written from there on, and is told") {
  flip_everywhere(FileKind::log, 30, false);
}

TEST_CASE("a flipped octet of the manifest loses nothing") {
  const Sample sample;
  for (const FileKind kind : {FileKind::manifest, FileKind::current}) {
    for (const fs::path& file : sample.files(kind)) {
      const std::string name = file.filename(), octets = content(file);
      CAPTURE(name);
      for (const std::size_t at : places(octets.size(), 30)) {
        CAPTURE(at);
        sample.renew();
        std::string flipped = octets;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
        set_content(sample.path() + "/" + name, flipped);
        SalvageReport report;
        std::unique_ptr<Engine> engine;
        const Outcome opened = open_store(sample.options(), {}, engine, report);
        REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
        const std::string missing =
            difference(state_of(*engine), sample.model().state(sample.last()));
        CHECK_MESSAGE(missing == "", text_of(report));
      }
    }
  }
}

TEST_CASE("a flipped octet of a table loses what is in that part of it, and is told") {
  flip_everywhere(FileKind::table, 20, true);
}

TEST_CASE("a damaged part of a small table costs no more than its own rows") {
  const Directory directory;
  {
    const auto engine = open(directory);
    for (std::uint64_t i = 1; i <= 500; ++i) {
      apply(*engine, Batch(i).put(1, "k" + std::to_string(1000 + i), std::string(200, 'v')));
    }
    REQUIRE(engine->compact());
    // One part, from the first key to the last.
    apply(*engine, Batch(501).put(0, "first", "1").put(15, "last", "1"));
    REQUIRE(engine->flush());
  }
  fs::path small;
  for (const auto& entry : fs::directory_iterator(directory.db())) {
    if (store_file(entry.path().filename()).kind != FileKind::table) continue;
    if (small.empty() || entry.file_size() < fs::file_size(small)) small = entry.path();
  }
  std::string octets = content(small);
  octets[5] ^= 1;
  set_content(small, octets);
  REQUIRE(emqx_store::request_examination(options_for(directory)));
  SalvageReport report;
  std::unique_ptr<Engine> engine;
  const Outcome opened = open_store(options_for(directory), {}, engine, report);
  REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
  CHECK(report.damaged);
  CHECK(all(*engine, 1).size() == 500);
  CHECK(all(*engine, 0).empty());
  CHECK(engine->last_ticket() == 500);
}

TEST_CASE("damage where the store begins is set aside at once, and remembered until it is closed") {
  const Directory directory;
  {
    const auto engine = open(directory);
    apply(*engine, Batch(1).put(0, "first", "1"));
    REQUIRE(engine->flush());
    apply(*engine, Batch(2).put(1, "second", "2"));
  }
  for (const auto& entry : fs::directory_iterator(directory.db())) {
    if (store_file(entry.path().filename()).kind != FileKind::table) continue;
    std::string octets = content(entry.path());
    octets[5] ^= 1;
    set_content(entry.path(), octets);
  }
  const auto reopen = [&](std::unique_ptr<Engine>& engine) {
    engine.reset();
    SalvageReport report;
    const Outcome opened = open_store(options_for(directory), {}, engine, report);
    REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
    return report;
  };
  std::unique_ptr<Engine> engine;
  SalvageReport report = reopen(engine);
  CHECK(report.damaged);
  CHECK(report.incomplete);
  CHECK(all(*engine, 0).empty());
  CHECK(all(*engine, 1).size() == 1);
  report = reopen(engine);
  CHECK_FALSE(report.damaged);
  CHECK(report.incomplete);
  engine.reset();
  emqx_store::forget_salvage(options_for(directory));
  CHECK_FALSE(reopen(engine).incomplete);
}

TEST_CASE("what RocksDB does not need may be damaged") {
  for (const FileKind kind : {FileKind::options, FileKind::identity}) {
    flip_everywhere(kind, 3, false);
  }
}

TEST_CASE("a log that was torn anywhere is as if the rest had never been written") {
  const Sample sample;
  const fs::path log = sample.files(FileKind::log).back();
  const std::string octets = content(log);
  std::uint64_t before = 0;
  for (std::size_t size = 0; size <= octets.size(); size += octets.size() / 30 + 1) {
    CAPTURE(size);
    sample.renew();
    set_content(sample.path() / log.filename(), octets.substr(0, size));
    SalvageReport report;
    std::unique_ptr<Engine> engine;
    REQUIRE(open_store(sample.options(), {}, engine, report));
    CHECK_FALSE(report.damaged);  // a loss of power does that
    const std::uint64_t ticket = engine->last_ticket();
    CHECK(ticket >= before);
    before = ticket;
    CHECK(difference(state_of(*engine), sample.model().state(ticket)) == "");
  }
}

TEST_CASE("zeros in the middle of a log do not make it skip what was there") {
  const Sample sample;
  const fs::path log = sample.files(FileKind::log).back();
  const std::string octets = content(log);
  REQUIRE(octets.size() > 40'000);
  for (std::size_t at = 0; at + 4096 <= octets.size(); at += 4096) {
    CAPTURE(at);
    sample.renew();
    std::string torn = octets;
    std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(at), 4096, '\0');
    set_content(sample.path() / log.filename(), torn);
    open_and_compare(sample, false);
  }
}

TEST_CASE("a log that is missing between others is noticed") {
  const Directory directory;
  {
    const auto engine = open(directory);
    for (std::uint64_t i = 1; i <= 9; ++i) {
      apply(*engine, Batch(i).put(1, std::to_string(i), std::string(100, 'v')));
    }
  }
  fs::path log;
  for (const auto& entry : fs::directory_iterator(directory.db())) {
    if (store_file(entry.path().filename()).kind == FileKind::log) log = entry.path();
  }
  // Records are all of the same size but for the first one, with the layout.
  const std::string octets = content(log);
  const std::size_t last = octets.rfind("/ticket"), before = octets.rfind("/ticket", last - 1);
  const std::size_t record = last - before, end = octets.size();
  set_content(log, octets.substr(0, end - 4 * record));
  set_content(directory.db() + "/000099.log", octets.substr(end - 2 * record));
  SalvageReport report;
  std::unique_ptr<Engine> engine;
  REQUIRE(open_store(options_for(directory), {}, engine, report));
  CHECK(report.damaged);
  CHECK(fs::exists(report.folder + "/000099.log"));
  CHECK(engine->last_ticket() == 5);
  CHECK(all(*engine, 1).size() == 5);
}

TEST_CASE("files that are missing or cut short are told, and the rest is kept") {
  const Sample sample;
  for (const FileKind kind : {FileKind::table, FileKind::manifest, FileKind::current}) {
    for (const fs::path& file : sample.files(kind)) {
      const std::string name = file.filename();
      CAPTURE(name);
      for (const bool cut : {false, true}) {
        CAPTURE(cut);
        sample.renew();
        const fs::path path = sample.path() / file.filename();
        if (cut) {
          fs::resize_file(path, fs::file_size(path) / 2);
        } else {
          fs::remove(path);
        }
        const SalvageReport report = open_and_compare(sample, true);
        CHECK_FALSE(report.lines.empty());
        CHECK(report.damaged == (kind != FileKind::current));
      }
    }
  }
}

TEST_CASE("damage in several files at once") {
  const Sample sample;
  std::mt19937_64 random(11);
  for (int round = 0; round < 25; ++round) {
    CAPTURE(round);
    sample.renew();
    for (const FileKind kind : {FileKind::table, FileKind::manifest, FileKind::log}) {
      for (const fs::path& file : sample.files(kind)) {
        std::string octets = content(file);
        if (octets.empty() || random() % 3 == 0) continue;
        octets[random() % octets.size()] ^= static_cast<char>(1 + random() % 255);
        set_content(sample.path() / file.filename(), octets);
      }
    }
    open_and_compare(sample, true);
  }
}

TEST_CASE("without leave to repair a damaged store is refused, and left as it is") {
  const Sample sample;
  const OpenPolicy look{.repair = false, .restore = false};
  for (const FileKind kind : {FileKind::log, FileKind::manifest, FileKind::current}) {
    sample.renew();
    const fs::path file = sample.path() / sample.files(kind).back().filename();
    std::string octets = content(file);
    octets[octets.size() / 4] ^= 1;
    set_content(file, octets);
    SalvageReport report;
    std::unique_ptr<Engine> engine;
    const Outcome opened = open_store(sample.options(), look, engine, report);
    CHECK(opened.fault() == Fault::damaged);
    CHECK(opened.text().find(sample.path()) != std::string::npos);
    CHECK(engine == nullptr);
    CHECK(content(file) == octets);
  }
}

TEST_CASE("a store of which nothing is left is refused, never begun anew") {
  const Sample sample;
  sample.renew();
  for (const auto& entry : fs::directory_iterator(sample.path())) {
    const auto kind = store_file(entry.path().filename()).kind;
    if (kind == FileKind::current || kind == FileKind::manifest) fs::remove(entry.path());
    if (kind == FileKind::table || kind == FileKind::log) {
      set_content(entry.path(), std::string(fs::file_size(entry.path()), 'x'));
    }
  }
  const auto before = std::distance(fs::directory_iterator(sample.path()), {});
  SalvageReport report;
  std::unique_ptr<Engine> engine;
  for (int i = 0; i < 2; ++i) {
    const Outcome opened = open_store(sample.options(), {}, engine, report);
    CHECK(opened.fault() == Fault::damaged);
    CHECK(opened.text().find("restore") != std::string::npos);
  }
  CHECK(std::distance(fs::directory_iterator(sample.path()), {}) >= before);
}

TEST_CASE("a store that is in use is not touched") {
  const Sample sample;
  sample.renew();
  const auto engine = open(sample.options());
  const fs::path log = sample.files(FileKind::log).back();
  SalvageReport report;
  std::unique_ptr<Engine> second;
  const Outcome opened = open_store(sample.options(), {}, second, report);
  CHECK(opened.fault() == Fault::in_use);
  CHECK(second == nullptr);
  CHECK(difference(state_of(*engine), sample.model().state(sample.last())) == "");
}
