#include "emqx_ws/settings.hpp"

#include <tuple>

namespace ws {
namespace {

constexpr std::string_view kDefaultName = "external";

// Reads the keys of one listener.
class Reader {
 public:
  Reader(const keel::Config& config, std::string_view kind, std::string_view name)
      : config_(config), prefix_(keel::concat("listener.", kind, '.', name)) {
    out_.name = keel::concat(kind, ':', name);
    out_.prefix = prefix_;
    out_.secure = kind == "wss";
  }

  keel::Result<SettingsPtr> read() {
    const std::string emqx = config_.text(prefix_.c_str());
    out_.address = emqx.empty() ? text(".bind") : emqx;
    out_.proxy_protocol = boolean(".proxy_protocol");
    out_.allow_anonymous = config_.boolean_if_set(key(".allow_anonymous").c_str());
    out_.max_connections = number(".max_connections");
    out_.connect_rate = number(".max_conn_rate");
    out_.backlog = number(".backlog");
    out_.send_timeout_ms =
        static_cast<std::uint32_t>(config_.duration_ms(key(".send_timeout").c_str()));
    out_.upgrade_timeout_s = seconds(".upgrade_timeout");
    out_.idle_timeout_s = seconds(".idle_timeout");
    out_.max_request = config_.size(key(".max_request_size").c_str());
    out_.max_frame = config_.size(key(".max_frame_size").c_str());
    KEEL_TRY(read_upgrade());
    if (out_.secure) KEEL_TRY(read_tls());
    return SettingsPtr(std::make_shared<const ListenerSettings>(std::move(out_)));
  }

 private:
  std::string key(std::string_view last) const { return keel::concat(prefix_, last); }
  std::string text(std::string_view last) const { return config_.text(key(last).c_str()); }
  bool boolean(std::string_view last) const { return config_.boolean(key(last).c_str()); }
  std::uint32_t number(std::string_view last) const {
    return static_cast<std::uint32_t>(config_.integer(key(last).c_str()));
  }
  std::uint32_t seconds(std::string_view last) const {
    return static_cast<std::uint32_t>((config_.duration_ms(key(last).c_str()) + 999) / 1000);
  }
  keel::Status fail(std::string_view last, std::string_view what) const {
    return config_.fail(key(last).c_str(), what);
  }

  keel::Status read_upgrade() {
    UpgradePolicy& upgrade = out_.upgrade;
    upgrade.path = text(".mqtt_path");
    if (!upgrade.path.starts_with('/') || upgrade.path.find_first_of("?# ") != std::string::npos) {
      return fail(".mqtt_path", "begins with / and has no ? or # in it");
    }
    upgrade.verify_protocol = boolean(".verify_protocol_header");
    upgrade.allowed_origins = config_.list(key(".allowed_origins").c_str());
    for (const std::string& network : config_.list(key(".trusted_proxies").c_str())) {
      if (out_.trusted.add(network)) continue;
      return fail(".trusted_proxies", keel::concat("'", network,
                                                   "' is no network; give \"10.0.0.0/8\", "
                                                   "\"::1\" or \"unix\""));
    }
    upgrade.address_header = text(".proxy_address_header");
    upgrade.port_header = text(".proxy_port_header");
    if (boolean(".compress")) upgrade.compression = read_deflate();
    return {};
  }

  DeflateOptions read_deflate() const {
    DeflateOptions out;
    const std::string level = text(".deflate_opts.level");
    out.level = level == "none"               ? Z_NO_COMPRESSION
                : level == "best_compression" ? Z_BEST_COMPRESSION
                : level == "best_speed"       ? Z_BEST_SPEED
                                              : Z_DEFAULT_COMPRESSION;
    const std::string strategy = text(".deflate_opts.strategy");
    out.strategy = strategy == "filtered"       ? Z_FILTERED
                   : strategy == "huffman_only" ? Z_HUFFMAN_ONLY
                   : strategy == "rle"          ? Z_RLE
                                                : Z_DEFAULT_STRATEGY;
    out.mem_level = static_cast<int>(number(".deflate_opts.mem_level"));
    out.server_takeover = text(".deflate_opts.server_context_takeover") == "takeover";
    out.client_takeover = text(".deflate_opts.client_context_takeover") == "takeover";
    out.server_bits = static_cast<int>(number(".deflate_opts.server_max_window_bits"));
    out.client_bits = static_cast<int>(number(".deflate_opts.client_max_window_bits"));
    out.max_inflated = config_.size(key(".deflate_opts.max_inflated_size").c_str());
    return out;
  }

  keel::Status read_tls() {
    out_.tls_section = text(".tls");
    out_.certfile = file(".certfile");
    out_.keyfile = file(".keyfile");
    out_.key_password = text(".key_password");
    out_.cafile = file(".cacertfile");
    out_.ciphers = text(".ciphers");
    if (!out_.tls_section.empty() && !out_.certfile.empty()) {
      return fail(".certfile", "stands beside .tls; give one of the two");
    }
    if (out_.certfile.empty() != out_.keyfile.empty()) {
      return fail(out_.certfile.empty() ? ".keyfile" : ".certfile",
                  "certfile and keyfile belong together; give both");
    }
    if (text(".verify") != "verify_peer") return {};
    const bool needed = boolean(".fail_if_no_peer_cert");
    out_.verify = needed ? keel::Verify::require : keel::Verify::optional;
    if (out_.has_certificate() && out_.tls_section.empty() && out_.cafile.empty()) {
      return fail(".verify", "needs .cacertfile, against which certificates are checked");
    }
    return {};
  }
  std::string file(std::string_view last) const {
    const std::string name = text(last);
    return name.empty() ? name : config_.path(name);
  }

  const keel::Config& config_;
  std::string prefix_;
  ListenerSettings out_;
};

}  // namespace

keel::Tls ListenerSettings::tls() const {
  keel::Tls out;
  out.section = tls_section;
  out.certfile = certfile;
  out.keyfile = keyfile;
  out.key_password = key_password;
  out.cafile = cafile;
  out.ciphers = ciphers;
  out.verify = verify;
  return out;
}

bool ListenerSettings::same_socket(const ListenerSettings& other) const {
  const auto parts = [](const ListenerSettings& s) {
    return std::tie(s.name, s.address, s.tls_section, s.certfile, s.keyfile, s.key_password,
                    s.cafile, s.ciphers, s.verify, s.proxy_protocol, s.allow_anonymous,
                    s.max_connections, s.connect_rate, s.backlog, s.send_timeout_ms);
  };
  return parts(*this) == parts(other);
}

keel::Result<std::vector<SettingsPtr>> read_listeners(const keel::Config& config) {
  std::vector<SettingsPtr> out;
  const auto add = [&](std::string_view kind, std::string_view name) {
    auto settings = Reader(config, kind, name).read();
    if (settings) out.push_back(std::move(*settings));
    return settings.status();
  };
  for (const char* const kind : {"ws", "wss"}) {
    for (const std::string& name : config.keys(keel::concat("listener.", kind).c_str())) {
      KEEL_TRY(add(kind, name));
    }
  }
  if (out.empty()) {
    KEEL_TRY(add("ws", kDefaultName));
    KEEL_TRY(add("wss", kDefaultName));
  }
  return out;
}

SettingsPtr default_listener(std::string_view name) {
  auto out = std::make_shared<ListenerSettings>();
  out->name = name;
  return out;
}

}  // namespace ws
