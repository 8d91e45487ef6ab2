// Where the gateway listens: lwm2m.port, lwm2m.bind.*, lwm2m.certfile and lwm2m.dtls.*.
#include <unistd.h>

#include "emqx_lwm2m/settings_parts.hpp"

namespace lwm2m {
namespace {

using keel::concat;
using keel::Config;
using keel::Status;

constexpr std::string_view kDefaultCert = "etc/certs/cert.pem", kDefaultKey = "etc/certs/key.pem";
constexpr const char* kSecurePort = "5684";

bool is_off(std::string_view address) { return address.empty() || address == "0"; }

std::string file(const Config& config, const char* key) {
  const std::string name = config.text(key);
  return name.empty() ? name : config.path(name);
}

// Of `first`, or where that is not set, of `second`.
const char* either(const Config& config, const char* first, const char* second) {
  return config.has(first) ? first : second;
}

// "5684" of "5683", "10.0.0.5:5684" of "10.0.0.5:5683"; port 0, any, stays. Empty: there is none.
std::string next_port(const std::string& address) {
  if (is_off(address)) return kSecurePort;
  const std::size_t colon = address.rfind(':');
  const std::size_t at = colon == std::string::npos ? 0 : colon + 1;
  const unsigned long port = std::stoul(address.substr(at));
  if (port == 65'535) return {};
  return address.substr(0, at) + std::to_string(port == 0 ? 0 : port + 1);
}

class Reader {
 public:
  Reader(const Config& config, GatewaySettings& out) : config_(config), out_(out) {}

  Status read() {
    KEEL_TRY(plain());
    KEEL_TRY(secure());
    if (!out_.listeners.empty()) return {};
    return config_.fail(
        "lwm2m.port", "there is nothing to listen on; set it, or give DTLS a certificate or keys");
  }

 private:
  Status plain() {
    const auto names = config_.keys("lwm2m.bind.udp");
    for (const std::string& name : names) {
      KEEL_TRY(add(concat("lwm2m:udp:", name), concat("lwm2m.bind.udp.", name), std::nullopt));
    }
    return names.empty() ? add("lwm2m:udp", "lwm2m.port", std::nullopt) : Status();
  }

  Status secure() {
    const auto names = config_.keys("lwm2m.bind.dtls");
    const bool set = config_.has("lwm2m.dtls.port");
    // Somebody who says where plain CoAP listens says it of DTLS, too.
    const bool unasked = names.empty() && !set;
    if (unasked && !config_.keys("lwm2m.bind.udp").empty()) return {};
    if (names.empty() && set && is_off(config_.text("lwm2m.dtls.port"))) return {};
    DtlsSettings dtls = read_dtls();
    const bool there = has_credentials(dtls);
    if (!there && unasked) return {};
    KEEL_TRY(check_dtls(dtls, names.empty() ? "lwm2m.dtls.port" : "lwm2m.bind.dtls"));
    for (const std::string& name : names) {
      KEEL_TRY(add(concat("lwm2m:dtls:", name), concat("lwm2m.bind.dtls.", name), dtls));
    }
    if (!names.empty()) return {};
    if (set) return add("lwm2m:dtls", "lwm2m.dtls.port", dtls);
    return add_at(next_port(config_.text("lwm2m.port")), "lwm2m:dtls", "lwm2m.port", dtls);
  }

  DtlsSettings read_dtls() const {
    DtlsSettings out;
    out.section = config_.text("lwm2m.dtls.tls");
    out.pskfile = file(config_, "lwm2m.dtls.psk_file");
    out.key_password = config_.text("lwm2m.dtls.key_password");
    out.cafile = file(config_, "lwm2m.dtls.cacertfile");
    out.ciphers = ciphers();
    out.max_sessions = detail::number(config_, "lwm2m.dtls.max_sessions");
    out.session_timeout_s = detail::seconds(config_, "lwm2m.dtls.session_timeout");
    if (config_.text("lwm2m.dtls.verify") == "verify_peer") {
      const bool needed = config_.boolean("lwm2m.dtls.fail_if_no_peer_cert");
      out.verify = needed ? keel::Verify::require : keel::Verify::optional;
    }
    const std::string match = config_.text("lwm2m.dtls.ep_match");
    out.match = match == "cn"             ? EndpointMatch::cn
                : match == "psk_identity" ? EndpointMatch::psk_identity
                                          : EndpointMatch::none;
    if (!out.section.empty()) return out;
    out.certfile = file(config_, cert_key());
    out.keyfile = file(config_, key_key());
    return out;
  }
  const char* cert_key() const { return either(config_, "lwm2m.dtls.certfile", "lwm2m.certfile"); }
  const char* key_key() const { return either(config_, "lwm2m.dtls.keyfile", "lwm2m.keyfile"); }

  // EMQ X has commas in them, OpenSSL colons.
  std::string ciphers() const {
    std::string out = config_.text("lwm2m.dtls.ciphers");
    const std::string psk = config_.text("lwm2m.dtls.psk_ciphers");
    if (!out.empty() && !psk.empty()) out += ':';
    out += psk;
    std::erase(out, ' ');
    for (char& c : out) c = c == ',' ? ':' : c;
    return out;
  }

  // The example's files, which nobody has put there, are taken for none.
  bool has_credentials(DtlsSettings& dtls) {
    const bool example = config_.text(cert_key()) == kDefaultCert &&
                         config_.text(key_key()) == kDefaultKey && !dtls.certfile.empty();
    if (example && ::access(dtls.certfile.c_str(), F_OK) != 0) {
      const std::string missing = dtls.certfile;
      dtls.certfile.clear();
      dtls.keyfile.clear();
      if (dtls.pskfile.empty()) {
        out_.notices.push_back(
            concat("lwm2m:dtls is not started, it has no certificate: there is "
                   "no ",
                   missing,
                   "; set lwm2m.certfile and .keyfile, or "
                   "lwm2m.dtls.psk_file"));
      }
    }
    return !dtls.section.empty() || !dtls.certfile.empty() || !dtls.keyfile.empty() ||
           !dtls.pskfile.empty();
  }

  Status check_dtls(const DtlsSettings& dtls, const char* where) const {
    if (!dtls.section.empty() && !dtls.pskfile.empty()) {
      return config_.fail("lwm2m.dtls.psk_file",
                          "stands beside lwm2m.dtls.tls; give one of the two");
    }
    if (dtls.certfile.empty() != dtls.keyfile.empty()) {
      return config_.fail(dtls.certfile.empty() ? key_key() : cert_key(),
                          "certfile and keyfile belong together; give both");
    }
    if (!dtls.section.empty()) return {};
    if (dtls.certfile.empty() && dtls.pskfile.empty()) {
      return config_.fail(
          where, "DTLS needs lwm2m.certfile and .keyfile, or lwm2m.dtls.psk_file, or .tls");
    }
    return check_peers(dtls);
  }

  Status check_peers(const DtlsSettings& dtls) const {
    if (dtls.pskfile.empty() && !config_.text("lwm2m.dtls.psk_ciphers").empty()) {
      return config_.fail("lwm2m.dtls.psk_ciphers",
                          "needs lwm2m.dtls.psk_file; else nobody has a key for them");
    }
    if (dtls.verify != keel::Verify::none && dtls.cafile.empty()) {
      return config_.fail("lwm2m.dtls.verify",
                          "needs lwm2m.dtls.cacertfile, against which certificates are checked");
    }
    if (dtls.match == EndpointMatch::psk_identity && dtls.pskfile.empty()) {
      return config_.fail(
          "lwm2m.dtls.ep_match",
          "\"psk_identity\" needs lwm2m.dtls.psk_file; else nobody has an identity");
    }
    if (dtls.match == EndpointMatch::cn && dtls.verify == keel::Verify::none) {
      return config_.fail("lwm2m.dtls.ep_match",
                          "\"cn\" needs lwm2m.dtls.verify = \"verify_peer\"; else nobody is asked "
                          "for a certificate");
    }
    return {};
  }

  Status add(const std::string& name, const std::string& key,
             const std::optional<DtlsSettings>& dtls) {
    const std::string address = config_.text(key.c_str());
    return is_off(address) ? Status() : add_at(address, name, key, dtls);
  }
  Status add_at(const std::string& address, const std::string& name, const std::string& key,
                const std::optional<DtlsSettings>& dtls) {
    if (address.empty()) {
      return config_.fail(key.c_str(), "leaves no port behind it for DTLS; set lwm2m.dtls.port");
    }
    if (address.starts_with("unix:")) {
      return config_.fail(key.c_str(),
                          "a datagram socket has no path; give a port or address:port");
    }
    for (const ListenerSettings& other : out_.listeners) {
      if (other.address != address || address.ends_with(":0")) continue;
      return config_.fail(key.c_str(),
                          concat("is the address of ", other.key, ", too; remove one of the two"));
    }
    out_.listeners.push_back(
        {name, key, address, detail::octets(config_, "lwm2m.opts.recbuf"), dtls});
    return {};
  }

  const Config& config_;
  GatewaySettings& out_;
};

}  // namespace

keel::Status detail::read_listeners(const Config& config, GatewaySettings& out) {
  return Reader(config, out).read();
}

keel::Tls DtlsSettings::tls() const {
  keel::Tls out;
  out.section = section;
  out.certfile = certfile;
  out.keyfile = keyfile;
  out.key_password = key_password;
  out.cafile = cafile;
  out.pskfile = pskfile;
  out.ciphers = ciphers;
  out.verify = verify;
  return out;
}

keel::UdpOptions ListenerSettings::options(const keel::Tls* tls) const {
  keel::UdpOptions out;
  out.address = address;
  out.per_shard = true;
  out.recv_buffer = recv_buffer;
  out.tls = tls;
  if (dtls) {
    out.max_sessions = dtls->max_sessions;
    out.idle_timeout_s = dtls->session_timeout_s;
  }
  return out;
}

}  // namespace lwm2m
