#include "kernel/net/fd_watch.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.hpp"

using namespace keel::test;

namespace {

struct Pair {
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0); }
  ~Pair() {
    for (const int fd : fds) {
      if (fd >= 0) ::close(fd);
    }
  }
  void close(int i) { ::close(std::exchange(fds[i], -1)); }
  int fds[2];
};

// A watch on shard 0 that counts what it is told.
struct Watched {
  explicit Watched(Server& with) : server(with) {}
  ~Watched() {
    on_shard([this](Shard&) { watch.reset(); });
  }
  void on_shard(const std::function<void(Shard&)>& what) {
    REQUIRE(server.shards.run_on(
        0, [&](Shard& shard) { what(shard); }, kPatience));
  }
  std::string open(int fd, std::uint32_t events) {
    std::string error;
    on_shard([&](Shard& shard) {
      auto made = FdWatch::open(shard, fd, events, [this](std::uint32_t seen) {
        ++calls;
        last = seen;
        if (then) then(seen);
      });
      if (made) {
        watch = std::move(*made);
      } else {
        error = made.error();
      }
    });
    return error;
  }

  Server& server;
  std::unique_ptr<FdWatch> watch;
  std::atomic<int> calls{0};
  std::atomic<std::uint32_t> last{0};
  std::function<void(std::uint32_t)> then;
};

}  // namespace

TEST_CASE("a watch is level-triggered and changes what it is for") {
  Server server(1);
  Pair pair;
  Watched watched(server);
  REQUIRE(watched.open(pair.fds[0], FdWatch::kRead) == "");
  CHECK(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
  CHECK(watched.calls == 0);
  REQUIRE(::write(pair.fds[1], "x", 1) == 1);
  CHECK(server.eventually([&] { return watched.calls > 3; }));  // nobody reads it
  CHECK(watched.last == FdWatch::kRead);
  watched.on_shard([&](Shard&) { watched.watch->set_events(FdWatch::kWrite); });
  CHECK(server.eventually([&] { return watched.last == FdWatch::kWrite; }));
  watched.on_shard([&](Shard&) { watched.watch->set_events(FdWatch::kRead | FdWatch::kWrite); });
  CHECK(server.eventually([&] { return watched.last == (FdWatch::kRead | FdWatch::kWrite); }));
  watched.on_shard([&](Shard&) { watched.watch->stop(); });
  const int before = watched.calls;
  CHECK(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
  CHECK(watched.calls == before);
  watched.on_shard([&](Shard&) { watched.watch->set_events(FdWatch::kRead); });
  CHECK(server.eventually([&] { return watched.calls > before; }));
  CHECK(::fcntl(pair.fds[0], F_GETFD) >= 0);  // stays the caller's
}

TEST_CASE("hang-ups and errors are reported") {
  Server server(1);
  Pair pair;
  Watched watched(server);
  watched.then = [&](std::uint32_t) { watched.watch->stop(); };
  REQUIRE(watched.open(pair.fds[0], 0) == "");
  pair.close(1);
  CHECK(server.eventually([&] { return watched.calls == 1; }));
  CHECK((watched.last & FdWatch::kError) != 0);
  CHECK((watched.last & FdWatch::kRead) != 0);
}

TEST_CASE("a watch may go from within its callback") {
  Server server(1);
  const int fd = ::eventfd(1, EFD_CLOEXEC);
  Watched watched(server);
  const std::string held(100, 'h');  // what the callback captured outlives the watch
  watched.then = [&watched, held](std::uint32_t) {
    watched.watch.reset();
    CHECK(held.size() == 100);
  };
  REQUIRE(watched.open(fd, FdWatch::kRead) == "");
  CHECK(server.eventually([&] { return watched.calls == 1; }));
  CHECK(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
  CHECK(watched.calls == 1);
  ::close(fd);
}

TEST_CASE("a descriptor closed too early, and its number used again, harms nobody") {
  Server server(1);
  server.listener("plain", "127.0.0.1:0");
  server.start();
  Watched watched(server);
  Pair pair;
  const int number = pair.fds[0];
  REQUIRE(watched.open(number, FdWatch::kRead) == "");
  CHECK(watched.watch->fd() == number);
  pair.close(0);
  Client client = Client::tcp(server.port("plain"));  // one end of it gets the number
  CHECK(client.ask("echo") == "echo");
  watched.on_shard([&](Shard&) { watched.watch.reset(); });
  CHECK(client.ask("echo") == "echo");
}

TEST_CASE("what cannot be watched") {
  Server server(1);
  Watched watched(server);
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  CHECK(watched.open(file, FdWatch::kRead).find("a file or directory is always ready") !=
        std::string::npos);
  ::close(file);
  CHECK(watched.open(file, FdWatch::kRead).find("it is not open") != std::string::npos);
  CHECK(watched.open(-1, FdWatch::kRead).find("cannot be watched") != std::string::npos);
}
