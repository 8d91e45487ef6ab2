// The keys of emqx_sn.conf. Names and defaults are those of EMQ X where it has the key.
#pragma once

#include <cstdint>
#include <keel/settings.hpp>

namespace sn {

constexpr keel::Setting kSchema[] = {
    keel::address("mqtt.sn.port", "1884", "Where to listen: a port or address:port; \"\": nowhere")
        .reloadable(),
    keel::address("mqtt.sn.listener.*", nullptr, "Further addresses; the * is any name")
        .reloadable(),
    keel::size("mqtt.sn.recv_buffer", "1MB",
               "Of each socket, as far as net.core.rmem_max lets; 0: the system's default")
        .between(0, 1'073'741'824)
        .reloadable(),

    keel::duration("mqtt.sn.advertise_duration", "900",
                   "How often ADVERTISE is sent, in seconds or as \"15m\"; 0: never")
        .between(0, 65'535'000)
        .reloadable(),
    keel::integer("mqtt.sn.gateway_id", 1, "Of this gateway, as clients learn it")
        .between(0, 255)
        .reloadable(),
    keel::boolean("mqtt.sn.broadcast", true, "ADVERTISE goes to broadcast addresses").reloadable(),
    keel::strings("mqtt.sn.broadcast_address", "",
                  "To these; []: to those of all interfaces that are up")
        .reloadable(),
    keel::string("mqtt.sn.multicast", "",
                 "It also goes to this group, which is joined: \"224.0.1.187\", \"ff02::fd%2\"")
        .reloadable(),

    keel::boolean("mqtt.sn.allow_anonymous", nullptr,
                  "Whether those get in that present nothing and that nobody authenticated; "
                  "unless set: on loopback only")
        .reloadable(),
    keel::string("mqtt.sn.username", nullptr, "Of all clients; none: they have none").reloadable(),
    keel::string("mqtt.sn.password", nullptr, "Of all clients").secret().reloadable(),
    keel::integer("mqtt.sn.max_connections", 100'000, "Clients at one time; more are refused")
        .between(1, 10'000'000)
        .reloadable(),
    keel::integer("mqtt.sn.max_conn_rate", std::int64_t{0},
                  "New ones per second; more are refused; 0: no limit")
        .between(0, 1'000'000)
        .reloadable(),
    keel::string("mqtt.sn.mountpoint", "", "In front of every topic of these clients").reloadable(),
    keel::duration("mqtt.sn.session_expiry", "2h",
                   "How long what a client that left without clean session has is kept")
        .between(0, 31'536'000'000)
        .reloadable(),
    keel::boolean("mqtt.sn.persist", true,
                  "Those without clean session are known again after a restart of the broker")
        .reloadable(),
    keel::boolean("mqtt.sn.enable_qos3", false,
                  "PUBLISH with QoS -1 is accepted, of anybody without CONNECT")
        .reloadable(),
    keel::boolean("mqtt.sn.forwarder", true, "Messages that a forwarder encapsulated are read")
        .reloadable(),
    keel::boolean("mqtt.sn.enable_stats", false, "Of EMQ X; there are always ctl sn and metrics")
        .reloadable(),

    keel::duration("mqtt.sn.idle_timeout", "30s", "For the will dialogue of CONNECT")
        .between(1'000, 3'600'000)
        .reloadable(),
    keel::duration("mqtt.sn.retry_interval", "10s",
                   "After which what is not acknowledged is sent again")
        .between(100, 3'600'000)
        .reloadable(),
    keel::integer("mqtt.sn.max_retry", 3, "How often; then the client is lost")
        .between(0, 100)
        .reloadable(),
    keel::duration("mqtt.sn.wait_interval", "300s",
                   "How long nothing is sent to a client that reports congestion")
        .between(100, 86'400'000)
        .reloadable(),
    keel::duration("mqtt.sn.await_rel_timeout", "300s",
                   "How long a PUBLISH with QoS 2 waits for its PUBREL")
        .between(1'000, 86'400'000)
        .reloadable(),
    keel::integer("mqtt.sn.max_awaiting_rel", 100, "Of one client at one time; more are refused")
        .between(1, 65'535)
        .reloadable(),
    keel::integer("mqtt.sn.max_inflight", 1,
                  "Messages with QoS 1 and 2 on their way to one client at one time")
        .between(1, 1'000)
        .reloadable(),
    keel::size("mqtt.sn.max_packet_size", "65507", "Larger messages are not sent to clients")
        .between(32, 65'507)
        .reloadable(),
    keel::integer("mqtt.sn.max_topics", 65'534, "Topic ids of one client; more are refused")
        .between(1, 65'534)
        .reloadable(),
    keel::boolean("mqtt.sn.rebind", true,
                  "A sleeping client may poll with its client id from another address")
        .reloadable(),
    keel::choice("mqtt.sn.wakeup", "resume|strict", "resume",
                 "Whether a sleeping client's CONNECT keeps what it has, whatever it says")
        .reloadable(),
    keel::boolean("mqtt.sn.lenient_topic_id", false,
                  "Unknown normal topic ids are looked up among the pre-defined ones")
        .reloadable(),
    keel::boolean("mqtt.sn.subs_resume", false,
                  "A client that comes back is told its topic ids at once, not when needed")
        .reloadable(),

    keel::string("mqtt.sn.predefined.topic.*", nullptr,
                 "The topic of a pre-defined id, of all clients; the * is the id, 1 to 65534")
        .reloadable(),
    keel::string("mqtt.sn.predefined.client.*.*", nullptr,
                 "The same of one client: its id, then the topic id; see README.md")
        .reloadable(),

    keel::address("mqtt.sn.dtls.port", nullptr, "Where to listen for DTLS").reloadable(),
    keel::string("mqtt.sn.dtls.tls", nullptr, "A [tls.*] section of keel.conf, or:").reloadable(),
    keel::string("mqtt.sn.dtls.certfile", nullptr, "The certificate chain").reloadable(),
    keel::string("mqtt.sn.dtls.keyfile", nullptr, "Its private key").reloadable(),
    keel::string("mqtt.sn.dtls.key_password", nullptr, "Of the private key").secret().reloadable(),
    keel::string("mqtt.sn.dtls.cacertfile", nullptr, "Whose clients' certificates are accepted")
        .reloadable(),
    keel::choice("mqtt.sn.dtls.verify", "verify_none|verify_peer", "verify_none",
                 "Whether clients are asked for a certificate")
        .reloadable(),
    keel::boolean("mqtt.sn.dtls.fail_if_no_peer_cert", false, "Whether they must have one")
        .reloadable(),
    keel::string("mqtt.sn.dtls.psk_file", nullptr, "Pre-shared keys, lines identity:hexkey")
        .reloadable(),
    keel::string("mqtt.sn.dtls.psk_hint", nullptr, "What clients are told to choose theirs by")
        .reloadable(),
    keel::string("mqtt.sn.dtls.ciphers", nullptr, "As OpenSSL writes them").reloadable(),
    keel::duration("mqtt.sn.dtls.session_timeout", "24h",
                   "An association without a datagram for so long is gone; sleep ends earlier")
        .between(10'000, 2'592'000'000)
        .reloadable(),
    keel::integer("mqtt.sn.dtls.max_sessions", 10'000, "Associations at one time")
        .between(1, 10'000'000)
        .reloadable(),
    keel::choice("mqtt.sn.dtls.peer_identity_as_username", "none|psk|cn", "none",
                 "What a client has proved becomes its user name")
        .reloadable(),
};

}  // namespace sn
