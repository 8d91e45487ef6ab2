// From host names to addresses. [worker]
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernel/base/endpoint.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel {

// Answers addresses in the order in which to try them, or why there are none.
using Resolver = std::function<Result<std::vector<Endpoint>>(const std::string& host)>;

// By the system's rules (getaddrinfo). Blocks; ports are 0.
Result<std::vector<Endpoint>> resolve_host(const std::string& host);

}  // namespace keel::kernel
