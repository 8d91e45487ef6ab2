// Makes listening sockets. Blocking system calls that return at once; [control].
#pragma once

#include <cstdint>

#include "kernel/base/address.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel {

struct ListenOptions {
  std::uint32_t backlog = 4096;
  std::uint32_t unix_mode = 0660;
  bool reuse_port = false;  // several sockets may share the port
};

// A non-blocking listening socket; TCP_NODELAY is set and inherited by what it accepts. A Unix
// socket file that nobody answers on is replaced.
Result<int> open_listen_socket(const BindAddress& address, const ListenOptions& options);

// Where `fd` really listens: port 0 has become a number.
BindAddress bound_address(int fd, const BindAddress& asked);

// Changes what can be changed while listening.
void adjust_listen_socket(int fd, const BindAddress& address, const ListenOptions& options);

}  // namespace keel::kernel
