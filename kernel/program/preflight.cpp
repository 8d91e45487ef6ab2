#include "kernel/program/preflight.hpp"

#include <set>
#include <string>

#include "kernel/base/address.hpp"
#include "kernel/net/tls_context.hpp"

namespace keel::kernel {

Result<void> preflight(const Settings& settings) {
  std::string problems;
  const auto add = [&](const std::string& problem) {
    if (!problems.empty()) problems += '\n';
    problems += problem;
  };
  if (!settings.http.bind.empty()) {
    const auto address = parse_bind(settings.http.bind, "127.0.0.1");
    if (!address)
      add("http.bind: " + address.error());
    else if (!address->loopback() || !address->unix_path.empty())
      add("http.bind: '" + settings.http.bind +
          "' is not a loopback address, and there is no access control; use 127.0.0.1:PORT");
  }
  std::set<std::string> looked_at;
  for (const ListenerSettings& listener : settings.listeners) {
    const auto tls = settings.tls.find(listener.tls);
    if (!listener.enabled || tls == settings.tls.end() || !looked_at.insert(listener.tls).second)
      continue;
    if (auto loaded = TlsContext::load(listener.tls, tls->second); !loaded) add(loaded.error());
  }
  if (problems.empty()) return {};
  return Error{problems};
}

}  // namespace keel::kernel
