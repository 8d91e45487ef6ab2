// The keys of emqx_lwm2m.conf. Names and defaults are those of EMQ X where it has the key.
#pragma once

#include <cstdint>
#include <keel/settings.hpp>

namespace lwm2m {

constexpr std::int64_t kMostSeconds = 4'294'967'295;

constexpr keel::Setting kSchema[] = {
    keel::address("lwm2m.port", "5683", "Where to listen: a port or address:port; 0: nowhere")
        .reloadable(),
    keel::address("lwm2m.bind.udp.*", nullptr, "In place of lwm2m.port; the * is any name")
        .reloadable(),
    keel::size("lwm2m.opts.recbuf", "1MB",
               "Of each socket, as far as net.core.rmem_max lets; 0: the system's default")
        .between(0, 1'073'741'824)
        .reloadable(),
    keel::size("lwm2m.opts.sndbuf", "1MB", "Of EMQ X; it has no effect").reloadable(),
    keel::size("lwm2m.opts.buffer", "1MB", "Of EMQ X; it has no effect").reloadable(),
    keel::integer("lwm2m.opts.read_packets", 20, "Of EMQ X; it has no effect").reloadable(),
    keel::string("lwm2m.lb", nullptr, "Of EMQ X (coaproxy); it has no effect").reloadable(),

    keel::string("lwm2m.certfile", "etc/certs/cert.pem", "For DTLS: the certificate chain")
        .reloadable(),
    keel::string("lwm2m.keyfile", "etc/certs/key.pem", "Its private key").reloadable(),
    keel::address("lwm2m.dtls.port", nullptr,
                  "Where to listen for DTLS; none: lwm2m.port + 1, or 5684; 0: nowhere")
        .reloadable(),
    keel::address("lwm2m.bind.dtls.*", nullptr, "In place of lwm2m.dtls.port; the * is any name")
        .reloadable(),
    keel::string("lwm2m.dtls.certfile", nullptr, "In place of lwm2m.certfile").reloadable(),
    keel::string("lwm2m.dtls.keyfile", nullptr, "In place of lwm2m.keyfile").reloadable(),
    keel::string("lwm2m.dtls.key_password", nullptr, "Of the private key").secret().reloadable(),
    keel::string("lwm2m.dtls.tls", nullptr, "A [tls.*] section of keel.conf, in place of all files")
        .reloadable(),
    keel::string("lwm2m.dtls.psk_file", nullptr, "Pre-shared keys, lines identity:hexkey")
        .reloadable(),
    keel::string("lwm2m.dtls.cacertfile", nullptr, "Whose devices' certificates are accepted")
        .reloadable(),
    keel::choice("lwm2m.dtls.verify", "verify_none|verify_peer", "verify_none",
                 "Whether devices are asked for a certificate")
        .reloadable(),
    keel::boolean("lwm2m.dtls.fail_if_no_peer_cert", false, "Whether they must have one")
        .reloadable(),
    keel::string("lwm2m.dtls.ciphers", nullptr, "As OpenSSL writes them").reloadable(),
    keel::string("lwm2m.dtls.psk_ciphers", nullptr, "Added to lwm2m.dtls.ciphers").reloadable(),
    keel::choice("lwm2m.dtls.ep_match", "none|cn|psk_identity", "none",
                 "What an endpoint name must be equal to: what the device has proved")
        .reloadable(),
    keel::duration("lwm2m.dtls.session_timeout", "24h",
                   "An association without a datagram for so long is gone")
        .between(10'000, 2'592'000'000)
        .reloadable(),
    keel::integer("lwm2m.dtls.max_sessions", 100'000, "Associations at one time")
        .between(1, 10'000'000)
        .reloadable(),

    keel::boolean("lwm2m.allow_anonymous", nullptr,
                  "Whether those get in that present nothing and that nobody authenticated; "
                  "unless set: on loopback only")
        .reloadable(),
    keel::string("lwm2m.username", nullptr, "Of all devices; none: they have none").reloadable(),
    keel::string("lwm2m.password", nullptr, "Of all devices").secret().reloadable(),
    keel::integer("lwm2m.max_devices", 1'024'000, "Registered at one time; more hear 5.03")
        .between(1, 10'000'000)
        .reloadable(),
    keel::integer("lwm2m.max_register_rate", std::int64_t{0},
                  "New registrations per second and core; more hear 5.03; 0: no limit")
        .between(0, 1'000'000)
        .reloadable(),

    keel::duration("lwm2m.lifetime_min", "1s", "The shortest lifetime a device may ask for")
        .between(1'000, kMostSeconds * 1000)
        .reloadable(),
    keel::duration("lwm2m.lifetime_max", "86400s", "The longest; also of one that asks for 0")
        .between(1'000, kMostSeconds * 1000)
        .reloadable(),
    keel::choice("lwm2m.lifetime_policy", "reject|clamp", "reject",
                 "What is outside is refused, or brought inside")
        .reloadable(),
    keel::duration("lwm2m.lifetime_grace", "93s", "How long after it a registration ends")
        .between(0, 86'400'000)
        .reloadable(),
    keel::boolean("lwm2m.refresh_on_any", false,
                  "Any message of a device restarts its lifetime, not its updates alone")
        .reloadable(),
    keel::boolean("lwm2m.strict_registration", false, "A registration without objects is refused")
        .reloadable(),
    keel::boolean("lwm2m.persist", true, "Registrations survive a restart of the broker")
        .reloadable(),

    keel::duration("lwm2m.qmode_time_window", "22s",
                   "How long a device in queue mode can be reached after its last message")
        .between(0, 86'400'000)
        .reloadable(),
    keel::integer("lwm2m.queue_max", 100, "Commands that wait for one device; more are refused")
        .between(1, 100'000)
        .reloadable(),
    keel::size("lwm2m.queue_max_size", "32MB", "What these may take together")
        .between(1024, 1'073'741'824)
        .reloadable(),
    keel::duration("lwm2m.queue_ttl", "2h", "How long a command waits for a device that sleeps")
        .between(1'000, 31'536'000'000)
        .reloadable(),
    keel::boolean("lwm2m.qmode_requeue_on_timeout", true,
                  "A command to which a device in queue mode is silent waits for it again")
        .reloadable(),

    keel::string("lwm2m.auto_observe", "off",
                 "What is observed unasked: off, on (all objects), or \"/3/0/9,/3303\"")
        .reloadable(),
    keel::boolean("lwm2m.observe_restore", true,
                  "When a device registers again, its observations are made anew")
        .reloadable(),
    keel::integer("lwm2m.max_observations", 256, "Of one device; more are refused")
        .between(1, 65'535)
        .reloadable(),

    keel::string("lwm2m.mountpoint", "lwm2m/%e/",
                 "In front of all topics; %e: endpoint name, %a: address")
        .reloadable(),
    keel::string("lwm2m.topics.command", "command", "Where commands arrive").reloadable(),
    keel::string("lwm2m.topics.response", "response", "Where they are answered").reloadable(),
    keel::string("lwm2m.topics.notify", "up/notify", "Where notifications go").reloadable(),
    keel::string("lwm2m.topics.register", "up/resp", "Where registrations are reported")
        .reloadable(),
    keel::string("lwm2m.topics.update", "up/resp", "Where their updates are").reloadable(),
    keel::string("lwm2m.topics.deregister", "up/resp", "Where their end is").reloadable(),
    keel::boolean("lwm2m.v3_topics", true,
                  "Commands arrive at dn/#, too, and are then answered on up/resp")
        .reloadable(),
    keel::integer("lwm2m.qos", std::int64_t{0}, "Of commands and of what is published")
        .between(0, 1)
        .reloadable(),
    keel::size("lwm2m.max_command_size", "16MB", "Larger commands are refused")
        .between(1024, 268'435'456)
        .reloadable(),
    keel::choice("lwm2m.update_msg_publish_condition", "always|contains_object_list", "always",
                 "Which updates are reported")
        .reloadable(),
    keel::boolean("lwm2m.publish_ack", true,
                  "A device's word that its answer will come later is passed on")
        .reloadable(),
    keel::boolean("lwm2m.offline_reply", true,
                  "What is no command, or for a device that is not there, is answered")
        .reloadable(),
    keel::boolean("lwm2m.content_meta", false, "Values come with the names of their resources")
        .reloadable(),
    keel::boolean("lwm2m.strict_xml_schema_a", true,
                  "Answers to Command say \"No XML Definition\" where a type had to be guessed")
        .reloadable(),
    keel::string("lwm2m.xml_dir", "etc/lwm2m_xml", "The definitions of objects").reloadable(),

    keel::choice("lwm2m.block_size", "16|32|64|128|256|512|1024", "512",
                 "Larger payloads are sent to devices in blocks of this size")
        .reloadable(),
    keel::size("lwm2m.max_body_size", "4MB", "What such blocks may come to, in either direction")
        .between(1024, 16'777'216)
        .reloadable(),
    keel::duration("lwm2m.block_timeout", "247s", "How long a half-done one is kept")
        .between(1'000, 3'600'000)
        .reloadable(),
    keel::duration("lwm2m.response_timeout", "93s",
                   "How long a device may take for an answer that comes later")
        .between(100, 3'600'000)
        .reloadable(),
    keel::duration("lwm2m.ack_timeout", "2s",
                   "After which what is not acknowledged is sent again; then twice as long")
        .between(10, 60'000)
        .reloadable(),
    keel::integer("lwm2m.max_retransmit", 4, "How often; then the command has failed")
        .between(0, 20)
        .reloadable(),
    keel::integer("lwm2m.nstart", 1, "Requests under way to one device")
        .between(1, 16)
        .reloadable(),
};

}  // namespace lwm2m
