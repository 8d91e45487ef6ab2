// Pre-shared keys: the file that lists them, and OpenSSL's questions for them.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "kernel/base/result.hpp"

struct ssl_ctx_st;

namespace keel::kernel {

// Lines `identity:hexkey`; blank lines and lines with # first are skipped. `name` and `file` are
// for errors, which give the line's number, never its text.
Result<std::unordered_map<std::string, std::string>> parse_psk_lines(std::string_view text,
                                                                     const std::string& name,
                                                                     const std::string& file);

// Lets `context`, made by TlsContext, answer with the keys of that TlsContext.
void install_psk(ssl_ctx_st* context, const std::string& hint);
// Lets a client's `context` go by the one key of its TlsContext.
void install_client_psk(ssl_ctx_st* context);

}  // namespace keel::kernel
