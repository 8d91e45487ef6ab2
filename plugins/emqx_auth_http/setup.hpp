// The plugin's settings: declared, and read into values that the shards use. Immutable once read.
#pragma once

#include <cstdint>
#include <optional>

#include "emqx_auth_http/request_form.hpp"
#include "emqx_auth_http/retry.hpp"
#include "http_client/client.hpp"
#include "keel/host.hpp"
#include "keel/settings.hpp"

namespace auth_http {

// What the kernel waits for an answer is 5 s: all attempts for one question together end before.
constexpr std::int64_t kBudgetMs = 4500;

struct Setup {
  std::optional<RequestForm> auth, super, acl;
  keel::http::ClientOptions client;  // of every server, but for which one
  Retry retry;
  std::uint32_t breaker_failures = 0;
  std::int64_t breaker_open_ms = 0;
  bool ignore_failures = false;  // else a server that does not work is a no
  bool ask_anonymous = false;
  std::uint32_t max_pending = 0;
  std::int64_t cache_ttl_ms = 0;
  std::size_t cache_size = 0;
};

// A failure has been reported with its place in the file. [control]
keel::Result<Setup> read_setup(keel::Host& host);

constexpr char kLoginParams[] = "clientid=%c,username=%u,password=%P";
constexpr char kSuperParams[] = "clientid=%c,username=%u";
constexpr char kAclParams[] = "access=%A,username=%u,clientid=%c,ipaddr=%a,topic=%t";

inline constexpr keel::Setting kSettings[] = {
    keel::string("auth.http.auth_req", nullptr, "The same as auth.http.auth_req.url"),
    keel::string("auth.http.auth_req.url", nullptr,
                 "Asked whether a client may connect; unset: this plugin does not authenticate"),
    keel::choice("auth.http.auth_req.method", "get|post|put", "post",
                 "get puts the parameters into the address, where servers log them"),
    keel::string("auth.http.auth_req.params", kLoginParams, "What the request says"),
    keel::choice("auth.http.auth_req.content_type", "form|json", "form", "Of the body"),
    keel::string("auth.http.super_req", nullptr, "The same as auth.http.super_req.url"),
    keel::string("auth.http.super_req.url", nullptr,
                 "Asked whether a client that may connect is a superuser; unset: none is"),
    keel::choice("auth.http.super_req.method", "get|post|put", "post", "See auth_req"),
    keel::string("auth.http.super_req.params", kSuperParams, "What the request says"),
    keel::choice("auth.http.super_req.content_type", "form|json", "form", "Of the body"),
    keel::string("auth.http.acl_req", nullptr, "The same as auth.http.acl_req.url"),
    keel::string("auth.http.acl_req.url", nullptr,
                 "Asked whether a client may publish or subscribe; unset: this plugin does not "
                 "authorize"),
    keel::choice("auth.http.acl_req.method", "get|post|put", "get", "See auth_req"),
    keel::string("auth.http.acl_req.params", kAclParams, "What the request says"),
    keel::choice("auth.http.acl_req.content_type", "form|json", "form", "Of the body"),
    keel::string("auth.http.header.*", nullptr, "Further headers of every request").secret(),
    keel::duration("auth.http.request.timeout", "4s",
                   "For one attempt; 0, and more than 4.5 s, is 4.5 s")
        .between(0, 3'600'000),
    keel::duration("auth.http.request.connect_timeout", "2s", "For a connection; 0 is 4.5 s")
        .between(0, 3'600'000),
    keel::duration("auth.http.request.connect_timout", nullptr,
                   "The same as connect_timeout; how EMQ X spells it")
        .between(0, 3'600'000),
    keel::integer("auth.http.request.retry_times", 3,
                  "Attempts after one that failed, while 4.5 s in all are not over")
        .between(0, 100),
    keel::duration("auth.http.request.retry_interval", "1s", "Wait before the second attempt")
        .between(0, 3'600'000),
    keel::number("auth.http.request.retry_backoff", "2.0",
                 "Each further wait is so many times as long"),
    keel::string("auth.http.ssl.cacertfile", nullptr,
                 "Who signed the servers' certificates; unset: the system's authorities"),
    keel::string("auth.http.ssl.certfile", nullptr, "Our own certificate, for servers that ask"),
    keel::string("auth.http.ssl.keyfile", nullptr, "Its key"),
    keel::boolean("auth.http.ssl.verify", true,
                  "Check certificates. Off: anybody can be the server"),
    keel::string("auth.http.ssl.server_name", nullptr,
                 "Name in the server's certificate; unset: the host of the address"),
    keel::choice("auth.http.on_failure", "deny|ignore", "deny",
                 "What a server that does not work means; ignore: ask the next plugin"),
    keel::boolean("auth.http.ask_anonymous", false,
                  "Ask about clients without user name and password, too"),
    keel::integer("auth.http.pool_size", 8, "Connections to each server, for each shard")
        .between(1, 1024),
    keel::integer("auth.http.max_pending", 2000, "Questions under way; further ones have failed")
        .between(1, 1'000'000),
    keel::integer("auth.http.breaker.failures", 10,
                  "So many failures in a row, and a server is left alone for a while; 0: never")
        .between(0, 1'000'000),
    keel::duration("auth.http.breaker.open", "5s", "How long").between(100, 3'600'000),
    keel::duration("auth.http.cache.ttl", "0s",
                   "For so long a login that was allowed is not asked about again; 0: always ask")
        .between(0, 86'400'000),
    keel::integer("auth.http.cache.size", 10000, "Logins remembered, for each shard")
        .between(1, 1'000'000),
};

}  // namespace auth_http
