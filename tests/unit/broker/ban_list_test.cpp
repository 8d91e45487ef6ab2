// The list of bans: what the shards are told, time, bounds, the file.
#include "kernel/broker/ban_list.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "kernel/broker/ban_text.hpp"

namespace keel::kernel {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNow = 1'700'000'000;

struct Told {
  std::vector<BanChangePtr> changes;
  std::function<void(BanChangePtr)> sink() {
    return [this](BanChangePtr change) { changes.push_back(std::move(change)); };
  }
};

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "keel-bans-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::permissions(path_, fs::perms::owner_all, ignored);
    fs::remove_all(path_, ignored);
  }
  std::string file(const char* name = "banned") const { return (path_ / name).string(); }
  std::string text(const char* name = "banned") const {
    std::ifstream in(file(name));
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  void write(const std::string& text) const { std::ofstream(file()) << text; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Ban ban_of(BanKind kind, std::string_view value, std::int64_t until_s = 0) {
  auto ban = make_ban(kind, value);
  REQUIRE_MESSAGE(ban, ban.error());
  ban->at_s = kNow;
  ban->until_s = until_s;
  ban->by = "ctl";
  return *ban;
}

TEST_CASE("ban list: an operator's change is told at once") {
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.add(ban_of(BanKind::client, "c")));
  REQUIRE(told.changes.size() == 1);
  CHECK(told.changes[0]->table->has_client("c"));
  CHECK(told.changes[0]->clients == std::vector<std::string>{"c"});
  CHECK_FALSE(told.changes[0]->others);
  REQUIRE(bans.add(ban_of(BanKind::user, "u")));
  REQUIRE(bans.add(ban_of(BanKind::address, "10.0.0.0/8")));
  REQUIRE(told.changes.size() == 3);
  CHECK(told.changes[1]->others);
  CHECK(told.changes[1]->clients.empty());
  CHECK(told.changes[2]->others);
  CHECK(bans.size() == 3);

  const auto removed = bans.remove(BanKind::client, "c");
  CHECK((removed && *removed));
  REQUIRE(told.changes.size() == 4);
  CHECK_FALSE(told.changes[3]->table->has_client("c"));
  CHECK_FALSE(told.changes[3]->others);
  const auto again = bans.remove(BanKind::client, "c");
  CHECK((again && !*again));
  CHECK(told.changes.size() == 4);
}

TEST_CASE("ban list: listed by kind and value, the newest word counts") {
  Told told;
  BanList bans(told.sink());
  for (const char* id : {"b", "c", "a"}) REQUIRE(bans.add(ban_of(BanKind::client, id)));
  REQUIRE(bans.add(ban_of(BanKind::user, "a")));
  REQUIRE(bans.add(ban_of(BanKind::client, "b", kNow + 5)));
  std::string shown;
  for (const BanPtr& ban : bans.list())
    shown += fmt::format("{}:{}:{} ", ban_kind_name(ban->kind), ban->value,
                         ban->until_s == 0 ? 0 : ban->until_s - kNow);
  CHECK(shown == "client:a:0 client:b:5 client:c:0 user:a:0 ");
}

TEST_CASE("ban list: time") {
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.add(ban_of(BanKind::client, "short", kNow + 10)));
  REQUIRE(bans.add(ban_of(BanKind::client, "long", kNow + 20)));
  REQUIRE(bans.add(ban_of(BanKind::client, "ever")));
  REQUIRE(bans.add(ban_of(BanKind::client, "more", kNow + 10)));
  REQUIRE(bans.add(ban_of(BanKind::client, "more", kNow + 30)));  // the first end counts no more
  const auto before = told.changes.size();
  bans.tick(kNow + 9);
  CHECK(told.changes.size() == before);
  bans.tick(kNow + 10);
  REQUIRE(told.changes.size() == before + 1);
  CHECK_FALSE(told.changes.back()->table->has_client("short"));
  CHECK(told.changes.back()->clients.empty());
  bans.tick(kNow + 25);
  CHECK(bans.size() == 2);
  bans.tick(kNow + 1'000'000'000);
  CHECK(bans.size() == 1);
  CHECK(bans.list()[0]->value == "ever");
}

TEST_CASE("ban list: suggestions follow with the tick, all at once") {
  Told told;
  BanList bans(told.sink());
  for (int i = 0; i < 500; ++i)
    bans.suggest(ban_of(BanKind::client, fmt::format("c{}", i), kNow + 60));
  CHECK(told.changes.empty());
  bans.tick(kNow);
  REQUIRE(told.changes.size() == 1);
  CHECK(told.changes[0]->clients.size() == 500);
  CHECK(told.changes[0]->table->has_client("c499"));
  bans.tick(kNow);
  CHECK(told.changes.size() == 1);
}

TEST_CASE("ban list: a suggestion never shortens what is there") {
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.add(ban_of(BanKind::client, "ever")));
  REQUIRE(bans.add(ban_of(BanKind::client, "long", kNow + 100)));
  for (const char* id : {"ever", "long"}) bans.suggest(ban_of(BanKind::client, id, kNow + 60));
  bans.tick(kNow);
  bans.tick(kNow + 61);
  CHECK(bans.size() == 2);
  bans.suggest(ban_of(BanKind::client, "long", kNow + 200));
  bans.tick(kNow + 62);
  bans.tick(kNow + 101);
  CHECK(bans.size() == 2);
}

TEST_CASE("ban list: bounds; what is automatic leaves room for the operator") {
  Told told;
  BanList bans(told.sink());
  std::size_t n = 0;
  while (bans.size() < BanList::kMaxAutomatic) {
    for (int i = 0; i < 5'000; ++i)
      bans.suggest(ban_of(BanKind::client, fmt::format("c{}", n++), kNow + 60));
    bans.tick(kNow);
  }
  bans.suggest(ban_of(BanKind::client, "one more", kNow + 60));
  bans.tick(kNow);
  CHECK(bans.size() == BanList::kMaxAutomatic);
  // Whoever has the same word replaced needs no room.
  REQUIRE(bans.add(ban_of(BanKind::client, "c0")));
  CHECK(bans.size() == BanList::kMaxAutomatic);
  while (bans.size() < BanList::kMax)
    REQUIRE(bans.add(ban_of(BanKind::client, fmt::format("c{}", n++))));
  CHECK_FALSE(bans.add(ban_of(BanKind::client, "too many")));
  CHECK(bans.add(ban_of(BanKind::client, "c1")));
  CHECK(bans.size() == BanList::kMax);
}

TEST_CASE("ban file: what was changed is there again, and only that") {
  const Folder folder;
  {
    Told told;
    BanList bans(told.sink());
    REQUIRE(bans.open(folder.file(), kNow));
    REQUIRE(bans.add(ban_of(BanKind::client, "a \"b\"\n", kNow + 100)));
    REQUIRE(bans.add(ban_of(BanKind::address, "2001:db8::/32")));
    REQUIRE(bans.add(ban_of(BanKind::user, "gone")));
    REQUIRE(bans.remove(BanKind::user, "gone"));
    CHECK(folder.text().find("2001:db8::/32") != std::string::npos);  // not only at the end
  }
  struct stat status {};
  REQUIRE(::stat(folder.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK_FALSE(fs::exists(folder.file("banned.new")));
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.open(folder.file(), kNow));
  REQUIRE(told.changes.size() == 1);
  CHECK(told.changes[0]->others);
  const auto all = bans.list();
  REQUIRE(all.size() == 2);
  CHECK(all[0]->value == "a \"b\"\n");
  CHECK(all[0]->until_s == kNow + 100);
  CHECK(told.changes[0]->table->has_address(*Endpoint::parse("2001:db8::7")));
  bans.tick(kNow + 101);
  CHECK(bans.size() == 1);
}

TEST_CASE("ban file: suggestions and ends reach it without being asked for") {
  const Folder folder;
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.open(folder.file(), kNow));
  bans.suggest(ban_of(BanKind::client, "flapper", kNow + 60));
  bans.tick(kNow);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (folder.text().find("flapper") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK(folder.text().find("flapper") != std::string::npos);
  bans.tick(kNow + 61);
  bans.close();
  CHECK(folder.text().find("flapper") == std::string::npos);
}

TEST_CASE("ban file: what is over by now does not come back") {
  const Folder folder;
  folder.write(print_ban(ban_of(BanKind::client, "old", kNow - 1)) + "\n" +
               print_ban(ban_of(BanKind::client, "young", kNow + 1)) + "\n");
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.open(folder.file(), kNow));
  CHECK(bans.size() == 1);
  bans.close();
  CHECK(folder.text().find("old") == std::string::npos);
}

TEST_CASE("ban file: lines that cannot be read are passed over, and kept aside") {
  const Folder folder;
  const std::string text = "# a comment\n\nrubbish\n" + print_ban(ban_of(BanKind::client, "good")) +
                           "\nclient \"torn\" until=ne";
  folder.write(text);
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.open(folder.file(), kNow));
  CHECK(bans.size() == 1);
  REQUIRE(bans.add(ban_of(BanKind::client, "more")));
  CHECK(folder.text("banned.bad") == text);
  CHECK(folder.text().find("rubbish") == std::string::npos);
}

TEST_CASE("ban file: lines beyond the bound are passed over, and kept aside") {
  const Folder folder;
  {
    std::ofstream out(folder.file());
    for (std::size_t i = 0; i < BanList::kMax + 2; ++i)
      out << print_ban(ban_of(BanKind::client, fmt::format("c{}", i))) << '\n';
  }
  const std::string text = folder.text();
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.open(folder.file(), kNow));
  CHECK(bans.size() == BanList::kMax);
  CHECK(folder.text("banned.bad") == text);
}

TEST_CASE("ban file: one that cannot be read at all is an error") {
  const Folder folder;
  fs::create_directory(folder.file());
  Told told;
  BanList bans(told.sink());
  const auto opened = bans.open(folder.file(), kNow);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().find(folder.file()) == 0);
}

TEST_CASE("ban file: a ban that cannot be written holds, and the error says so") {
  const Folder folder;
  Told told;
  BanList bans(told.sink());
  REQUIRE(bans.open((folder.path() / "missing/banned").string(), kNow));
  const auto added = bans.add(ban_of(BanKind::client, "c"));
  REQUIRE_FALSE(added);
  CHECK(added.error().find("holds until the broker stops") != std::string::npos);
  CHECK(bans.size() == 1);
  CHECK(told.changes.back()->table->has_client("c"));
}

TEST_CASE("ban file: a hundred thousand bans") {
  using Clock = std::chrono::steady_clock;
  const auto ms_since = [](Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  };
  const Folder folder;
  {
    std::ofstream out(folder.file());
    for (std::size_t i = 0; i < BanList::kMax - 1; ++i) {
      const BanKind kind = i % 3 == 0   ? BanKind::client
                           : i % 3 == 1 ? BanKind::user
                                        : BanKind::address;
      out << print_ban(ban_of(kind, kind == BanKind::address
                                        ? fmt::format("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255)
                                        : fmt::format("name-{}", i)))
          << '\n';
    }
  }
  Told told;
  BanList bans(told.sink());
  auto start = Clock::now();
  REQUIRE(bans.open(folder.file(), kNow));
  const double load = ms_since(start);
  CHECK(bans.size() == BanList::kMax - 1);
  start = Clock::now();
  REQUIRE(bans.add(ban_of(BanKind::client, "last")));
  const double add = ms_since(start);
  const auto& table = *told.changes.back()->table;
  start = Clock::now();
  int found = 0;
  for (int i = 0; i < 100'000; ++i)
    found += table.has_client("no such client") || table.has_user("nor such a user") ||
             table.has_address(*Endpoint::parse("192.0.2.1"));
  const double look = ms_since(start);
  CHECK(found == 0);
  MESSAGE(
      fmt::format("100000 bans (tests are not optimised): loaded in {:.0f} ms, one more and "
                  "written in {:.0f} ms, a CONNECT looked up in {:.0f} ns",
                  load, add, look * 10));
}

}  // namespace
}  // namespace keel::kernel
