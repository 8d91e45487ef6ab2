#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <thread>

#include "pki.hpp"
#include "server.hpp"

using namespace keel::test;

namespace {

// Sends `count` frames from a thread of its own while the echoes are read here.
void pump(Client& client, int count, std::size_t size, int move_every) {
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) {
      if (move_every && i % move_every == 0) client.send(frame("#move"));
      client.send(frame(std::to_string(i) + std::string(size, 'x')));
    }
  });
  bool right = true;
  for (int i = 0; i < count && right; ++i) {
    if (move_every && i % move_every == 0) right = client.receive(10) == frame("moved");
    const std::string expected = frame(std::to_string(i) + std::string(size, 'x'));
    right = right && client.receive(expected.size()) == expected;
  }
  if (!right) ::shutdown(client.fd(), SHUT_RDWR);
  sender.join();
  CHECK(right);
}

}  // namespace

TEST_CASE("echo over TCP: fragments, pipelining, who is there") {
  Server server;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client client = Client::tcp(server.port("tcp"));
  CHECK(client.ask("hello") == "hello");
  for (const char c : frame("byte by byte")) {
    REQUIRE(client.send(std::string(1, c)));
    if (c == 'b') CHECK(server.eventually([] { return true; }));
  }
  CHECK(client.receive(17) == frame("byte by byte"));
  CHECK(client.ask("#who").starts_with("127.0.0.1:"));
  pump(client, 5000, 300, 0);
  const ListenerStatus status = server.status("tcp");
  CHECK(status.proto == "mqtt:tcp");
  CHECK(status.running);
  CHECK(status.current == 1);
  CHECK(status.accepted == 1);
  CHECK(server.metric(Metric::connections_accepted) == 1);
  CHECK(server.metric(Metric::bytes_received) > 1'500'000);
  client.close();
  CHECK(server.events.wait_for("closed peer: closed by the client"));
  CHECK(server.eventually([&] { return server.status("tcp").current == 0; }));
  CHECK(server.status("tcp").shutdowns["peer"] == 1);
}

TEST_CASE("frames of many sizes, larger than every buffer, in pieces") {
  Server server;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client client = Client::tcp(server.port("tcp"));
  // Frames hold 9999 bytes at most; a long train of them is one large input.
  std::string train;
  for (int i = 0; i < 120; ++i)
    train += frame(std::string(static_cast<std::size_t>(9'999 - i), 'a'));
  std::thread sender([&] {
    for (std::size_t at = 0; at < train.size(); at += 1'237) client.send(train.substr(at, 1'237));
  });
  CHECK(client.receive(train.size()) == train);
  sender.join();
}

TEST_CASE("a link moves between shards in mid-stream and loses nothing") {
  Server server(3);
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client client = Client::tcp(server.port("tcp"));
  const int first = std::stoi(client.ask("#shard"));
  CHECK(client.ask("#move") == "moved");
  CHECK(std::stoi(client.ask("#shard")) == (first + 1) % 3);
  pump(client, 3000, 500, 10);
}

TEST_CASE("connections are dealt out to the shards in turn") {
  Server server(2);
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  int on[2] = {};
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(Client::tcp(server.port("tcp")));
    ++on[std::stoi(clients.back().ask("#shard"))];
  }
  CHECK(on[0] == 5);
  CHECK(on[1] == 5);
}

TEST_CASE("close sends what is left, even to a client that keeps talking") {
  Server server;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client client = Client::tcp(server.port("tcp"));
  REQUIRE(client.send(frame("#close") + std::string(100'000, 'z')));
  CHECK(client.receive(8) == frame("bye"));
  CHECK(client.at_end());
  CHECK(server.events.next() == "closed local: closed");
  client.close();
  CHECK(server.eventually([&] { return server.status("tcp").current == 0; }));
}

TEST_CASE("a client that never closes is not waited for after close") {
  Server server;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client client = Client::tcp(server.port("tcp"));
  CHECK(client.ask("#close") == "bye");
  CHECK(server.eventually([&] { return server.status("tcp").current == 0; }));
}

TEST_CASE("abort and reset") {
  Server server;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client aborted = Client::tcp(server.port("tcp"));
  CHECK(aborted.ask("#abort") == "(closed)");
  CHECK(server.events.next() == "closed local: aborted");
  Client reset = Client::tcp(server.port("tcp"));
  CHECK(reset.ask("x") == "x");
  reset.reset();
  CHECK(server.events.next() == "closed peer: Connection reset by peer");
}

TEST_CASE("what a client sent before it went is read, though answers fail") {
  Server server;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  for (int round = 0; round < 20; ++round) {
    Client client = Client::tcp(server.port("tcp"));
    std::string all;
    for (int i = 0; i < 2'000; ++i) all += frame("x");
    REQUIRE(client.send(all + frame("#close")));
    client.close();
    const std::string event = server.events.next();
    CHECK((event == "closed local: closed" || event.starts_with("closed peer")));
  }
}

TEST_CASE("a slow reader is waited for, without growing memory or losing a byte") {
  Server server;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client client = Client::tcp(server.port("tcp"));
  const std::string piece = frame(std::string(9'000, 'p'));
  constexpr int kPieces = 3'000;
  std::thread sender([&] {
    for (int i = 0; i < kPieces; ++i) client.send(piece);
  });
  // Nothing is read until the server has stopped reading: its counter of received bytes stands
  // still.
  std::uint64_t seen = 0;
  CHECK(server.eventually([&] { return server.metric(Metric::bytes_received) > 300'000; }));
  int still = 0;
  CHECK(server.eventually([&] {
    const std::uint64_t now = server.metric(Metric::bytes_received);
    still = now == seen ? still + 1 : 0;
    seen = now;
    return still > 500;
  }));
  CHECK(seen < kPieces * piece.size() - 1'000'000);
  int right = 0;
  for (int i = 0; i < kPieces; ++i) right += client.receive(piece.size()) == piece;
  CHECK(right == kPieces);
  sender.join();
  CHECK(server.events.next() == "drained");
}

TEST_CASE("a client that takes no byte is closed after limits.send_timeout") {
  Server server;
  server.settings.limits.send_timeout_ms = 200;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client client = Client::tcp(server.port("tcp"));
  REQUIRE(client.send(frame("#flood")));
  CHECK(server.events.next() == "closed slow: took no byte for limits.send_timeout");
  CHECK(server.eventually([&] { return server.status("tcp").shutdowns["slow"] == 1; }));
}

TEST_CASE("close is bounded by limits.send_timeout too") {
  Server server;
  server.settings.limits.send_timeout_ms = 200;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  Client client = Client::tcp(server.port("tcp"));
  REQUIRE(client.send(frame("#flood") + frame("#close")));
  CHECK(server.events.next() == "closed slow: took no byte for limits.send_timeout");
  CHECK(server.eventually([&] { return server.status("tcp").current == 0; }));
}

TEST_CASE("Unix sockets: mode, echo, moves, and the file goes with the listener") {
  TempDir dir;
  Server server;
  server.listener("local", "unix:" + dir.file("k.sock")).unix_mode = 0600;
  server.start();
  struct stat info {};
  REQUIRE(::stat(dir.file("k.sock").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  Client client = Client::unix_socket(dir.file("k.sock"));
  REQUIRE(client.connected());
  CHECK(client.ask("#who") == "unix local");
  pump(client, 1000, 200, 50);
  CHECK(server.status("local").proto == "mqtt:unix");
  REQUIRE(client.send(frame("a") + frame("#close")));
  CHECK(client.receive(6) == frame("a"));
  client.close();
  REQUIRE(server.listeners.stop("local"));
  CHECK(::stat(dir.file("k.sock").c_str(), &info) != 0);
}

TEST_CASE("a shard set that stops drops its links, moving or not") {
  Server server;
  server.listener("tcp", "127.0.0.1:0");
  server.start();
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(Client::tcp(server.port("tcp")));
    std::string moves;
    for (int k = 0; k < 200; ++k) moves += frame("#move");
    REQUIRE(clients.back().send(moves));
  }
  server.shards.stop();
  CHECK(server.status("tcp").current == 0);
}
