#include "kernel/base/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "kernel/base/log_sinks.hpp"

using namespace keel::kernel;
namespace fs = std::filesystem;

namespace {

// A folder of its own, and a log writing only to a file in it.
struct FileLog {
  FileLog() {
    char name[] = "/tmp/keel-log-XXXXXX";
    dir = ::mkdtemp(name);
    settings.console = false;
    settings.level = "debug";
    settings.file = (dir / "keel.log").string();
  }
  ~FileLog() {
    log::close();
    fs::remove_all(dir);
  }
  FileLog(const FileLog&) = delete;
  FileLog& operator=(const FileLog&) = delete;

  void open() { REQUIRE(log::open(settings)); }
  static std::string text_of(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::vector<std::string> lines() const {
    log::flush();
    std::istringstream text(text_of(settings.file));
    std::vector<std::string> list;
    for (std::string line; std::getline(text, line);) list.push_back(line);
    return list;
  }
  // The lines without time.
  std::vector<std::string> bare() const {
    auto list = lines();
    for (auto& line : list) line = line.substr(std::min<std::size_t>(25, line.size()));
    return list;
  }

  fs::path dir;
  LogSettings settings;
};

using Lines = std::vector<std::string>;

// Begins like 2026-11-25T20:54:44.123Z and a blank.
bool has_time(const std::string& line) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd.dddZ ";
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (i >= line.size()) return false;
    const bool digit = line[i] >= '0' && line[i] <= '9';
    if (kForm[i] == 'd' ? !digit : line[i] != kForm[i]) return false;
  }
  return true;
}

// Puts a site into a second that is over.
void end_second(log::detail::Site& site) { site.second.store(0); }

}  // namespace

TEST_CASE("log levels have names") {
  using log::Level;
  for (const auto name :
       {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}) {
    const auto level = log::parse_level(name);
    REQUIRE(level);
    CHECK(log::level_name(*level) == name);
  }
  CHECK_FALSE(log::parse_level("loud"));
  CHECK_FALSE(log::parse_level(""));
  CHECK(Level::debug < Level::emergency);
}

TEST_CASE("a line has time, level and text") {
  std::string out;
  log::format_line({log::Level::notice, 1'795'640'084'123, "client=c1 peer=127.0.0.1:4711: text"},
                   out);
  CHECK(out == "2026-11-25T20:54:44.123Z notice client=c1 peer=127.0.0.1:4711: text");
  out.clear();
  log::format_line({log::Level::emergency, 0, "x"}, out);
  CHECK(out == "1970-01-01T00:00:00.000Z emergency x");
}

TEST_CASE("a text cannot break out of its line") {
  CHECK(log::clean_text("a\nb\x1b[31m\x7f") == "a\\x0ab\\x1b[31m\\x7f");
  CHECK(log::clean_text("grün") == "grün");
  CHECK(log::clean_text(std::string(5'000, 'x')) == std::string(4'096, 'x').append("..."));
}

TEST_CASE("lines reach the file in order, each with its own word") {
  FileLog file;
  file.open();
  KEEL_LOG(debug, "client={} peer={}: {}", "c1", "127.0.0.1:4711", "hello");
  KEEL_LOG(notice, "plain");
  KEEL_LOG(alert, "n={}", 3);
  KEEL_LOG(emergency, "bye");
  CHECK(file.bare() == Lines{"debug client=c1 peer=127.0.0.1:4711: hello", "notice plain",
                             "alert n=3", "emergency bye"});
  for (const auto& line : file.lines()) CHECK_MESSAGE(has_time(line), line);
}

TEST_CASE("levels hold per handler and can be changed") {
  FileLog file;
  file.settings.console = true;
  file.settings.level = "emergency";
  file.settings.file_level = "warning";
  file.open();
  using log::Level;
  CHECK(log::level() == Level::emergency);
  CHECK_FALSE(log::enabled(Level::notice));
  CHECK(log::enabled(Level::warning));
  KEEL_LOG(info, "no");
  KEEL_LOG(warning, "yes");
  CHECK(log::set_handler_level("file", Level::info));
  CHECK_FALSE(log::set_handler_level("printer", Level::info));
  KEEL_LOG(info, "now");
  KEEL_LOG(debug, "still not");
  log::flush();
  log::set_level(Level::emergency);
  KEEL_LOG(error, "never");
  CHECK(file.bare() == Lines{"warning yes", "info now"});

  const auto handlers = log::handlers();
  REQUIRE(handlers.size() == 2);
  CHECK(handlers[0].id == "console");
  CHECK(handlers[0].destination == "console");
  CHECK(handlers[1].id == "file");
  CHECK(handlers[1].destination == file.settings.file);
  CHECK(handlers[1].level == Level::emergency);
}

TEST_CASE("a level that is off formats nothing") {
  FileLog file;
  file.settings.level = "error";
  file.open();
  int calls = 0;
  const auto count = [&calls] { return ++calls; };
  KEEL_LOG(info, "{}", count());
  KEEL_LOG(error, "{}", count());
  CHECK(calls == 1);
}

TEST_CASE("without any destination everything is off") {
  LogSettings settings;
  settings.console = false;
  REQUIRE(log::open(settings));
  CHECK(log::handlers().empty());
  CHECK_FALSE(log::enabled(log::Level::emergency));
  log::close();
  CHECK(log::enabled(log::Level::warning));
}

TEST_CASE("a flood is cut at the burst and summed up when its second is over") {
  FileLog file;
  file.settings.burst = 3;
  file.open();
  static constinit log::detail::Site site;
  const auto admitted = [](int lines) {
    int count = 0;
    for (int i = 0; i < lines; ++i) {
      site.second.store(std::max<std::int64_t>(site.second.load(), 0));
      count += log::detail::admit(site, log::Level::warning, "bad packet from {}");
    }
    return count;
  };
  // A second may end between two lines: then the burst starts anew, and a summary stands for the
  // rest.
  const int first = admitted(10);
  CHECK(first >= 3);
  CHECK(first < 10);
  end_second(site);
  CHECK(admitted(1) == 1);
  if (first == 3) CHECK(file.bare() == Lines{"warning 7 more like: bad packet from *"});
}

TEST_CASE("a flood that goes quiet is summed up as well") {
  FileLog file;
  file.settings.burst = 2;
  file.open();
  static constinit log::detail::Site site;
  int admitted = 0;
  for (int i = 0; i < 1'000; ++i) admitted += log::detail::admit(site, log::Level::info, "flood");
  log::close();  // ends every second
  const auto text = FileLog::text_of(file.settings.file);
  CHECK(text.find(" more like: flood") != std::string::npos);
  CHECK(admitted <= 4);
}

TEST_CASE("a site that goes in the middle of a flood is summed up and forgotten") {
  FileLog file;
  file.settings.burst = 2;
  file.open();
  auto site = std::make_unique<log::detail::OwnedSite>();
  while (site->lines.load() < 3) log::detail::admit(*site, log::Level::info, "going");
  site.reset();
  CHECK(file.bare() == Lines{"info 1 more like: going"});
  log::close();  // looks at every flood once more
}

TEST_CASE("burst 0 admits everything") {
  FileLog file;
  file.settings.burst = 0;
  file.open();
  static constinit log::detail::Site site;
  for (int i = 0; i < 500; ++i) REQUIRE(log::detail::admit(site, log::Level::info, "x"));
}

TEST_CASE("the file rotates by size and keeps so many") {
  FileLog file;
  file.settings.rotation_size = 2'000;
  file.settings.rotation_count = 2;
  file.settings.burst = 0;
  file.open();
  for (int i = 0; i < 200; ++i) KEEL_LOG(info, "line {} {}", i, std::string(50, '.'));
  log::flush();
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(file.dir)) {
    ++files;
    CHECK(entry.file_size() <= 2'000);
  }
  CHECK(files == 3);
  CHECK(file.lines().back().find("line 199 ") != std::string::npos);
}

TEST_CASE("a log file that cannot be opened is an error and changes nothing") {
  FileLog file;
  file.open();
  LogSettings bad = file.settings;
  bad.file = "/proc/keel/no.log";
  const auto opened = log::open(bad);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().find("the log file '/proc/keel/no.log' cannot be opened") == 0);
  CHECK(opened.error().find("change log.file") != std::string::npos);
  KEEL_LOG(info, "still here");
  CHECK(file.bare() == Lines{"info still here"});

  bad = file.settings;
  bad.level = "loud";
  const auto level = log::open(bad);
  REQUIRE_FALSE(level);
  CHECK(level.error() ==
        "log.level is 'loud'; use debug, info, notice, warning, error, critical, "
        "alert or emergency");
}

TEST_CASE("reopen follows a file that was moved away") {
  FileLog file;
  file.open();
  KEEL_LOG(info, "old");
  log::flush();
  fs::rename(file.settings.file, file.dir / "moved");
  KEEL_LOG(info, "between");
  log::flush();
  REQUIRE(log::reopen());
  KEEL_LOG(info, "new");
  CHECK(file.bare() == Lines{"info new"});
  const auto moved = FileLog::text_of(file.dir / "moved");
  CHECK(moved.find("info between\n") != std::string::npos);
}

TEST_CASE("many threads log while the log is opened again") {
  FileLog file;
  file.settings.burst = 0;
  file.open();
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < kLines; ++i) KEEL_LOG(info, "t{} {}", t, i);
    });
  }
  for (int i = 0; i < 20; ++i) {
    REQUIRE(log::open(file.settings));
    REQUIRE(log::reopen());
    log::set_level(log::Level::debug);
  }
  for (auto& thread : threads) thread.join();
  std::vector<int> next(kThreads);
  for (const auto& line : file.bare()) {
    int t = 0;
    int i = 0;
    REQUIRE(std::sscanf(line.c_str(), "info t%d %d", &t, &i) == 2);
    CHECK(next[static_cast<std::size_t>(t)]++ == i);
  }
  CHECK(next == std::vector<int>(kThreads, kLines));
}

TEST_CASE("overrun loses the oldest lines and says how many") {
  FileLog file;
  file.settings.burst = 0;
  // A pipe nobody reads yet holds the writer up.
  const auto fifo = file.dir / "pipe";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  file.settings.file = fifo.string();
  file.settings.rotation_size = 0;
  std::string received;
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  file.open();
  constexpr int kLines = 40'000;
  for (int i = 0; i < kLines; ++i) KEEL_LOG(info, "line {}", i);
  std::thread drain([&] {
    char buffer[4096];
    while (received.find("line 39999\n") == std::string::npos) {
      const auto n = ::read(reader, buffer, sizeof buffer);
      if (n > 0) received.append(buffer, static_cast<std::size_t>(n));
    }
  });
  log::flush();
  drain.join();
  ::close(reader);
  std::istringstream text(received);
  int lines = 0;
  int lost = 0;
  for (std::string line; std::getline(text, line);) {
    int count = 0;
    if (std::sscanf(line.c_str() + 25, "warning log: %d lines lost", &count) == 1) {
      lost += count;
    } else {
      ++lines;
    }
  }
  CHECK(lost > 0);
  CHECK(lines + lost == kLines);
}

TEST_CASE("the journal gets message, priority and identifier") {
  FileLog file;
  const auto path = (file.dir / "journal").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);

  const auto absent = log::make_journal_sink(path);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().find("run under systemd or set log.journal = false") != std::string::npos);

  const int journal = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  REQUIRE(::bind(journal, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const auto sink = log::make_journal_sink(path);
  REQUIRE(sink);
  CHECK((*sink)->write({log::Level::notice, 0, "client=c1: hi"}));
  char buffer[512];
  const auto size = ::recv(journal, buffer, sizeof buffer, 0);
  REQUIRE(size > 0);
  CHECK(std::string(buffer, static_cast<std::size_t>(size)) ==
        "PRIORITY=5\nSYSLOG_IDENTIFIER=keel\nMESSAGE=client=c1: hi\n");
  ::close(journal);
  CHECK_FALSE((*sink)->write({log::Level::error, 0, "gone"}));
  CHECK_FALSE((*sink)->failure().empty());
}
