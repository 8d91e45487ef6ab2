// The table in memory and the file: changes, crashes at every byte, damage, a million users.
#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <deque>
#include <keel/test/process.hpp>
#include <map>
#include <random>

#include "user_store/crypto.hpp"
#include "user_store/password.hpp"
#include "user_store/text.hpp"
#include "user_store/user_store.hpp"

using namespace user_store;
using Change = UserStore::Change;
using Outcome = UserStore::Outcome;

namespace {

constexpr const char* kHash = "$salted$md5$prefix$$Xr4ilOzQ4PCOq3aQ0qbuaQ==";
constexpr const char* kOther = "$salted$sha1$prefix$$5en6G6MezRroT3XKqkdPOmY/BfQ=";

// A store in a directory of its own, whose jobs run when told.
struct Fixture {
  keel::test::TempDir dir;
  std::deque<std::function<void()>> jobs;
  bool refuse = false;
  UserStore store{[this](std::function<void()> job) {
    if (!refuse) jobs.push_back(std::move(job));
    return !refuse;
  }};

  Fixture() {
    REQUIRE(crypto_ready());
    reopen();
  }
  std::string path() const { return dir.path("users.txt"); }
  std::string text() const { return keel::test::read_file(path()); }
  void reopen() {
    store.close();
    const keel::Status status = store.open(path());
    REQUIRE_MESSAGE(status, status.text());
  }
  void run() {
    for (; !jobs.empty(); jobs.pop_front()) jobs.front()();
  }
  // What became of one change.
  Outcome change(Change change) {
    Outcome out = Outcome::failed;
    change.done = [&](Outcome outcome, std::string_view) { out = outcome; };
    store.submit(std::move(change));
    run();
    return out;
  }
  Outcome add(std::string name, std::string value = kHash) {
    return change({.kind = Change::Kind::add, .name = std::move(name), .value = std::move(value)});
  }
};

// Files cannot grow beyond this while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t bytes) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit now = before_;
    now.rlim_cur = bytes;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

std::map<std::string, std::string> contents(const UserTable& table) {
  std::map<std::string, std::string> out;
  table.each([&](std::string_view name, std::string_view value) { out.emplace(name, value); });
  return out;
}

}  // namespace

TEST_CASE("the table does what a map does") {
  UserTable table;
  std::map<std::string, std::string> model;
  std::mt19937 random(7);
  for (int i = 0; i < 60'000; ++i) {
    const std::string name = std::to_string(random() % 4000);
    if (random() % 3 == 0) {
      CHECK(table.erase(name) == (model.erase(name) == 1));
    } else {
      const std::string value = std::to_string(random());
      table.put(name, value);
      model[name] = value;
    }
  }
  CHECK(table.size() == model.size());
  CHECK(contents(table) == model);
  for (int i = 0; i < 4000; ++i) {
    const std::string name = std::to_string(i);
    const auto found = model.find(name);
    CHECK(table.contains(name) == (found != model.end()));
    CHECK(table.find(name) == (found != model.end() ? std::optional(found->second) : std::nullopt));
  }
  table.clear();
  CHECK(table.size() == 0);
  CHECK(!table.erase("1"));
}

TEST_CASE("lines hold any name, and show every change made to them") {
  std::string problem;
  for (const std::string name : {"ann", "a:b", "a%b c", "#x", "J\xc3\xb6rg", " ", "a=b/c+d$"}) {
    CAPTURE(name);
    const std::string line =
        to_line(name, UserValue::join(kHash,
                                      "4096,YQ==,"
                                      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
                                      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="));
    REQUIRE(line.ends_with('\n'));
    const std::string_view bare = std::string_view(line).substr(0, line.size() - 1);
    const auto entry = parse_line(bare, problem);
    REQUIRE_MESSAGE(entry, problem);
    CHECK(entry->name == name);
    CHECK(UserValue(entry->value).hash() == kHash);
    CHECK(UserValue(entry->value).scram().starts_with("4096,"));
    for (std::size_t i = 0; i < bare.size(); ++i) {
      std::string damaged(bare);
      damaged[i] = static_cast<char>(damaged[i] ^ 1);
      CHECK(!parse_line(damaged, problem));
      CHECK(!parse_line(bare.substr(0, i), problem));
    }
  }
  for (const char* text : {"", ":", "::::", "ann", "ann:x:y:z"}) {
    CHECK(!parse_line(text, problem));
    CHECK(!problem.empty());
  }
  // Right check sums do not make a hash of what is none.
  for (const char* value : {"secret", "$1$a$b", ":4096,x"}) {
    const std::string line = to_line("ann", value);
    CHECK(!parse_line(std::string_view(line).substr(0, line.size() - 1), problem));
  }
}

TEST_CASE("changes are there after a restart") {
  Fixture f;
  CHECK(f.add("ann") == Outcome::done);
  CHECK(f.add("ann", kOther) == Outcome::exists);
  CHECK(f.add("bob") == Outcome::done);
  CHECK(f.add("eve") == Outcome::done);
  CHECK(f.change({.kind = Change::Kind::update, .name = "bob", .value = kOther}) == Outcome::done);
  CHECK(f.change({.kind = Change::Kind::update, .name = "joe", .value = kOther}) ==
        Outcome::unknown);
  CHECK(f.change({.kind = Change::Kind::remove, .name = "eve"}) == Outcome::done);
  CHECK(f.change({.kind = Change::Kind::remove, .name = "eve"}) == Outcome::unknown);
  CHECK(f.change(
            {.kind = Change::Kind::upgrade, .name = "ann", .value = kOther, .expected = kOther}) ==
        Outcome::changed);
  CHECK(f.change(
            {.kind = Change::Kind::upgrade, .name = "ann", .value = kOther, .expected = kHash}) ==
        Outcome::done);
  CHECK(f.change({.kind = Change::Kind::wait}) == Outcome::done);
  const std::string secret = f.store.file().secret();
  for (int i = 0; i < 2; ++i) {
    CHECK(contents(f.store.table()) ==
          std::map<std::string, std::string>{{"ann", kOther}, {"bob", kOther}});
    CHECK(f.store.file().secret() == secret);
    f.reopen();
  }
  struct stat status {};
  REQUIRE(::stat(f.path().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("changes that gather are written together, in their order") {
  Fixture f;
  std::vector<Outcome> outcomes;
  const auto submit = [&](Change change) {
    change.done = [&](Outcome outcome, std::string_view) { outcomes.push_back(outcome); };
    f.store.submit(std::move(change));
  };
  submit({.kind = Change::Kind::add, .name = "ann", .value = kHash});
  submit({.kind = Change::Kind::add, .name = "ann", .value = kOther});
  submit({.kind = Change::Kind::remove, .name = "ann"});
  submit({.kind = Change::Kind::add, .name = "ann", .value = kOther});
  submit({.kind = Change::Kind::add, .name = "bob", .value = kHash});
  CHECK(f.store.table().size() == 0);
  CHECK(f.jobs.size() == 1);
  f.run();
  CHECK(outcomes == std::vector<Outcome>{Outcome::done, Outcome::exists, Outcome::done,
                                         Outcome::done, Outcome::done});
  CHECK(f.store.find("ann") == kOther);
  CHECK(f.store.file().lines() == 2);
}

TEST_CASE("who was changed since") {
  Fixture f;
  const std::uint64_t before = f.store.generation();
  f.add("ann");
  const std::uint64_t between = f.store.generation();
  CHECK(f.store.changed_since(before, "ann"));
  CHECK(!f.store.changed_since(before, "bob"));
  CHECK(!f.store.changed_since(between, "ann"));
  f.change({.kind = Change::Kind::upgrade, .name = "ann", .value = kOther, .expected = kHash});
  CHECK(!f.store.changed_since(between, "ann"));
  f.change({.kind = Change::Kind::remove, .name = "ann"});
  CHECK(f.store.changed_since(between, "ann"));
}

TEST_CASE("killed at any byte: what was acknowledged is there, what was torn is not") {
  std::string whole, acknowledged;
  {
    Fixture f;
    f.add("ann");
    f.add("bob");
    acknowledged = f.text();
    f.change({.kind = Change::Kind::update, .name = "ann", .value = kOther});
    whole = f.text();
  }
  REQUIRE(whole.starts_with(acknowledged));
  for (std::size_t size = acknowledged.size(); size <= whole.size(); ++size) {
    CAPTURE(size);
    Fixture f;
    f.store.close();
    keel::test::write_file(f.path(), whole.substr(0, size));
    f.reopen();
    CHECK(f.store.table().size() == 2);
    CHECK(f.store.find("ann") == (size == whole.size() ? kOther : kHash));
    CHECK(f.store.file().notice().empty() == (size == whole.size() || size == acknowledged.size()));
    CHECK(f.add("eve") == Outcome::done);
    f.reopen();
    CHECK(f.store.table().size() == 3);
    CHECK(f.store.file().notice().empty());
  }
  // The end of a file that the disk has not got yet is zeros.
  Fixture f;
  f.store.close();
  keel::test::write_file(f.path(),
                         acknowledged + std::string(100, '\0') + "\n" + std::string(10, '\0'));
  f.reopen();
  CHECK(contents(f.store.table()) ==
        std::map<std::string, std::string>{{"ann", kHash}, {"bob", kHash}});
}

TEST_CASE("a damaged file is an error that names the line") {
  struct Case {
    const char* what;
    std::function<void(std::string&)> damage;
    const char* part;
  };
  const Case cases[] = {
      {"a bit in the middle", [](std::string& t) { t[t.find("ann:") + 6] ^= 1; },
       "users.txt:2: the check sum"},
      {"the last line, complete", [](std::string& t) { t[t.find("bob:") + 6] ^= 1; },
       "users.txt:3: the check sum"},
      {"a torn line before a good one",
       [](std::string& t) { t.insert(t.find("bob:"), std::string(20, '\0') + "\n"); },
       "users.txt:3: the check sum"},
      {"an empty line", [](std::string& t) { t.insert(t.find("bob:"), "\n"); }, "users.txt:3:"},
      {"another kind of file", [](std::string& t) { t = "ann:$7$1$a$b\n"; },
       "users.txt:1: this is no user store"},
      {"a cut header", [](std::string& t) { t = "#user_st"; }, "users.txt:1: the last line"},
      {"a newer version",
       [](std::string& t) {
         const std::string line = "#user_store:2:c2VjcmV0IHNlY3JldCBzZWNyZXQ=:";
         const std::uint32_t crc = crc32(line);
         char digits[10];
         std::snprintf(digits, sizeof digits, "%08x\n", crc);
         t = line + digits;
       },
       "users.txt:1: version 2"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    Fixture f;
    f.add("ann");
    f.add("bob");
    f.store.close();
    std::string text = f.text();
    one.damage(text);
    keel::test::write_file(f.path(), text);
    const keel::Status status = f.store.open(f.path());
    REQUIRE(!status);
    CHECK_MESSAGE(status.text().find(one.part) != std::string_view::npos, status.text());
    CHECK(f.text() == text);
  }
}

TEST_CASE("files that others can write are refused, that they can read is said") {
  Fixture f;
  f.add("ann");
  f.store.close();
  REQUIRE(::chmod(f.path().c_str(), 0620) == 0);
  CHECK(f.store.open(f.path()) == KEEL_E_DENIED);
  REQUIRE(::chmod(f.path().c_str(), 0644) == 0);
  CHECK(f.store.open(f.path()));
  CHECK(f.store.file().notice().find("chmod 600") != std::string::npos);
  UserStore second([](const std::function<void()>&) { return true; });
  CHECK(second.open(f.path()).text().find("in use by another") != std::string_view::npos);
  f.store.close();
  CHECK(second.open(f.path()));
  CHECK(f.store.open(f.dir.path("none/users.txt")) == KEEL_E_IO);
}

TEST_CASE("a disk that is full: the old state holds, and the next change is tried anew") {
  Fixture f;
  f.add("ann");
  std::string problem;
  {
    const FileSizeLimit limit(f.text().size() + 4);
    f.store.submit({.kind = Change::Kind::add,
                    .name = "bob",
                    .value = kHash,
                    .done = [&](Outcome outcome, std::string_view text) {
                      CHECK(outcome == Outcome::failed);
                      problem = text;
                    }});
    f.run();
  }
  CHECK(problem.find("cannot write") != std::string::npos);
  CHECK(!f.store.find("bob"));
  CHECK(!f.store.trouble().empty());
  CHECK(f.add("eve") == Outcome::done);
  CHECK(f.store.trouble().empty());
  f.reopen();
  CHECK(f.store.file().notice().empty());
  CHECK(contents(f.store.table()) ==
        std::map<std::string, std::string>{{"ann", kHash}, {"eve", kHash}});
}

TEST_CASE("no worker for it: the change fails, later ones do not") {
  Fixture f;
  f.refuse = true;
  CHECK(f.add("ann") == Outcome::failed);
  bool refused = false;
  f.store.submit(UserStore::Import{.read = [] { return std::vector<Entry>(); },
                                   .done = [&](const auto& result) { refused = !result; }});
  CHECK(refused);
  f.refuse = false;
  CHECK(f.add("ann") == Outcome::done);
}

TEST_CASE("imports add what is new, and replace only when told") {
  Fixture f;
  f.add("ann");
  const auto import = [&](bool replace) {
    UserStore::Imported out;
    f.store.submit(
        UserStore::Import{.read =
                              [] {
                                return std::vector<Entry>{{"ann", kOther}, {"bob", kOther}};
                              },
                          .replace = replace,
                          .done =
                              [&](const keel::Result<UserStore::Imported>& result) {
                                REQUIRE(result);
                                out = *result;
                              }});
    f.run();
    return out;
  };
  UserStore::Imported out = import(false);
  CHECK(out.added == 1);
  CHECK(out.kept == 1);
  CHECK(f.store.find("ann") == kHash);
  out = import(true);
  CHECK(out.replaced == 2);
  CHECK(out.changed == std::vector<std::string>{"ann"});
  CHECK(f.store.find("ann") == kOther);
  f.reopen();
  CHECK(contents(f.store.table()) ==
        std::map<std::string, std::string>{{"ann", kOther}, {"bob", kOther}});
  bool failed = false;
  f.store.submit(UserStore::Import{
      .read = []() -> keel::Result<std::vector<Entry>> { return keel::Status::error("line 7"); },
      .done = [&](const auto& result) { failed = result.text() == "line 7"; }});
  f.run();
  CHECK(failed);
}

TEST_CASE("the file is written anew when most of its lines no longer count") {
  Fixture f;
  f.add("ann");
  f.add("bob");
  for (int i = 0; i < 3000; ++i) {
    f.store.submit({.kind = Change::Kind::update, .name = "ann", .value = i % 2 ? kHash : kOther});
    f.run();
  }
  CHECK(f.store.file().lines() < 1100);
  f.reopen();
  CHECK(contents(f.store.table()) ==
        std::map<std::string, std::string>{{"ann", kHash}, {"bob", kHash}});
  CHECK(::access((f.path() + ".new").c_str(), F_OK) != 0);
}

TEST_CASE("a million users") {
  Fixture f;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const std::size_t count = 100'000;  // sanitizers are slow
#else
  const std::size_t count = 1'000'000;
#endif
  const std::string hash =
      "$argon2id$v=19$m=19456,t=2,p=1$CfQup2ch5DL/5xcIxYzCuw$L6/hyR6mkXACeYwROJ90f5LcS84fvcTiCBo/"
      "IOH45uQ";
  f.store.submit(
      UserStore::Import{.read =
                            [&] {
                              std::vector<Entry> out;
                              out.reserve(count);
                              for (std::size_t i = 0; i < count; ++i) {
                                out.push_back({"device-" + std::to_string(i), hash});
                              }
                              return out;
                            },
                        .done = [&](const auto& result) { CHECK(result->added == count); }});
  std::int64_t since = keel::test::now_ms();
  f.run();
  const std::int64_t imported_ms = keel::test::now_ms() - since;
  f.store.close();
  ::malloc_trim(0);
  const std::size_t before = ::mallinfo2().uordblks;
  since = keel::test::now_ms();
  f.reopen();
  const std::int64_t loaded_ms = keel::test::now_ms() - since;
  const std::size_t bytes = (::mallinfo2().uordblks - before) / count;
  CHECK(f.store.table().size() == count);
  CHECK(f.store.find("device-" + std::to_string(count - 1)) == hash);
  std::printf("%zu users: written in %lld ms, loaded in %lld ms, %zu bytes each\n", count,
              static_cast<long long>(imported_ms), static_cast<long long>(loaded_ms), bytes);
  CHECK(bytes < 200);
}
