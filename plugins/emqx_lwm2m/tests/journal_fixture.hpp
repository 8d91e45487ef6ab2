// What the journal's tests have in common: a folder, the state that is in it, and the calls to the
// disk, which come here first. Included once in a program.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <keel/test/process.hpp>
#include <map>

#include "emqx_lwm2m/store/frame.hpp"
#include "emqx_lwm2m/store/journal.hpp"

namespace journal_test {

struct Disk {
  // What happens instead.
  bool die_before_rename = false, die_after_rename = false, fail_rename = false;
  int fail_fdatasync = 0;
  std::string calls;  // in order: s fsync, d fdatasync, r rename
};
inline Disk disk;

[[noreturn]] inline void die() {
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

}  // namespace journal_test

// These come before those of the C library. Nothing is really synced: here only processes die.
extern "C" int rename(const char* from, const char* to) noexcept {
  using journal_test::disk;
  if (disk.die_before_rename) journal_test::die();
  if (disk.fail_rename) return errno = EROFS, -1;
  disk.calls += 'r';
  const int done = ::renameat(AT_FDCWD, from, AT_FDCWD, to);
  if (disk.die_after_rename) journal_test::die();
  return done;
}
extern "C" int fdatasync(int) {
  using journal_test::disk;
  disk.calls += 'd';
  return disk.fail_fdatasync > 0 ? --disk.fail_fdatasync, errno = EIO, -1 : 0;
}
extern "C" int fsync(int) {
  journal_test::disk.calls += 's';
  return 0;
}

namespace journal_test {

using keel::test::read_file;
using keel::test::write_file;
using lwm2m::Journal;
using State = std::map<std::string, std::string>;

struct Directory {
  keel::test::TempDir dir;
  std::string path() const { return dir.path("devices.journal"); }
  std::string content() const { return read_file(path()); }
  std::size_t size() const { return content().size(); }
};

inline keel::Status flush(Journal& journal, std::string* notice = nullptr) {
  auto batch = journal.take();
  if (!batch) return {};
  keel::Status status = Journal::write(*batch);
  if (notice) *notice = batch->notice();
  journal.written(std::move(batch), bool(status));
  return status;
}

inline State as_state(const Journal::Loaded& loaded) {
  State state;
  for (const auto& record : loaded.records) {
    CHECK(state.emplace(record.endpoint, record.state).second);
  }
  return state;
}

inline State reload(const Directory& at, std::uint64_t* damaged = nullptr) {
  auto loaded = Journal(at.dir.path()).read();
  REQUIRE_MESSAGE(loaded, loaded.text());
  if (damaged) *damaged = loaded->damaged;
  return as_state(*loaded);
}

}  // namespace journal_test
