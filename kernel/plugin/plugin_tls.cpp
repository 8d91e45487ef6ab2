#include "kernel/plugin/plugin_tls.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/runtime.hpp"

namespace keel::kernel {
namespace {

// The fields of version 1.0.
constexpr std::size_t kLeast = offsetof(keel_tls_options, psk_ctx) + sizeof(void*);

std::string file(const Slot& slot, keel_str name) {
  if (name.size == 0) return {};
  return (std::filesystem::path(slot.runtime().options().base_dir) / view(name))
      .lexically_normal()
      .string();
}

Result<TlsSettings> section(const Slot& slot, std::string_view name) {
  const auto settings = slot.runtime().realm().settings();
  const auto found = settings->tls.find(std::string(name));
  if (found != settings->tls.end()) return found->second;
  std::string names;
  for (const auto& [each, unused] : settings->tls) names += " " + each;
  return Error{
      fmt::format("there is no section [tls.{}] in keel.conf; add it or correct the name (there "
                  "are:{})",
                  name, names.empty() ? " none" : names)};
}

Result<TlsSettings> inline_settings(const Slot& slot, const keel_tls_options& options) {
  TlsSettings tls;
  tls.certfile = file(slot, options.certfile);
  tls.keyfile = file(slot, options.keyfile);
  tls.key_password = view(options.key_password);
  tls.cafile = file(slot, options.cafile);
  tls.crlfile = file(slot, options.crlfile);
  tls.pskfile = file(slot, options.pskfile);
  tls.psk_hint = view(options.psk_hint);
  tls.ciphers = view(options.ciphers);
  tls.ciphersuites = view(options.ciphersuites);
  if (options.min_version.size != 0) tls.min_version = view(options.min_version);
  if (options.max_version.size != 0) tls.max_version = view(options.max_version);
  return tls;
}

}  // namespace

Result<PluginTls> read_plugin_tls(const Slot& slot, const keel_tls_options& options) {
  keel_tls_options from{};
  if (!read_struct(&options, kLeast, from))
    return Error{"tls: the options say they are smaller than version 1.0 of them"};
  if (from.verify > KEEL_TLS_VERIFY_REQUIRE)
    return Error{
        fmt::format("tls: verify is {}; it is NONE (0), OPTIONAL (1) or REQUIRE (2)", from.verify)};
  const bool by_name = from.section.size != 0;
  auto settings = by_name ? section(slot, view(from.section)) : inline_settings(slot, from);
  if (!settings) return Error{settings.error()};
  PluginTls tls;
  tls.name = by_name ? std::string(view(from.section)) : slot.name();
  tls.settings = std::move(*settings);
  if (!by_name) {
    tls.settings.verify_peer = from.verify != KEEL_TLS_VERIFY_NONE;
    tls.settings.require_peer = from.verify == KEEL_TLS_VERIFY_REQUIRE;
  }
  tls.psk_lookup = from.psk_lookup;
  tls.psk_ctx = from.psk_ctx;
  tls.check_server = from.verify != KEEL_TLS_VERIFY_NONE;
  return tls;
}

std::optional<std::string> ask_psk(Slot& slot, CallSite site, keel_psk_lookup_fn fn, void* ctx,
                                   const std::string& identity) {
  if (!fn) return std::nullopt;
  std::string key;
  const std::int32_t known = call_plugin(
      slot, site, [&] { return fn(ctx, str(identity), sink_into(key)); }, 0);
  if (known == 0 || key.empty()) return std::nullopt;
  return key;
}

}  // namespace keel::kernel
