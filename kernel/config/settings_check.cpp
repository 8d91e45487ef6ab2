#include "kernel/config/settings_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernel/base/address.hpp"
#include "kernel/config/durability_words.hpp"
#include "kernel/config/schema.hpp"

namespace keel::kernel {

namespace {

class SettingsCheck {
 public:
  SettingsCheck(const Settings& settings, const SettingPlaces& places, Problems& problems)
      : settings_(settings), places_(places), problems_(problems) {}

  void run() {
    check_kernel();
    check_plugins();
    check_mqtt();
    check_durability();
    for (const auto& [name, tls] : settings_.tls) check_tls("tls." + name, tls);
    for (const auto& listener : settings_.listeners) check_listener(listener);
    check_binds();
  }

 private:
  // Where `key` stands, else where the section does.
  std::string place(const std::string& key) const {
    for (std::string at = key;; at.resize(at.rfind('.'))) {
      if (const auto found = places_.find(at); found != places_.end()) return found->second;
      if (at.find('.') == std::string::npos) return settings_.file;
    }
  }
  bool given(const std::string& key) const { return places_.count(key) != 0; }
  void problem(const std::string& key, std::string_view text) { problems_.add(place(key), text); }

  void check_kernel() {
    const auto& node = settings_.kernel.node_name;
    if (node.find_first_of("/+# ") != std::string::npos || node.size() > 128) {
      problem("kernel.node_name",
              "'kernel.node_name' becomes a level of $SYS topics; leave out "
              "blanks, '/', '+' and '#', and stay below 128 bytes");
    }
    if (!Endpoint::parse(settings_.kernel.default_address)) {
      problem("kernel.default_address",
              fmt::format("'kernel.default_address' is {}; give an address in numbers such as "
                          "\"127.0.0.1\" or \"0.0.0.0\"",
                          quote_toml(settings_.kernel.default_address)));
    }
  }

  void check_plugins() {
    for (const auto& name : settings_.plugins.load) {
      const bool plain =
          !name.empty() && name.size() <= 64 &&
          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
      if (plain) continue;
      problem("plugins.load",
              fmt::format("'plugins.load' names {}; give names such as \"emqx_acl\", "
                          "without folder and .so",
                          shorten(quote_toml(name))));
    }
  }

  void check_mqtt() {
    const auto& mqtt = settings_.mqtt;
    if (mqtt.session_expiry_s > mqtt.max_session_expiry_s) {
      const std::string key =
          given("mqtt.session_expiry") ? "mqtt.session_expiry" : "mqtt.max_session_expiry";
      problem(key,
              fmt::format("'mqtt.session_expiry' ({}) is above 'mqtt.max_session_expiry' ({}); "
                          "lower the one or raise the other",
                          print_duration(std::int64_t{mqtt.session_expiry_s} * 1000),
                          print_duration(std::int64_t{mqtt.max_session_expiry_s} * 1000)));
    }
    if (mqtt.server_keepalive_s > mqtt.max_keepalive_s) {
      problem("mqtt.server_keepalive",
              "'mqtt.server_keepalive' is above 'mqtt.max_keepalive'; lower "
              "the one or raise the other");
    }
  }

  void check_durability() {
    for (const auto& rule : settings_.durability.rules) {
      const auto wrong = durability_rule_problem(rule);
      if (wrong.empty()) continue;
      problem("durability.rules",
              fmt::format("'durability.rules' holds {}; {}",
                          shorten(quote_toml(print_durability_rule(rule))), wrong));
    }
  }

  void check_tls(const std::string& section, const TlsSettings& tls) {
    if (tls.certfile.empty() && tls.pskfile.empty()) {
      problem(section, fmt::format("[{}] has no certificate; set certfile and keyfile, or pskfile",
                                   section));
    }
    if (tls.certfile.empty() != tls.keyfile.empty()) {
      problem(section, fmt::format("[{}] has {}; set both (they may name the same file)", section,
                                   tls.keyfile.empty() ? "certfile without keyfile"
                                                       : "keyfile without certfile"));
    }
    if (tls.verify_peer && tls.cafile.empty()) {
      problem(section + ".verify",
              fmt::format("'{}.verify' needs authorities to check against; set "
                          "cafile",
                          section));
    }
    if (!tls.crlfile.empty() && !tls.verify_peer) {
      problem(section + ".crlfile", fmt::format("'{0}.crlfile' has no effect without client "
                                                "certificates; set {0}.verify",
                                                section));
    }
    if (tls.min_version > tls.max_version) {
      problem(section + ".min_version",
              fmt::format("'{0}.min_version' is above '{0}.max_version'; swap them", section));
    }
  }

  void check_listener(const ListenerSettings& listener) {
    const std::string section = "listener." + listener.name;
    if (listener.bind.empty() && !given(section + ".bind")) {
      problem(section, fmt::format("[{}] has no address; set bind, such as bind = 1883", section));
    }
    check_listener_tls(section, listener);
    if (listener.mountpoint.find_first_of("+#") != std::string::npos) {
      problem(section + ".mountpoint",
              fmt::format("'{}.mountpoint' must not hold '+' or '#'; leave them out", section));
    }
    for (const auto& from : listener.proxy_from) {
      if (Cidr::parse(from)) continue;
      problem(
          section + ".proxy_from",
          fmt::format("'{}.proxy_from' holds {}; give addresses or networks such as \"10.0.0.0/8\"",
                      section, shorten(quote_toml(from))));
    }
    if (!listener.proxy_from.empty() && !listener.proxy_protocol) {
      problem(section + ".proxy_from",
              fmt::format("'{0}.proxy_from' has no effect without the PROXY "
                          "header; set {0}.proxy_protocol = true",
                          section));
    }
  }

  void check_listener_tls(const std::string& section, const ListenerSettings& listener) {
    const auto tls = settings_.tls.find(listener.tls);
    const bool known = tls != settings_.tls.end();
    if (!listener.tls.empty() && !known) {
      std::vector<std::string> names;
      for (const auto& [name, ignored] : settings_.tls) names.push_back(name);
      const auto meant = nearest(listener.tls, names);
      const auto name = shorten(quote_toml(listener.tls));
      problem(
          section + ".tls",
          meant.empty()
              ? fmt::format("'{}.tls' is {}; add a section [tls.<name>] of that name", section,
                            name)
              : fmt::format("'{}.tls' is {}, and there is no such section; did you mean \"{}\"?",
                            section, name, meant));
    }
    const bool wants_certificate = listener.username_from != CertificateIdentity::none ||
                                   listener.clientid_from != CertificateIdentity::none;
    if (!wants_certificate || (known && tls->second.verify_peer)) return;
    if (!listener.tls.empty() && !known) return;  // said already
    const std::string key = listener.username_from != CertificateIdentity::none
                                ? section + ".username_from"
                                : section + ".clientid_from";
    problem(key, fmt::format("'{}' needs client certificates; set {}.tls to a [tls.*] section with "
                             "verify = \"optional\" or \"require\"",
                             key, section));
  }

  // Two sockets cannot have one address.
  void check_binds() {
    struct Bound {
      std::string key;
      BindAddress address;
    };
    std::vector<Bound> bound;
    const auto add = [&](const std::string& key, const std::string& bind) {
      const auto address = parse_bind(bind, settings_.kernel.default_address);
      if (!address || (address->endpoint.port == 0 && address->unix_path.empty())) return;
      for (const auto& other : bound) {
        if (!clash(*address, other.address)) continue;
        problem(key, fmt::format("'{}' ({}) and '{}' ({}) are the same address; change one of them",
                                 key, address->text(), other.key, other.address.text()));
        break;
      }
      bound.push_back({key, *address});
    };
    for (const auto& listener : settings_.listeners) {
      if (listener.enabled) add("listener." + listener.name + ".bind", listener.bind);
    }
    if (!settings_.http.bind.empty()) add("http.bind", settings_.http.bind);
  }

  static bool clash(const BindAddress& a, const BindAddress& b) {
    if (a == b) return true;
    return a.unix_path.empty() && b.unix_path.empty() && a.endpoint.family == b.endpoint.family &&
           a.endpoint.port == b.endpoint.port && (a.wildcard() || b.wildcard());
  }

  const Settings& settings_;
  const SettingPlaces& places_;
  Problems& problems_;
};

}  // namespace

void check_settings(const Settings& settings, const SettingPlaces& places, Problems& problems) {
  SettingsCheck(settings, places, problems).run();
}

std::vector<std::string> settings_notices(const Settings& settings) {
  std::vector<std::string> notices;
  bool any = false;
  for (const auto& listener : settings.listeners) {
    if (!listener.enabled) continue;
    any = true;
    const auto address = parse_bind(listener.bind, settings.kernel.default_address);
    if (listener.allow_anonymous || !address) continue;
    if (address->loopback()) {
      if (!listener.proxy_protocol) continue;
      notices.push_back(fmt::format(
          "listener '{}' on {} admits anonymous clients, those behind its proxy too; say "
          "allow_anonymous = true or false to settle that",
          listener.name, address->text()));
      continue;
    }
    notices.push_back(
        fmt::format("listener '{}' on {} refuses clients that nothing authenticated; set "
                    "allow_anonymous = true to admit them",
                    listener.name, address->text()));
  }
  if (!any) {
    notices.emplace_back(
        "no listener is set, nobody can connect; add [listener.mqtt] with bind = 1883");
  }
  return notices;
}

}  // namespace keel::kernel
