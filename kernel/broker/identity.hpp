// Who a client is: what it says, what its certificate or key proves, and what the listener makes of
// both.
#pragma once

#include <string>
#include <string_view>

#include "kernel/base/settings.hpp"
#include "kernel/net/link.hpp"

namespace keel::kernel {

// The certificate attribute a listener asks for; empty: none was proven.
std::string_view certificate_attribute(const PeerInfo::Verified* verified,
                                       CertificateIdentity which);

// A mountpoint with %c and %u replaced by client id and user name. A name that could change the
// topic's structure (`/`, `+`, `#`) is refused: false.
bool expand_mountpoint(std::string_view pattern, std::string_view client_id,
                       std::string_view username, std::string& out);

// A client id nobody can guess: 128 random bits behind "keel-".
std::string random_client_id();

}  // namespace keel::kernel
