#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "net_host.hpp"

namespace keel::test {
namespace {

const keel_ext_fd& fds() { return tables::fd; }

struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0); }
  ~Pipe() {
    for (int& end : ends) shut(end);
  }
  static void shut(int& end) {
    if (end >= 0) ::close(std::exchange(end, -1));
  }
  int ends[2];
};

// A watch's plugin side; what it saw.
struct Seen {
  std::atomic<int> calls{0};
  std::atomic<std::uint32_t> events{0};
  std::atomic<std::uint32_t> shard{99};
  std::string text;
  std::function<void()> during;

  static void on_ready(void* ctx, std::int32_t fd, std::uint32_t events) {
    auto& self = *static_cast<Seen*>(ctx);
    char buffer[64];
    if (events & KEEL_FD_READ) {
      const ssize_t got = ::read(fd, buffer, sizeof buffer);
      if (got > 0) self.text.append(buffer, static_cast<std::size_t>(got));
    }
    self.shard = HostThread::current()->index();
    self.events |= events;
    if (self.during) self.during();
    ++self.calls;
  }
};

TEST_CASE("a watch reports what is there once the plugin runs, on its shard, again and again") {
  NetHost host;
  auto slot = host.plugin();
  Pipe pipe;
  Seen seen;
  keel_handle watch = 0;
  REQUIRE(fds().watch(slot->host(), 1, pipe.ends[0], KEEL_FD_READ, Seen::on_ready, &seen, &watch) ==
          KEEL_OK);
  CHECK(::write(pipe.ends[1], "one", 3) == 3);
  host.turns();
  CHECK(seen.calls == 0);
  host.run(*slot);
  REQUIRE(host.eventually([&] { return seen.calls == 1; }));
  CHECK(seen.shard == 1);
  CHECK(seen.events == KEEL_FD_READ);
  CHECK(::write(pipe.ends[1], "two", 3) == 3);
  REQUIRE(host.eventually([&] { return seen.calls == 2; }));
  CHECK(slot->handles()[static_cast<std::size_t>(ObjectKind::watch)] == 1);
  host.unload(*slot);
  CHECK(seen.text == "onetwo");
  CHECK(slot->handles()[static_cast<std::size_t>(ObjectKind::watch)] == 0);
  CHECK(::write(pipe.ends[1], "three", 5) == 5);
  host.turns();
  CHECK(seen.calls == 2);
  CHECK(slot->calls(CallSite::watch).calls == 2);
}

TEST_CASE("the end of a stream reaches the reader and counts as an error, too") {
  NetHost host;
  auto slot = host.plugin();
  Pipe pipe;
  Seen seen;
  keel_handle watch = 0;
  seen.during = [&] { tables::fd.release(slot->host(), watch); };
  REQUIRE(fds().watch(slot->host(), 0, pipe.ends[0], KEEL_FD_READ, Seen::on_ready, &seen, &watch) ==
          KEEL_OK);
  host.run(*slot);
  Pipe::shut(pipe.ends[1]);
  REQUIRE(host.eventually([&] { return seen.calls == 1; }));
  CHECK(seen.events == (KEEL_FD_READ | KEEL_FD_ERROR));
  host.turns();
  CHECK(seen.calls == 1);  // released from within
  host.unload(*slot);
}

TEST_CASE("modify changes what is watched; write is reported while there is room") {
  NetHost host;
  auto slot = host.plugin();
  Pipe pipe;
  Seen seen;
  keel_handle watch = 0;
  REQUIRE(fds().watch(slot->host(), 0, pipe.ends[1], 0, Seen::on_ready, &seen, &watch) == KEEL_OK);
  host.run(*slot);
  host.turns();
  CHECK(seen.calls == 0);
  host.on_shard(0, [&] { CHECK(fds().modify(slot->host(), watch, KEEL_FD_WRITE) == KEEL_OK); });
  REQUIRE(host.eventually([&] { return seen.calls > 2; }));
  CHECK(seen.events == KEEL_FD_WRITE);
  host.on_shard(0, [&] {
    CHECK(fds().modify(slot->host(), watch, 0) == KEEL_OK);
    CHECK(fds().modify(slot->host(), watch, 8) == KEEL_E_INVAL);
  });
  const int calls = seen.calls;
  host.turns();
  CHECK(seen.calls == calls);
  // Wrong threads: the control thread, and one that is nobody's.
  CHECK(fds().modify(slot->host(), watch, 0) == KEEL_E_STATE);
  CHECK(fds().release(slot->host(), watch) == KEEL_E_STATE);
  std::thread([&] { CHECK(fds().release(slot->host(), watch) == KEEL_E_STATE); }).join();
  host.on_shard(1, [&] { CHECK(fds().modify(slot->host(), watch, 0) == KEEL_E_STATE); });
  auto stranger = host.plugin("stranger");
  host.on_shard(0, [&] {
    CHECK(fds().modify(stranger->host(), watch, 0) == KEEL_E_DENIED);
    CHECK(fds().release(stranger->host(), watch) == KEEL_E_DENIED);
    CHECK(fds().release(slot->host(), watch) == KEEL_OK);
    CHECK(fds().release(slot->host(), watch) == KEEL_E_STALE);
    CHECK(fds().modify(slot->host(), watch + 1, 0) == KEEL_E_STALE);
  });
  host.unload(*slot);
}

TEST_CASE("a watch that cannot be is refused with the reason, from any thread") {
  NetHost host;
  auto slot = host.plugin();
  Pipe pipe;
  Seen seen;
  keel_handle out = 0;
  const auto watch = [&](std::uint32_t shard, int fd, std::uint32_t events) {
    return fds().watch(slot->host(), shard, fd, events, Seen::on_ready, &seen, &out);
  };
  REQUIRE(watch(0, pipe.ends[0], KEEL_FD_READ) == KEEL_OK);
  CHECK(watch(0, pipe.ends[0], KEEL_FD_READ) == KEEL_E_EXISTS);
  CHECK(contains(error_text(), "watched on shard 0 already"));
  CHECK(watch(1, pipe.ends[0], KEEL_FD_READ) == KEEL_OK);  // another shard may
  CHECK(watch(0, 999999, KEEL_FD_READ) == KEEL_E_INVAL);
  CHECK(watch(0, -1, KEEL_FD_READ) == KEEL_E_INVAL);
  CHECK(watch(7, pipe.ends[1], KEEL_FD_READ) == KEEL_E_INVAL);
  CHECK(watch(0, pipe.ends[1], 16) == KEEL_E_INVAL);
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  CHECK(watch(0, file, KEEL_FD_READ) == KEEL_E_INVAL);
  CHECK(contains(error_text(), "always ready"));
  ::close(file);
  CHECK(fds().watch(slot->host(), 0, pipe.ends[1], KEEL_FD_READ, nullptr, &seen, &out) ==
        KEEL_E_INVAL);
  std::thread([&] { CHECK(watch(0, pipe.ends[1], KEEL_FD_WRITE) == KEEL_OK); }).join();
  host.unload(*slot);
  CHECK(watch(0, pipe.ends[0], KEEL_FD_READ) == KEEL_E_STATE);
  CHECK(host.runtime->handles().size() == 0);
}

TEST_CASE("unloading in the middle of events ends them") {
  NetHost host;
  const int ready = ::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
  for (int i = 0; i < 50; ++i) {
    auto slot = host.plugin();
    Seen seen;
    keel_handle out = 0;
    for (std::uint32_t shard : {0u, 1u})
      REQUIRE(fds().watch(slot->host(), shard, ready, KEEL_FD_WRITE, Seen::on_ready, &seen, &out) ==
              KEEL_OK);
    host.run(*slot);
    REQUIRE(host.eventually([&] { return seen.calls > 0; }));
    host.unload(*slot);
    const int calls = seen.calls;
    host.turns(1);
    CHECK(seen.calls == calls);
  }
  ::close(ready);
}

TEST_CASE("a watch is not parked: the descriptor is the old version's") {
  NetHost host;
  auto slot = host.plugin();
  Pipe pipe;
  Seen seen;
  keel_handle watch = 0;
  REQUIRE(fds().watch(slot->host(), 0, pipe.ends[0], KEEL_FD_READ, Seen::on_ready, &seen, &watch) ==
          KEEL_OK);
  host.run(*slot);
  {
    Parking parking(*host.runtime);
    host.park(*slot, parking);
    CHECK(parking.size() == 0);
  }
  CHECK(::write(pipe.ends[1], "x", 1) == 1);
  host.turns();
  CHECK(seen.calls == 0);
}

}  // namespace
}  // namespace keel::test
