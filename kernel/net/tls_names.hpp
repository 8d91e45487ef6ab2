// The names in a certificate, as text.
#pragma once

#include <string>

#include "kernel/net/link.hpp"

struct x509_st;

namespace keel::kernel {

// Fills cn, san (the first DNS, e-mail, URI or IP name) and dn (RFC 2253). Names that hold a NUL
// are left out: they are made to be misread.
void read_names(x509_st& certificate, PeerInfo::Verified& out);

// For whom a server's certificate is, for messages: its first alternative names or its common name,
// in ASCII and not long. Never empty.
std::string printable_names(const x509_st& certificate);

}  // namespace keel::kernel
