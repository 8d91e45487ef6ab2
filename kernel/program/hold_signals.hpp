// Blocks the signals that steer the program (SIGTERM, SIGINT, SIGHUP) in this thread and in all
// that it starts: they interrupt nobody and wait for the control loop to take them
// (ControlLoop::on_signal). Made by main before its first thread.
#pragma once

#include <csignal>
#include <initializer_list>

namespace keel::kernel {

inline void hold_signals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&held, number);
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
}

}  // namespace keel::kernel
