#include "kernel/broker/identity.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <cstdint>
#include <stdexcept>

namespace keel::kernel {

std::string_view certificate_attribute(const PeerInfo::Verified* verified,
                                       CertificateIdentity which) {
  if (!verified) return {};
  switch (which) {
    case CertificateIdentity::cn:
      return verified->cn;
    case CertificateIdentity::san:
      return verified->san;
    case CertificateIdentity::dn:
      return verified->dn;
    case CertificateIdentity::none:
      break;
  }
  return {};
}

bool expand_mountpoint(std::string_view pattern, std::string_view client_id,
                       std::string_view username, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool client = pattern.substr(i, 2) == "%c";
    if (!client && pattern.substr(i, 2) != "%u") {
      out += pattern[i];
      continue;
    }
    const std::string_view name = client ? client_id : username;
    if (name.empty() || name.find_first_of("/+#") != std::string_view::npos) return false;
    out += name;
    ++i;
  }
  return true;
}

std::string random_client_id() {
  std::uint64_t bits[2];
  if (getrandom(bits, sizeof bits, 0) != sizeof bits)
    throw std::runtime_error("the system has no random numbers");
  return fmt::format("keel-{:016x}{:016x}", bits[0], bits[1]);
}

}  // namespace keel::kernel
