// Shared by the tests of the operators' side: temporary files, running a command table directly,
// and a whole node (shards, brokers, a listener, control thread) in this process.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kernel/admin/admin.hpp"
#include "kernel/net/control_loop.hpp"
#include "kernel/net/listener_set.hpp"
#include "kernel/net/shard_set.hpp"

namespace keel::test {

class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> lines_of(const std::string& text);
std::vector<std::string> lines_of_file(const std::string& file);
bool contains(const std::string& text, const std::string& part);
bool matches(const std::string& text, const std::string& form);  // all of it

struct Output {
  kernel::Exit code{};
  std::string text;
  bool operator==(const Output&) const = default;
};
Output run(const kernel::CommandTable& table, std::vector<std::string> arguments);

// A connected socket, blocking, closed at the end.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket();
  static Socket tcp(std::uint16_t port);
  static Socket unix_path(const std::string& path);

  bool send(std::string_view bytes) const;
  std::string read(std::size_t size) const;  // shorter at the end of the stream
  std::string read_all() const;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// One request over the socket, as the tool does it.
Output ask_socket(const std::string& path, const std::vector<std::string>& arguments);

// What main is to the broker, as far as commands see it.
class TestNode final : public kernel::AdminHost {
 public:
  explicit TestNode(std::uint32_t shards = 2, kernel::Settings settings = {});
  ~TestNode() override;

  Output ctl(std::vector<std::string> arguments) {
    return run(admin.commands(), std::move(arguments));
  }
  // A client that completed CONNECT (3.1.1); answers its socket.
  Socket connect(const std::string& client_id, bool clean = true);
  void subscribe(const Socket& client, const std::string& filter, std::uint8_t qos);
  // Runs on the shard and waits.
  void on_shard(std::uint32_t index, const std::function<void(kernel::Broker&)>& fn);
  std::string socket() const { return dir.path() / "ctl.sock"; }

  void post(kernel::Task task) override { loop_.post(std::move(task)); }
  std::string_view version() const override { return "9.8.7"; }
  std::string_view node_name() const override { return "keel@test"; }
  std::int64_t started_unix_s() const override { return started_; }
  bool draining() const override { return draining_now; }
  std::vector<kernel::ListenerStatus> listeners() override { return listeners_->list(); }
  kernel::Result<void> start_listener(std::string_view name) override {
    return listeners_->start(name);
  }
  kernel::Result<void> stop_listener(std::string_view name) override {
    return listeners_->stop(name);
  }
  kernel::Result<void> restart_listener(std::string_view name) override {
    return listeners_->restart(name);
  }
  kernel::Result<void> reload_listeners() override { return listeners_->reload_tls(); }
  kernel::Result<std::vector<std::string>> check_settings(const std::string& file) override;
  kernel::Result<kernel::ReloadReport> reload_settings() override;
  void stop() override { stops.fetch_add(1); }

  TempDir dir;
  std::atomic<bool> draining_now{false};
  std::atomic<int> stops{0};
  std::string reload_error;  // not empty: reload_settings() fails with it
  kernel::ReloadReport reload_report;

 private:
  kernel::ShardSet shards_;
  kernel::Settings settings_;
  kernel::ControlLoop loop_;
  std::int64_t started_;

 public:
  kernel::Realm realm;

 private:
  std::vector<std::unique_ptr<kernel::Broker>> brokers_;
  std::unique_ptr<kernel::ListenerSet> listeners_;

 public:
  kernel::Admin admin;
  std::uint16_t http_port = 0;

 private:
  std::thread control_;
};

}  // namespace keel::test
