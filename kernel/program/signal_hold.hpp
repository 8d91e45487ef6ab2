// Keeps the signals that steer the program (SIGTERM, SIGINT, SIGHUP) waiting until main is ready
// for them. Threads started meanwhile never get them: a signal to the process reaches main, and no
// shard is interrupted by one. Made by main before its first thread.
#pragma once

#include <csignal>

namespace keel::kernel {

class SignalHold {
 public:
  SignalHold() {
    sigemptyset(&held_);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&held_, number);
    pthread_sigmask(SIG_BLOCK, &held_, nullptr);
  }
  SignalHold(const SignalHold&) = delete;
  SignalHold& operator=(const SignalHold&) = delete;

  // From now on main takes them, also what came before. [the thread that made this]
  void release() { pthread_sigmask(SIG_UNBLOCK, &held_, nullptr); }

 private:
  sigset_t held_;
};

}  // namespace keel::kernel
