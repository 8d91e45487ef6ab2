#include "kernel/admin/ctl_server.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <condition_variable>
#include <fstream>
#include <future>

#include "kernel/admin/ctl_protocol.hpp"
#include "tests/unit/admin/support.hpp"

using namespace keel::kernel;
using namespace keel::test;

TEST_CASE("requests over the socket") {
  TestNode node;
  struct stat found {};
  REQUIRE(::stat(node.socket().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(ask_socket(node.socket(), {"status"}) ==
        Output{Exit::ok, "Node 'keel@test' is started\nkeel v9.8.7 is running\n"});
  CHECK(ask_socket(node.socket(), {"clients", "show", "x"}) == Output{Exit::error, "Not Found.\n"});
  CHECK(ask_socket(node.socket(), {}).code == Exit::usage);
  CHECK(ask_socket(node.socket(), std::vector<std::string>(65, "x")).code == Exit::error);
  CHECK(ask_socket(node.socket(), {std::string(100'000, 'x')}).code == Exit::error);
  CHECK(ask_socket(node.socket(), {"stop"}) == Output{Exit::ok, "ok\n"});
  while (node.stops == 0) std::this_thread::yield();
}

TEST_CASE("broken requests end quietly and harm nobody") {
  TestNode node;
  for (const std::string& bytes :
       {std::string(), std::string("\0\0", 2), std::string(64, '\xff'), std::string(5'000, '\0'),
        std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\0\0\0\1\0\0\0\x10half", 12)}) {
    const Socket socket = Socket::unix_path(node.socket());
    socket.send(bytes);
    ::shutdown(socket.fd(), SHUT_WR);
    socket.read_all();
  }
  CHECK(ask_socket(node.socket(), {"status"}).code == Exit::ok);
}

TEST_CASE("the socket of an earlier broker is replaced, a file is not") {
  const TempDir dir;
  const std::string path = dir.path() / "ctl.sock";
  CommandTable table;
  table.add("hi", {}, [](Args, Reply& reply) { return reply.ok("hi"); });
  {
    const int stale = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CtlServer first(table);
    REQUIRE(first.start(path));
    ::close(stale);
    CtlServer second(table);
    REQUIRE(second.start(path));
    CHECK(ask_socket(path, {"hi"}) == Output{Exit::ok, "hi\n"});
    second.stop();
  }
  CHECK_FALSE(std::filesystem::exists(path));
  std::ofstream(path) << "precious";
  CtlServer third(table);
  const auto refused = third.start(path);
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error(), "is no socket"));
  CHECK(std::filesystem::exists(path));
  CHECK_FALSE(third.start(std::string(200, 'x')));
  CHECK_FALSE(third.start(dir.path() / "missing" / "ctl.sock"));
}

TEST_CASE("at most so many commands run at once, others wait") {
  const TempDir dir;
  const std::string path = dir.path() / "ctl.sock";
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t running = 0, most = 0;
  bool go = false;
  CommandTable table;
  table.add("wait", {}, [&](Args, Reply& reply) {
    std::unique_lock lock(mutex);
    most = std::max(most, ++running);
    changed.notify_all();
    changed.wait(lock, [&] { return go; });
    --running;
    return reply.ok("done");
  });
  CtlServer server(table);
  REQUIRE(server.start(path));
  std::vector<std::future<Output>> all;
  for (std::size_t i = 0; i < 4 * CtlServer::kMaxRequests; ++i) {
    all.push_back(std::async(std::launch::async, [&] { return ask_socket(path, {"wait"}); }));
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return running == CtlServer::kMaxRequests; });
    go = true;
    changed.notify_all();
  }
  for (auto& one : all) CHECK(one.get() == Output{Exit::ok, "done\n"});
  CHECK(most == CtlServer::kMaxRequests);
  CHECK(ask_socket(path, {"wait"}).code == Exit::ok);
}

TEST_CASE("stopping ends the requests that wait to be accepted") {
  const TempDir dir;
  const std::string path = dir.path() / "ctl.sock";
  const CommandTable table;
  CtlServer server(table);
  REQUIRE(server.start(path));
  std::vector<Socket> silent;  // they send no request, so none of them ends by itself
  for (std::size_t i = 0; i < CtlServer::kMaxRequests + 200; ++i)
    silent.push_back(Socket::unix_path(path));
  server.stop();
  for (const Socket& socket : silent) CHECK(socket.read_all().empty());
}

TEST_CASE("stopping cuts off a reader that takes nothing") {
  const TempDir dir;
  const std::string path = dir.path() / "ctl.sock";
  std::promise<void> blocked;
  CommandTable table;
  table.add("flood", {}, [&](Args, Reply& reply) {
    const std::string line(1'000, 'x');
    for (int i = 0; reply.alive(); ++i) {
      reply.line(line);
      if (i == 100) blocked.set_value();
    }
    return Exit::error;
  });
  CtlServer server(table);
  REQUIRE(server.start(path));
  const Socket socket = Socket::unix_path(path);
  socket.send(ctl_piece_header(1) + ctl_piece_header(5) + "flood");
  blocked.get_future().wait();
  server.stop();
}

TEST_CASE("a node stops while commands wait for a shard that does not answer") {
  TestNode node;
  std::promise<void> entered, release;
  node.realm.brokers[0]->shard().post(Task([&] {
    entered.set_value();
    release.get_future().wait();
  }));
  entered.get_future().wait();
  const Socket list = Socket::unix_path(node.socket());
  list.send(ctl_piece_header(2) + ctl_piece_header(7) + "clients" + ctl_piece_header(4) + "list");
  auto direct = std::async(std::launch::async, [&] { return node.ctl({"sessions", "list"}); });
  // A command that needs no shard is answered meanwhile.
  CHECK(ask_socket(node.socket(), {"status"}).code == Exit::ok);
  node.admin.stop();
  list.read_all();
  CHECK(direct.get() == Output{Exit::error, "The broker is stopping.\n"});
  release.set_value();
}
