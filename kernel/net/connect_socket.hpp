// Makes connecting sockets. System calls that return at once; [any].
#pragma once

#include "kernel/base/endpoint.hpp"

namespace keel::kernel {

// A non-blocking socket on its way to `target`; writable when that is decided. -1: errno tells why
// not.
int open_connecting_socket(const Endpoint& target);

// 0: connected; else the errno that it failed with.
int connect_result(int fd);

}  // namespace keel::kernel
