#include "emqx_auth_jwt/options.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "http_client/message.hpp"

namespace jwt {

namespace {

using keel::concat;
using keel::Config;
using keel::Host;
using keel::Result;
using keel::Status;

constexpr std::size_t kMaxKeyFile = 64 * 1024;
constexpr std::size_t kShortSecret = 32;  // RFC 7518 3.2: at least the size of the digest

Status read_algorithms(const Config& config, Options& out) {
  const char* const key = "auth.jwt.algorithms";
  const auto names = config.list(key);
  out.algorithms = {};
  for (const std::string& name : names) {
    const auto algorithm = algorithm_named(name);
    if (!algorithm) {
      return config.fail(key, concat("'", name, "' is none of ", Algorithms::all().text()));
    }
    out.algorithms.add(*algorithm);
  }
  if (names.empty()) return config.fail(key, "no algorithm is left; name one, or remove the line");
  return {};
}

// A key as it comes from the settings: what remains of it after `allowed` and its own algorithm.
Status add_key(const Host& host, const char* at, Result<Key> key, const std::string& source,
               const std::string& algorithm, Options& out) {
  const Config config = host.config();
  if (!key) return config.fail(at, key.text());
  if (!algorithm.empty() && !key->pin({*algorithm_named(algorithm)})) {
    return config.fail(
        at, concat("a key of this kind (", key->kind(), ") cannot be used with ", algorithm));
  }
  if (!key->pin(out.algorithms)) {
    return config.fail(at, concat("auth.jwt.algorithms leaves nothing that a key of this kind (",
                                  key->kind(), ") can be used with"));
  }
  key->set_source(source);
  out.keys.push_back(std::move(*key));
  return {};
}

Status add_secret(const Host& host, const char* at, const std::string& secret,
                  const std::string& source, const std::string& algorithm, Options& out) {
  if (!secret.empty() && secret.size() < kShortSecret) {
    host.log().warning(at, ": a secret of ", secret.size(),
                       " bytes can be guessed from one token; use ", kShortSecret,
                       " random bytes or more (openssl rand -hex 32)");
  }
  return add_key(host, at, Key::from_secret(secret), source, algorithm, out);
}

// PEM, or for HS algorithms the secret itself, one newline at the end left out.
Status add_file(const Host& host, const char* at, const std::string& algorithm, Options& out) {
  const std::string name = host.config().text(at);
  const std::string path = host.config().path(name);
  Result<std::string> text = read_small_file(path, kMaxKeyFile);
  if (!text) return host.config().fail(at, concat(path, ": ", text.status()));
  if (!algorithm.empty() && is_hmac(*algorithm_named(algorithm))) {
    if (text->ends_with('\n')) text->pop_back();
    return add_secret(host, at, *text, name, algorithm, out);
  }
  return add_key(host, at, Key::from_pem(*text), name, algorithm, out);
}

Status read_named_key(const Host& host, const std::string& name, Options& out) {
  const Config config = host.config();
  const std::string base = concat("auth.jwt.key.", name);
  const std::string file = base + ".file", secret = base + ".secret";
  const std::string algorithm = config.text((base + ".algorithm").c_str());
  if (config.has(file.c_str()) == config.has(secret.c_str())) {
    return config.fail(config.has(file.c_str()) ? file.c_str() : base.c_str(),
                       "a key has either a file or a secret");
  }
  const std::size_t before = out.keys.size();
  if (config.has(file.c_str())) {
    KEEL_TRY(add_file(host, file.c_str(), algorithm, out));
  } else {
    KEEL_TRY(add_secret(host, secret.c_str(), config.text(secret.c_str()), base, algorithm, out));
  }
  out.keys[before].set_kid(config.text((base + ".kid").c_str()));
  return {};
}

Status read_keys(const Host& host, Options& out) {
  const Config config = host.config();
  if (config.has("auth.jwt.secret")) {
    KEEL_TRY(add_secret(host, "auth.jwt.secret", config.text("auth.jwt.secret"), "auth.jwt.secret",
                        {}, out));
  }
  if (config.has("auth.jwt.pubkey")) KEEL_TRY(add_file(host, "auth.jwt.pubkey", {}, out));
  for (const std::string& name : config.keys("auth.jwt.key")) {
    KEEL_TRY(read_named_key(host, name, out));
  }
  if (out.keys.size() > kMaxKeys) {
    return config.fail("auth.jwt.key", concat("more than ", kMaxKeys, " keys"));
  }
  return {};
}

Status read_key_set_settings(const Config& config, Options& out) {
  out.key_set = config.text("auth.jwt.jwks");
  out.refresh_ms = config.duration_ms("auth.jwt.jwks_refresh");
  if (const std::string ca = config.text("auth.jwt.jwks_cacert"); !ca.empty()) {
    out.key_set_ca = config.path(ca);
  }
  if (out.key_set_is_url()) {
    const auto url = keel::http::parse_url(out.key_set);
    if (!url) return config.fail("auth.jwt.jwks", url.text());
  } else if (out.key_set.find("://") != std::string::npos) {
    return config.fail("auth.jwt.jwks", "neither a path nor an http:// or https:// URL");
  } else if (!out.key_set.empty()) {
    out.key_set = config.path(out.key_set);
  }
  if (out.keys.empty() && out.key_set.empty()) {
    return config.fail("auth.jwt.secret",
                       "there is no key to check tokens with; set auth.jwt.secret, "
                       "auth.jwt.pubkey, auth.jwt.key.NAME.file or auth.jwt.jwks");
  }
  return {};
}

Status read_claims(const Host& host, Options& out) {
  const Config config = host.config();
  ClaimRules& claims = out.claims;
  claims.audiences = config.list("auth.jwt.audience");
  claims.issuers = config.list("auth.jwt.issuer");
  claims.leeway_ms = config.duration_ms("auth.jwt.leeway");
  claims.require_exp = config.boolean("auth.jwt.require_exp");
  claims.acl_claim = config.text("auth.jwt.acl_claim");
  claims.superuser = config.boolean("auth.jwt.superuser");
  for (const std::string& name : config.keys("auth.jwt.verify_claims")) {
    const std::string key = concat("auth.jwt.verify_claims.", name);
    std::string value = config.text(key.c_str());
    if (out.from_username && value.find("%u") != std::string::npos) {
      return config.fail(key.c_str(), "with auth.jwt.from = username the user name is the token");
    }
    claims.required.emplace_back(name, std::move(value));
  }
  if (!claims.required.empty() && !config.boolean("auth.jwt.verify_claims", true)) {
    host.log().notice("auth.jwt.verify_claims is off: the claims listed there are not checked");
    claims.required.clear();
  }
  return {};
}

}  // namespace

Result<Options> read_options(const Host& host) {
  const Config config = host.config();
  Options out;
  out.from_username = config.text("auth.jwt.from") == "username";
  out.max_token = config.size("auth.jwt.max_token_size");
  out.max_pending = static_cast<std::uint32_t>(config.integer("auth.jwt.max_pending"));
  out.disconnect_at_expiry = config.boolean("auth.jwt.disconnect_at_expiry");
  KEEL_TRY(read_algorithms(config, out));
  KEEL_TRY(read_keys(host, out));
  KEEL_TRY(read_key_set_settings(config, out));
  KEEL_TRY(read_claims(host, out));
  return out;
}

Result<std::string> read_small_file(const std::string& path, std::size_t max_size) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Status::error(std::strerror(errno), KEEL_E_IO);
  struct stat status {};
  std::string text;
  std::string wrong;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    wrong = "it is no file";
  } else {
    text.resize(max_size + 1);
    std::size_t size = 0;
    ssize_t n = 1;
    while (n > 0 && size < text.size()) {
      n = ::read(fd, text.data() + size, text.size() - size);
      if (n > 0) size += static_cast<std::size_t>(n);
      if (n < 0 && errno == EINTR) n = 1;
    }
    if (n < 0) wrong = std::strerror(errno);
    if (size > max_size) wrong = concat("it is larger than ", max_size, " bytes");
    text.resize(size);
  }
  ::close(fd);
  if (!wrong.empty()) return Status::error(std::move(wrong), KEEL_E_IO);
  return text;
}

}  // namespace jwt
