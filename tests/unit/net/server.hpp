// A server for tests: shards and listeners with a protocol that echoes and obeys a few commands,
// and the clients to talk to it.
#pragma once

#include <openssl/ssl.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/net/listener_set.hpp"
#include "kernel/net/shard_set.hpp"
#include "patience.hpp"

namespace keel::test {

using namespace keel::kernel;

// What handlers report, for the test to wait for.
class Events {
 public:
  void add(std::string event);
  // Waits for the next event. "(nothing)" after a long time.
  std::string next();
  bool wait_for(std::string_view event);  // skips others

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> events_;
};

// Frames: four digits, a colon, that many bytes. "#move", "#close", "#abort", "#who", "#shard",
// "#flood N" are commands; everything else is echoed. Anything that is no frame closes the
// connection.
struct Server {
  explicit Server(std::uint32_t shard_count = 2);
  ~Server();

  ListenerSettings& listener(const std::string& name, const std::string& bind);
  Result<void> apply() { return listeners.apply(settings); }
  void start();  // apply, or fail the test
  std::uint16_t port(const std::string& name);
  // Waits until the condition holds, letting the shards turn. False after a long time.
  bool eventually(const std::function<bool()>& condition);
  std::uint64_t metric(Metric metric);
  ListenerStatus status(const std::string& name);

  Events events;
  Settings settings;
  ShardSet shards;
  ListenerSet listeners;
};

std::string frame(std::string_view body);

// A blocking client socket with a deadline on every call.
class Client {
 public:
  static Client tcp(std::uint16_t port);
  static Client unix_socket(const std::string& path);
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;
  virtual ~Client();

  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  bool send(std::string_view bytes);
  std::string receive(std::size_t size);   // shorter at the end of the stream
  std::string ask(std::string_view body);  // sends a frame, receives the body of one
  bool at_end() { return receive(1).empty(); }
  void reset();  // closes with RST
  void close();

  // TLS from here on. Empty: done; else why not.
  std::string start_tls(SSL_CTX* context);
  SSL* ssl() const { return ssl_; }

 private:
  explicit Client(int fd) : fd_(fd) {}
  int fd_;
  SSL* ssl_ = nullptr;
};

}  // namespace keel::test
