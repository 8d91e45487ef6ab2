// The Unix socket that `ctl` talks to. A thread of its own accepts; each request runs on a
// short-lived thread with blocking I/O, so a slow reader delays nobody. Only root and the broker's
// own user are let in.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kernel/admin/command_table.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel {

class CtlServer {
 public:
  static constexpr std::size_t kMaxRequests = 16;  // at once; others wait to be accepted
  static constexpr int kBacklog = 512;             // so many may wait

  explicit CtlServer(const CommandTable& commands) : commands_(commands) {}
  CtlServer(const CtlServer&) = delete;
  CtlServer& operator=(const CtlServer&) = delete;
  ~CtlServer() { stop(); }

  // Listens on `path`, mode 0600; a socket left there by an earlier broker is replaced. The caller
  // has made sure that no other broker uses the directory. [control]
  Result<void> start(const std::string& path);
  // Cuts off readers and waits for the running commands; whoever they wait for must have been told
  // to give up before. Removes the socket. [control]
  void stop();

 private:
  struct Request {
    int fd = -1;
    std::atomic<bool> finished{false};
    std::thread thread;
  };

  void accept_loop();
  void accept_one();
  void serve(Request& request);
  void answer(int fd, std::vector<std::string> arguments);
  void reap();

  const CommandTable& commands_;
  std::string path_;
  int listener_ = -1;
  int wake_ = -1;  // eventfd: a request has ended, or the accept loop has to
  std::atomic<bool> stopping_{false};
  std::thread acceptor_;
  std::mutex mutex_;
  std::list<Request> requests_;  // only the acceptor adds and removes, under mutex_
};

}  // namespace keel::kernel
