#include "kernel/net/resolver.hpp"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace keel::kernel {

Result<std::vector<Endpoint>> resolve_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, ::freeaddrinfo);
  if (failed == EAI_SYSTEM) return Error{fmt::format("cannot resolve: {}", std::strerror(errno))};
  if (failed != 0) return Error{fmt::format("cannot resolve: {}", ::gai_strerror(failed))};
  std::vector<Endpoint> found;
  for (const addrinfo* each = list; each; each = each->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, each->ai_addr, std::min<std::size_t>(each->ai_addrlen, sizeof storage));
    const Endpoint endpoint = Endpoint::from(storage);
    if (std::find(found.begin(), found.end(), endpoint) == found.end()) found.push_back(endpoint);
  }
  return found;
}

}  // namespace keel::kernel
