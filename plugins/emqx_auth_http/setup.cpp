#include "emqx_auth_http/setup.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace auth_http {
namespace {

class Reader {
 public:
  explicit Reader(keel::Host& host) : host_(host), config_(host.config()) {}

  keel::Result<Setup> read() {
    Setup out;
    KEEL_TRY(read_headers());
    KEEL_TRY(read_form("auth_req", Params::Scope::login, out.auth));
    KEEL_TRY(read_form("super_req", Params::Scope::login, out.super));
    KEEL_TRY(read_form("acl_req", Params::Scope::topic, out.acl));
    if (!out.auth && !out.acl) {
      return config_.fail("auth.http.auth_req.url",
                          "is not set, nor is auth.http.acl_req.url; give the address of the web "
                          "server to ask, such as \"http://127.0.0.1:8080/mqtt/auth\"");
    }
    if (out.super && !out.auth) {
      return config_.fail(
          "auth.http.super_req.url",
          "asks about clients that auth.http.auth_req.url has let in; set that, too");
    }
    KEEL_TRY(read_tls(out));
    KEEL_TRY(read_retry(out.retry));
    out.client.request_timeout_ms = timeout("auth.http.request.timeout");
    const bool bare = config_.duration_ms("auth.http.request.connect_timout", -1) >= 0;
    out.client.connect_timeout_ms =
        timeout(bare ? "auth.http.request.connect_timout" : "auth.http.request.connect_timeout");
    out.client.pool_size = number("auth.http.pool_size");
    out.max_pending = number("auth.http.max_pending");
    out.client.max_waiting = out.max_pending;
    out.breaker_failures = number("auth.http.breaker.failures");
    out.breaker_open_ms = config_.duration_ms("auth.http.breaker.open");
    out.ignore_failures = config_.text("auth.http.on_failure") == "ignore";
    out.ask_anonymous = config_.boolean("auth.http.ask_anonymous");
    out.cache_ttl_ms = config_.duration_ms("auth.http.cache.ttl");
    out.cache_size = number("auth.http.cache.size");
    return out;
  }

 private:
  keel::Status read_headers() {
    for (const std::string& name : config_.keys("auth.http.header")) {
      const std::string key = "auth.http.header." + name;
      headers_.emplace_back(name, config_.text(key.c_str()));
      keel::http::Request request;
      request.headers = {headers_.back()};
      if (const auto sent = keel::http::serialize(request, {}); !sent) {
        return config_.fail(key.c_str(), sent.text());
      }
    }
    return {};
  }

  // `what` stands in two places: EMQ X's own, which TOML cannot have beside keys below it, and
  // .url.
  keel::Status read_form(const char* what, Params::Scope scope, std::optional<RequestForm>& out) {
    const std::string base = keel::concat("auth.http.", what);
    const std::string native = base + ".url";
    std::string key = native;
    if (config_.has(base.c_str())) {
      if (config_.has(native.c_str())) {
        return config_.fail(base.c_str(),
                            keel::concat("and ", native, " are both set; remove one"));
      }
      key = base;
    }
    const std::string address = config_.text(key.c_str());
    if (address.empty()) return {};
    auto url = keel::http::parse_url(address);
    if (!url) return config_.fail(key.c_str(), url.text());
    RequestForm form;
    form.url = std::move(*url);
    form.headers = headers_;
    form.method = config_.text((base + ".method").c_str());
    std::transform(form.method.begin(), form.method.end(), form.method.begin(),
                   [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    form.json = config_.text((base + ".content_type").c_str()) == "json";
    const std::string params = base + ".params";
    auto parsed = Params::parse(config_.text(params.c_str()), scope);
    if (!parsed) return config_.fail(params.c_str(), parsed.text());
    form.params = std::move(*parsed);
    if (form.method == "GET" && form.params.uses('P')) {
      host_.log().notice(base,
                         ".method = \"get\" puts passwords into the address, where web "
                         "servers log them; better: post");
    }
    out = std::move(form);
    return {};
  }

  keel::Status read_tls(Setup& out) {
    keel::http::ClientTls& tls = out.client.tls;
    KEEL_TRY(read_file("auth.http.ssl.cacertfile", tls.cafile));
    KEEL_TRY(read_file("auth.http.ssl.certfile", tls.certfile));
    KEEL_TRY(read_file("auth.http.ssl.keyfile", tls.keyfile));
    if (tls.certfile.empty() != tls.keyfile.empty()) {
      return config_.fail(tls.certfile.empty() ? "auth.http.ssl.keyfile" : "auth.http.ssl.certfile",
                          "belongs to a pair; set both certfile and keyfile");
    }
    tls.server_name = config_.text("auth.http.ssl.server_name");
    tls.verify = config_.boolean("auth.http.ssl.verify", true);
    bool secure = false;
    for (const auto* form : {&out.auth, &out.super, &out.acl}) {
      secure = secure || (*form && (*form)->url.tls());
    }
    if (secure && !tls.verify) {
      host_.log().warning(
          "auth.http.ssl.verify is off: whoever can answer in the web server's "
          "place decides who may connect, and reads the passwords");
    }
    return {};
  }

  keel::Status read_file(const char* key, std::string& out) {
    const std::string file = config_.text(key);
    if (file.empty()) return {};
    out = config_.path(file);
    if (::access(out.c_str(), R_OK) == 0) return {};
    return config_.fail(key, keel::concat(out, " cannot be read by the broker"));
  }

  keel::Status read_retry(Retry& out) {
    out.times = number("auth.http.request.retry_times");
    out.interval_ms = config_.duration_ms("auth.http.request.retry_interval");
    out.backoff = config_.number("auth.http.request.retry_backoff", 2.0);
    if (out.backoff >= 1.0 && out.backoff <= 100.0) return {};
    return config_.fail("auth.http.request.retry_backoff", "is not from 1.0 to 100.0");
  }

  std::uint32_t number(const char* key) const {
    return static_cast<std::uint32_t>(config_.integer(key));
  }
  std::uint32_t timeout(const char* key) const {
    const std::int64_t ms = config_.duration_ms(key);
    return static_cast<std::uint32_t>(ms == 0 ? kBudgetMs : std::min(ms, kBudgetMs));
  }

  keel::Host& host_;
  const keel::Config config_;
  keel::http::Headers headers_;
};

}  // namespace

keel::Result<Setup> read_setup(keel::Host& host) { return Reader(host).read(); }

}  // namespace auth_http
