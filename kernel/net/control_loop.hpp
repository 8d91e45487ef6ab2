// The control thread's event loop: signals, repeated work, descriptors to watch, and tasks from
// other threads. Runs on the thread that calls run(), which is main. Asio is behind it; other files
// of the control thread that need more of it get the io_context.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>

#include "kernel/base/task.hpp"

namespace asio {
class io_context;
}

namespace keel::kernel {

class ControlLoop {
 public:
  ControlLoop();
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;
  ~ControlLoop();

  // Runs `task` in order of posting; destroys it when the loop has ended. [any]
  void post(Task task);
  // Until stop(). [control]
  void run();
  // The same, but only until `done` is true or stop() was called; looked at after each task. For
  // what has to be over before the program is up.
  void run_until(const std::function<bool()>& done);
  void stop();  // [any]

  // [control], before or while the loop runs; each holds until the loop is destroyed.
  // The signals must be blocked in every thread; they are taken in the loop, never asynchronously.
  void on_signal(std::initializer_list<int> signals, std::function<void(int)> fn);
  void every(std::chrono::milliseconds period, std::function<void()> fn);
  void after(std::chrono::milliseconds delay, std::function<void()> fn);
  void on_readable(int fd, std::function<void()> fn);  // the descriptor stays the caller's

  asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keel::kernel
