// The journal and the disk: history goes, a full disk comes and goes, processes die at the worst
// moment, ten thousand devices come at once.
#include <sys/resource.h>
#include <sys/wait.h>

#include <random>

#include "emqx_lwm2m/tests/journal_fixture.hpp"

using namespace journal_test;

TEST_CASE("on the disk before anybody is told") {
  const Directory at;
  Journal journal(at.dir.path());
  disk.calls.clear();
  journal.put("a", "1");
  REQUIRE(flush(journal));
  CHECK(disk.calls == "srs");  // the new file, its name, the folder
  disk.calls.clear();
  journal.put("a", "2");
  REQUIRE(flush(journal));
  CHECK(disk.calls == "d");
}

TEST_CASE("history that outweighs what lives goes, and not before it is worth while") {
  const Directory at;
  Journal journal(at.dir.path());
  State state;
  for (int i = 0; i < 20; ++i) state[keel::concat("device-", i)] = std::string(20'000, 'a');
  std::size_t largest = 0, smaller = 0, before = 0;
  for (int round = 0; round < 40; ++round) {
    for (auto& [endpoint, value] : state) {
      value[0] = static_cast<char>('a' + round % 26);
      journal.put(endpoint, value);
    }
    journal.put("for a moment", "x");
    REQUIRE(flush(journal));
    journal.remove("for a moment");
    REQUIRE(flush(journal));
    const std::size_t now = at.size();
    if (now < before) ++smaller;
    largest = std::max(largest, now);
    before = now;
  }
  CHECK(reload(at) == state);
  CHECK(smaller >= 8);
  CHECK(smaller <= 20);
  CHECK(largest < 2'300'000);  // what lives, 1 MiB, and a batch
  struct stat status {};
  CHECK(::stat((at.path() + ".new").c_str(), &status) != 0);
  REQUIRE(::stat(at.path().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("little history stays") {
  const Directory at;
  Journal journal(at.dir.path());
  std::size_t before = 0;
  for (int i = 0; i < 1'000; ++i) {
    journal.put("a", keel::concat("state ", i));
    REQUIRE(flush(journal));
    const std::size_t now = at.size();
    REQUIRE(now > before);
    before = now;
  }
}

TEST_CASE("a file that somebody deleted is made again, with all that was in it") {
  const Directory at;
  Journal journal(at.dir.path());
  journal.put("a", "1");
  journal.put("gone", "1");
  REQUIRE(flush(journal));
  REQUIRE(::unlink(at.path().c_str()) == 0);
  journal.put("b", "2");
  journal.remove("gone");
  REQUIRE(flush(journal));
  CHECK(reload(at) == State{{"a", "1"}, {"b", "2"}});
}

namespace {

// No file may grow over `octets`.
struct FullDisk {
  rlimit before{};
  explicit FullDisk(std::size_t octets) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit now = before;
    now.rlim_cur = octets;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before); }
};

}  // namespace

TEST_CASE("a full disk: an error, nothing lost, and on it goes when there is room") {
  const Directory at;
  Journal journal(at.dir.path());
  journal.put("a", std::string(1'000, '1'));
  journal.put("b", "1");
  REQUIRE(flush(journal));
  const std::string before = at.content();
  {
    const FullDisk full(before.size() + 500);
    for (int i = 0; i < 50; ++i) {
      journal.put("a", keel::concat(std::string(1'000, '2'), i));
      journal.remove("b");
      journal.put("c", "3");
      // Devices that come and go leave nothing.
      journal.put(keel::concat("visitor-", i), "x");
      if (i != 0) journal.remove(keel::concat("visitor-", i - 1));
      const keel::Status status = flush(journal);
      CHECK(status == KEEL_E_IO);
      CHECK(status.text().find(at.path() + ": File too large") != std::string_view::npos);
      CHECK(at.content() == before);
    }
    CHECK(reload(at) == State{{"a", std::string(1'000, '1')}, {"b", "1"}});
  }
  REQUIRE(flush(journal));
  CHECK(reload(at) ==
        State{{"a", std::string(1'000, '2') + "49"}, {"c", "3"}, {"visitor-49", "x"}});
  CHECK(at.size() < before.size() + 1'250);  // three records and that b is gone, once
}

TEST_CASE("a full disk from the beginning") {
  const Directory at;
  Journal journal(at.dir.path());
  {
    const FullDisk full(60);
    journal.put("a", std::string(100, '1'));
    CHECK(flush(journal) == KEEL_E_IO);
    struct stat status {};
    CHECK(::stat(at.path().c_str(), &status) != 0);
    CHECK(::stat((at.path() + ".new").c_str(), &status) != 0);
  }
  REQUIRE(flush(journal));
  CHECK(reload(at).size() == 1);
}

TEST_CASE("a batch that did not reach the disk is written again") {
  const Directory at;
  Journal journal(at.dir.path());
  journal.put("a", "1");
  REQUIRE(flush(journal));
  const std::string before = at.content();
  disk.fail_fdatasync = 1;
  journal.put("a", "2");
  CHECK(flush(journal) == KEEL_E_IO);
  CHECK(at.content() == before);
  CHECK(journal.pending());
  REQUIRE(flush(journal));
  CHECK(reload(at) == State{{"a", "2"}});
}

TEST_CASE("a torn end goes also where no new file can be made") {
  const Directory at;
  {
    Journal journal(at.dir.path());
    journal.put("a", "1");
    REQUIRE(flush(journal));
  }
  const std::string before = at.content();
  write_file(at.path(), before + std::string(1'000, '\0'));
  Journal journal(at.dir.path());
  journal.put("b", "2");
  disk.fail_rename = true;
  std::string notice;
  REQUIRE(flush(journal, &notice));
  disk.fail_rename = false;
  CHECK(notice != "");
  CHECK(at.size() == before.size() + lwm2m::frame_size("b", "2"));
  CHECK(reload(at) == State{{"a", "1"}, {"b", "2"}});
}

TEST_CASE("where no new file can be made, the old one grows, with a notice now and then") {
  const Directory at;
  Journal journal(at.dir.path());
  const std::string state(100'000, 's');
  int notices = 0;
  std::string last;
  journal.put("a", state);
  REQUIRE(flush(journal));
  disk.fail_rename = true;
  for (int i = 0; i < 60; ++i) {
    journal.put("a", state + std::to_string(i));
    std::string notice;
    REQUIRE(flush(journal, &notice));
    if (!notice.empty()) ++notices, last = notice;
  }
  disk.fail_rename = false;
  CHECK(notices == 3);  // at 1, 2 and 4 MB
  CHECK(last == "cannot write anew " + at.path() + ": Read-only file system");
  CHECK(reload(at) == State{{"a", state + "59"}});
  CHECK(at.size() > 5'000'000);

  Journal later(at.dir.path());
  later.put("b", "1");
  REQUIRE(flush(later));
  CHECK(at.size() < 110'000);
  CHECK(reload(at).size() == 2);
}

namespace {

// In a child that will be killed. It tells through the pipe what has been acknowledged.
template <class F>
std::string killed(F&& f, std::size_t kill_after = SIZE_MAX) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    f([&](char c) { return ::write(ends[1], &c, 1) == 1; });
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string told;
  char c = 0;
  while (told.size() < kill_after && ::read(ends[0], &c, 1) == 1) told += c;
  ::kill(child, SIGKILL);
  while (::read(ends[0], &c, 1) == 1) told += c;
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  return told;
}

}  // namespace

TEST_CASE("killed between writing the new file and giving it its name, or just after") {
  for (const bool after : {false, true}) {
    CAPTURE(after);
    const Directory at;
    State state;
    {
      Journal journal(at.dir.path());
      for (int i = 0; i < 11; ++i) {
        journal.put("a", state["a"] = std::string(100'000, 'a') + std::to_string(i));
        journal.put("b", state["b"] = "b");
        REQUIRE(flush(journal));
      }
    }
    const std::size_t size = at.size();
    killed([&](auto) {
      Journal journal(at.dir.path());
      (after ? disk.die_after_rename : disk.die_before_rename) = true;
      for (int i = 0; i < 20; ++i) {
        journal.put("a", std::string(100'000, 'z'));
        flush(journal).ignore();
      }
    });
    state["a"] = std::string(100'000, 'z');
    struct stat status {};
    CHECK((::stat((at.path() + ".new").c_str(), &status) == 0) == !after);
    CHECK((at.size() < size) == after);
    CHECK(reload(at) == state);
    Journal journal(at.dir.path());
    journal.put("c", state["c"] = "c");
    REQUIRE(flush(journal));
    CHECK(reload(at) == state);
    CHECK(::stat((at.path() + ".new").c_str(), &status) != 0);
    CHECK(at.size() < 210'000);
  }
}

TEST_CASE("killed at any moment, all that was acknowledged is there") {
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    const Directory at;
    const std::string told = killed(
        [&](auto tell) {
          Journal journal(at.dir.path());
          for (int i = 0;; ++i) {
            journal.put(keel::concat("device-", i % 3), keel::concat(i, std::string(90'000, '.')));
            if (!flush(journal) || !tell('.')) return;
          }
        },
        1 + random() % 60);
    const State state = reload(at);
    const int last = static_cast<int>(told.size()) - 1;
    for (int i = std::max(0, last - 2); i <= last; ++i) {
      const auto found = state.find(keel::concat("device-", i % 3));
      REQUIRE(found != state.end());
      CHECK(std::stoi(found->second) >= i);
    }
  }
}

TEST_CASE("ten thousand devices at once") {
  const Directory at;
  Journal journal(at.dir.path());
  State state;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = keel::concat("urn:imei:", 350'000'000'000'000 + i);
    journal.put(name, state[name] = keel::concat(std::string(500, 'r'), i));
  }
  const auto begun = keel::test::now_ms();
  REQUIRE(flush(journal));
  const auto written = keel::test::now_ms();
  const std::size_t size = at.size();
  CHECK(reload(at) == state);
  const auto read = keel::test::now_ms();
  // Each says something anew, twice; then all leave.
  for (int round = 0; round < 2; ++round) {
    for (auto& [name, value] : state) journal.put(name, value += '!');
    REQUIRE(flush(journal));
  }
  const auto again = keel::test::now_ms();
  CHECK(reload(at) == state);
  CHECK(at.size() < 3 * size);
  for (const auto& [name, value] : state) journal.remove(name);
  REQUIRE(flush(journal));
  CHECK(reload(at).empty());
  CHECK(at.size() == lwm2m::kJournalHead);
  MESSAGE("10 000 records, ", size, " octets: written in ", written - begun, " ms, read in ",
          read - written, " ms, twice more with a new file in ", again - read, " ms");
}
