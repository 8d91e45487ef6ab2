// The keys of emqx_ws.conf: the same ones for listeners of both kinds. Names and defaults are those
// of EMQ X where it has the key.
#pragma once

#include <cstdint>
#include <keel/settings.hpp>

namespace ws {

#define EMQX_WS_LISTENER(kind, port)                                                               \
  keel::address("listener." kind ".*.bind", port, "Where to listen").reloadable(),                 \
      keel::address("listener." kind ".*", nullptr, "The same as .bind, as EMQ X writes it")       \
          .reloadable(),                                                                           \
      keel::string("listener." kind ".*.mqtt_path", "/mqtt", "The only path that is served")       \
          .reloadable(),                                                                           \
      keel::boolean("listener." kind ".*.verify_protocol_header", true,                            \
                    "Clients must offer the subprotocol mqtt, mqttv3.1 or mqttv3.1.1")             \
          .reloadable(),                                                                           \
      keel::strings("listener." kind ".*.allowed_origins", "",                                     \
                    "Pages of these origins may connect, \"https://example.org\"; []: of any")     \
          .reloadable(),                                                                           \
      keel::strings("listener." kind ".*.trusted_proxies", "",                                     \
                    "Networks of proxies whose two headers below are believed")                    \
          .reloadable(),                                                                           \
      keel::string("listener." kind ".*.proxy_address_header", "X-Forwarded-For",                  \
                   "Where a trusted proxy states the client's address")                            \
          .reloadable(),                                                                           \
      keel::string("listener." kind ".*.proxy_port_header", "X-Forwarded-Port",                    \
                   "Where it states the client's port")                                            \
          .reloadable(),                                                                           \
      keel::boolean("listener." kind ".*.proxy_protocol", false,                                   \
                    "A PROXY header (v1 or v2) precedes everything else")                          \
          .reloadable(),                                                                           \
      keel::boolean("listener." kind ".*.allow_anonymous", nullptr,                                \
                    "Whether clients get in that present nothing and that nobody authenticated; "  \
                    "unless set: on loopback and Unix sockets only")                               \
          .reloadable(),                                                                           \
      keel::integer("listener." kind ".*.max_connections", std::int64_t{0},                        \
                    "More are refused; 0: no limit")                                               \
          .between(0, 10'000'000)                                                                  \
          .reloadable(),                                                                           \
      keel::integer("listener." kind ".*.max_conn_rate", std::int64_t{0},                          \
                    "New ones per second; 0: no limit")                                            \
          .between(0, 1'000'000)                                                                   \
          .reloadable(),                                                                           \
      keel::integer("listener." kind ".*.backlog", std::int64_t{0},                                \
                    "Of the socket; 0: the broker's default")                                      \
          .between(0, 65'535)                                                                      \
          .reloadable(),                                                                           \
      keel::duration("listener." kind ".*.send_timeout", "0s",                                     \
                     "A client that takes nothing for so long is dropped; 0: limits.send_timeout") \
          .between(0, 3'600'000)                                                                   \
          .reloadable(),                                                                           \
      keel::duration("listener." kind ".*.upgrade_timeout", "10s", "For the HTTP request")         \
          .between(1'000, 300'000)                                                                 \
          .reloadable(),                                                                           \
      keel::size("listener." kind ".*.max_request_size", "8KB", "Of the HTTP request")             \
          .between(512, 65'536)                                                                    \
          .reloadable(),                                                                           \
      keel::duration("listener." kind ".*.idle_timeout", "60s",                                    \
                     "Silence after which a client is pinged, and after as long again dropped; "   \
                     "0: never")                                                                   \
          .between(0, 86'400'000)                                                                  \
          .reloadable(),                                                                           \
      keel::size("listener." kind ".*.max_frame_size", "0", "Of one frame; 0: no limit")           \
          .reloadable(),                                                                           \
      keel::boolean("listener." kind ".*.compress", false, "Offer permessage-deflate")             \
          .reloadable(),                                                                           \
      keel::choice("listener." kind ".*.deflate_opts.level",                                       \
                   "none|default|best_compression|best_speed", "default", "Of compressing")        \
          .reloadable(),                                                                           \
      keel::integer("listener." kind ".*.deflate_opts.mem_level", 8, "Memory for compressing")     \
          .between(1, 9)                                                                           \
          .reloadable(),                                                                           \
      keel::choice("listener." kind ".*.deflate_opts.strategy",                                    \
                   "default|filtered|huffman_only|rle", "default", "Of compressing")               \
          .reloadable(),                                                                           \
      keel::choice("listener." kind ".*.deflate_opts.server_context_takeover",                     \
                   "takeover|no_takeover", "no_takeover",                                          \
                   "Whether the broker keeps its window between messages (264 KiB each client)")   \
          .reloadable(),                                                                           \
      keel::choice("listener." kind ".*.deflate_opts.client_context_takeover",                     \
                   "takeover|no_takeover", "no_takeover",                                          \
                   "Whether clients may (40 KiB here each)")                                       \
          .reloadable(),                                                                           \
      keel::integer("listener." kind ".*.deflate_opts.server_max_window_bits", 15,                 \
                    "The broker's window, as a power of two")                                      \
          .between(9, 15)                                                                          \
          .reloadable(),                                                                           \
      keel::integer("listener." kind ".*.deflate_opts.client_max_window_bits", 15,                 \
                    "The clients', if they can")                                                   \
          .between(9, 15)                                                                          \
          .reloadable(),                                                                           \
      keel::size("listener." kind ".*.deflate_opts.max_inflated_size", "2MB",                      \
                 "Of one message when inflated; 0: no limit")                                      \
          .reloadable()

constexpr keel::Setting kSchema[] = {
    EMQX_WS_LISTENER("ws", "8083"),
    EMQX_WS_LISTENER("wss", "8084"),
    keel::string("listener.wss.*.tls", nullptr, "A [tls.*] section of keel.conf").reloadable(),
    keel::string("listener.wss.*.certfile", nullptr, "Instead of .tls: the certificate chain")
        .reloadable(),
    keel::string("listener.wss.*.keyfile", nullptr, "Its private key").reloadable(),
    keel::string("listener.wss.*.key_password", nullptr, "Of the private key")
        .secret()
        .reloadable(),
    keel::string("listener.wss.*.cacertfile", nullptr, "Whose clients' certificates are accepted")
        .reloadable(),
    keel::choice("listener.wss.*.verify", "verify_none|verify_peer", "verify_none",
                 "Whether clients are asked for a certificate")
        .reloadable(),
    keel::boolean("listener.wss.*.fail_if_no_peer_cert", false, "Whether they must have one")
        .reloadable(),
    keel::string("listener.wss.*.ciphers", nullptr, "Of TLS 1.2, as OpenSSL writes them")
        .reloadable(),
};
#undef EMQX_WS_LISTENER

}  // namespace ws
