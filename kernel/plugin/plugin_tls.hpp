// What a plugin asks of TLS or DTLS, as kernel/net understands it.
#pragma once

#include <optional>
#include <string>

#include "keel/ext/tls.h"
#include "kernel/base/result.hpp"
#include "kernel/base/settings.hpp"
#include "kernel/plugin/call_stats.hpp"

namespace keel::kernel {

class Slot;

struct PluginTls {
  std::string name;  // for messages: the section's, or the plugin's
  TlsSettings settings;
  // Asked for identities that the file does not have; null: nobody is.
  keel_psk_lookup_fn psk_lookup = nullptr;
  void* psk_ctx = nullptr;
  // Of clients: whether the server's certificate is checked. True unless told otherwise.
  bool check_server = true;
};

// `options` name a [tls.*] section of keel.conf or bring their own files, relative ones below the
// broker's base_dir. The error names what is wrong and how to mend it. [any]
Result<PluginTls> read_plugin_tls(const Slot& slot, const keel_tls_options& options);

// Asks a plugin for the key of an identity. [shard]
std::optional<std::string> ask_psk(Slot& slot, CallSite site, keel_psk_lookup_fn fn, void* ctx,
                                   const std::string& identity);

}  // namespace keel::kernel
