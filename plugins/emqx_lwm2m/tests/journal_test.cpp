// The journal on real files: what is written is there again, and what is cut off, damaged or
// foreign costs no more than itself.
#include "emqx_lwm2m/tests/journal_fixture.hpp"

#include "emqx_lwm2m/store/crc32c.hpp"

using namespace journal_test;

namespace {

// Three devices, the second said twice, the third gone; where each of the five records ends.
struct Five {
  Directory at;
  std::string whole;
  std::vector<std::size_t> ends;
  std::vector<State> states;  // after so many records

  Five() {
    Journal journal(at.dir.path());
    State state;
    const auto step = [&](const std::string& endpoint, const std::string& value) {
      value.empty() ? journal.remove(endpoint) : journal.put(endpoint, value);
      REQUIRE(flush(journal));
      value.empty() ? void(state.erase(endpoint)) : void(state[endpoint] = value);
      ends.push_back(at.size());
      states.push_back(state);
    };
    states.push_back({});
    step("urn:one", "alpha");
    step("urn:two", std::string("be\0ta", 5));
    step("urn:three", "gamma");
    step("urn:two", std::string(100, 'x'));
    step("urn:three", "");
    whole = at.content();
  }
};

}  // namespace

TEST_CASE("checksum") {
  CHECK(lwm2m::crc32c("123456789") == 0xE3069283);
  CHECK(lwm2m::crc32c("") == 0);
  CHECK(lwm2m::crc32c("56789", lwm2m::crc32c("1234")) == 0xE3069283);
}

TEST_CASE("nothing there is an empty journal") {
  const keel::test::TempDir dir;
  for (const std::string& path : {dir.path(), dir.path("deeper"), dir.path("a/b")}) {
    CAPTURE(path);
    const auto loaded = Journal(path).read();
    REQUIRE(loaded);
    CHECK(loaded->records.empty());
    CHECK(loaded->damaged == 0);
    struct stat status {};
    CHECK(::stat((path + "/devices.journal").c_str(), &status) != 0);
  }
}

TEST_CASE("the latest word on each device is there again") {
  const Directory at;
  Journal journal(at.dir.path());
  REQUIRE(journal.read());
  CHECK(!journal.pending());
  CHECK(!journal.take());
  journal.put("a", "1");
  journal.put("b", "first");
  journal.put("b", "2");
  journal.put("gone", "x");
  CHECK(journal.pending());
  REQUIRE(flush(journal));
  CHECK(!journal.pending());
  CHECK(reload(at) == State{{"a", "1"}, {"b", "2"}, {"gone", "x"}});

  std::string octets;
  for (int i = 0; i < 256; ++i) octets += static_cast<char>(i);
  journal.put("a", octets);
  journal.remove("gone");
  journal.put(std::string(lwm2m::kMostEndpoint, 'e'), "long name");
  REQUIRE(flush(journal));
  const State now{{"a", octets}, {"b", "2"}, {std::string(lwm2m::kMostEndpoint, 'e'), "long name"}};
  CHECK(reload(at) == now);

  SUBCASE("and a later run goes on where it ended") {
    Journal later(at.dir.path());
    REQUIRE(later.read());
    later.put("c", "3");
    REQUIRE(flush(later));
    CHECK(reload(at).at("a") == octets);
    CHECK(reload(at).at("c") == "3");
  }
  SUBCASE("also one that has not read it") {
    Journal later(at.dir.path());
    later.remove("b");
    REQUIRE(flush(later));
    CHECK(reload(at).size() == 2);
  }
}

TEST_CASE("the file and its folder are for nobody else") {
  const keel::test::TempDir dir;
  const mode_t mask = ::umask(0);
  Journal journal(dir.path("deeper"));
  journal.put("a", "1");
  REQUIRE(flush(journal));
  ::umask(mask);
  struct stat status {};
  REQUIRE(::stat(dir.path("deeper/devices.journal").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  REQUIRE(::stat(dir.path("deeper").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
}

TEST_CASE("a folder that cannot be made is an error that names the file") {
  const keel::test::TempDir dir;
  write_file(dir.path("file"), "x");
  for (const char* name : {"file", "no/such"}) {
    Journal journal(dir.path(name));
    journal.put("a", "1");
    const keel::Status status = flush(journal);
    CHECK(status == KEEL_E_IO);
    CHECK(status.text().find(dir.path(name) + "/devices.journal: ") != std::string_view::npos);
    CHECK(journal.pending());
  }
}

TEST_CASE("one batch at a time, and what changes meanwhile is the newer word") {
  const Directory at;
  Journal journal(at.dir.path());
  journal.put("a", "old");
  journal.put("b", "old");
  auto batch = journal.take();
  REQUIRE(batch);
  journal.put("a", "new");
  journal.put("c", "new");
  CHECK(!journal.take());
  CHECK(journal.pending());
  SUBCASE("after success") {
    REQUIRE(Journal::write(*batch));
    CHECK(reload(at) == State{{"a", "old"}, {"b", "old"}});
    journal.written(std::move(batch), true);
  }
  SUBCASE("after failure") { journal.written(std::move(batch), false); }
  REQUIRE(flush(journal));
  CHECK(!journal.pending());
  CHECK(reload(at) == State{{"a", "new"}, {"b", "old"}, {"c", "new"}});
}

TEST_CASE("a batch outlives the journal") {
  const Directory at;
  std::unique_ptr<Journal::Batch> batch;
  {
    Journal journal(at.dir.path());
    journal.put("a", "1");
    batch = journal.take();
  }
  REQUIRE(Journal::write(*batch));
  CHECK(reload(at) == State{{"a", "1"}});
}

TEST_CASE("cut at every octet, it is what the whole records say") {
  const Five five;
  for (std::size_t cut = 0; cut <= five.whole.size(); ++cut) {
    CAPTURE(cut);
    const Directory at;
    write_file(at.path(), five.whole.substr(0, cut));
    std::size_t records = 0;
    while (records < five.ends.size() && five.ends[records] <= cut) ++records;
    std::uint64_t damaged = 0;
    CHECK(reload(at, &damaged) == five.states[records]);
    const std::size_t whole = records != 0 ? five.ends[records - 1] : lwm2m::kJournalHead;
    CHECK(damaged == (cut > whole ? cut - whole : cut < lwm2m::kJournalHead ? cut : 0));

    // What comes next is appended to what is whole.
    Journal journal(at.dir.path());
    REQUIRE(journal.read());
    journal.put("urn:new", "delta");
    REQUIRE(flush(journal));
    State expected = five.states[records];
    expected["urn:new"] = "delta";
    CHECK(reload(at, &damaged) == expected);
    CHECK(damaged == 0);
  }
}

TEST_CASE("any octet changed costs only the record it is in") {
  const Five five;
  for (std::size_t octet = 0; octet < five.whole.size(); ++octet) {
    for (const int bits : {0x01, 0x80, 0xFF}) {
      CAPTURE(octet);
      CAPTURE(bits);
      const Directory at;
      std::string changed = five.whole;
      changed[octet] = static_cast<char>(changed[octet] ^ bits);
      write_file(at.path(), changed);
      std::uint64_t damaged = 0;
      const State state = reload(at, &damaged);
      std::size_t record = 0;
      while (five.ends[record] <= octet) ++record;
      const bool head = octet < lwm2m::kJournalHead;
      CHECK(damaged == (head ? 0
                             : five.ends[record] -
                                   (record != 0 ? five.ends[record - 1] : lwm2m::kJournalHead)));
      State expected = five.states.back();
      if (!head) {
        if (record == 0) expected.erase("urn:one");
        if (record == 3) expected["urn:two"] = std::string("be\0ta", 5);
        if (record == 4) expected["urn:three"] = "gamma";
      }
      CHECK(state == expected);
    }
  }
}

TEST_CASE("a damaged file is written anew") {
  const Five five;
  const Directory at;
  std::string changed = five.whole;
  changed[five.ends[0] - 1] = '?';
  write_file(at.path(), changed);
  Journal journal(at.dir.path());
  REQUIRE(journal.read());
  journal.put("urn:new", "delta");
  std::string notice;
  REQUIRE(flush(journal, &notice));
  CHECK(notice == "");
  std::uint64_t damaged = 1;
  CHECK(reload(at, &damaged) == State{{"urn:two", std::string(100, 'x')}, {"urn:new", "delta"}});
  CHECK(damaged == 0);
  CHECK(at.size() < five.whole.size());
}

TEST_CASE("zeros that a crash left behind are cut off") {
  const Five five;
  const Directory at;
  write_file(at.path(), five.whole + std::string(100'000, '\0'));
  std::uint64_t damaged = 0;
  CHECK(reload(at, &damaged) == five.states.back());
  CHECK(damaged == 100'000);
  Journal journal(at.dir.path());
  journal.put("urn:new", "delta");
  REQUIRE(flush(journal));
  CHECK(at.size() < five.whole.size() + 100);
}

TEST_CASE("octets of a device's state never pass for a record") {
  const Directory at;
  // What an attacker would write who knows the format, but not the file's number.
  std::string forged;
  for (std::uint64_t salt = 0; salt < 100; ++salt) {
    lwm2m::append_frame(forged, salt, "victim", "forged");
  }
  Journal journal(at.dir.path());
  journal.put("attacker", forged);
  REQUIRE(flush(journal));
  std::string whole = at.content();
  whole[lwm2m::kJournalHead + 5] ^= 1;  // its size: all that it holds is searched for records
  write_file(at.path(), whole);
  CHECK(reload(at).empty());
}

TEST_CASE("what another version wrote is refused, and kept beside") {
  const Directory at;
  std::string foreign;
  lwm2m::append_journal_head(foreign, 1, 7);
  foreign += "whatever the future holds";
  write_file(at.path(), foreign);
  Journal journal(at.dir.path());
  const auto loaded = journal.read();
  REQUIRE(!loaded);
  CHECK(loaded.text() ==
        keel::concat(at.path(),
                     " has the format of another version (7, this one reads 1); it is "
                     "kept as ",
                     at.path(), ".kept, and a new one begins: devices register anew"));
  CHECK(read_file(at.path() + ".kept") == foreign);
  journal.put("a", "1");
  REQUIRE(flush(journal));
  CHECK(reload(at) == State{{"a", "1"}});
  CHECK(read_file(at.path() + ".kept") == foreign);

  SUBCASE("a second one does not replace the first") {
    write_file(at.path(), "no journal at all, but somebody may miss it, and it is long enough");
    Journal later(at.dir.path());
    later.put("a", "2");
    const keel::Status status = flush(later);  // not read before
    REQUIRE(!status);
    CHECK(status.text().find(" is not a journal of this plugin; it is kept as " + at.path() +
                             ".kept.1,") != std::string_view::npos);
    CHECK(read_file(at.path() + ".kept") == foreign);
    CHECK(read_file(at.path() + ".kept.1").starts_with("no journal"));
    REQUIRE(flush(later));
    CHECK(reload(at) == State{{"a", "2"}});
  }
}

TEST_CASE("no file at all: a folder") {
  const Directory at;
  keel::test::make_dir(at.path());
  CHECK(!Journal(at.dir.path()).read());
  Journal journal(at.dir.path());
  journal.put("a", "1");
  CHECK(!flush(journal));
  CHECK(journal.pending());
}
