// The names in a client's certificate, as text.
#pragma once

#include "kernel/net/link.hpp"

struct x509_st;

namespace keel::kernel {

// Fills cn, san (the first DNS, e-mail, URI or IP name) and dn (RFC 2253). Names that hold a NUL
// are left out: they are made to be misread.
void read_names(x509_st& certificate, PeerInfo::Verified& out);

}  // namespace keel::kernel
