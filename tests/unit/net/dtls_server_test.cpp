#include "kernel/net/dtls_server.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <random>

#include "dtls_rig.hpp"
#include "kernel/net/dtls_records.hpp"

using namespace keel::test;

TEST_CASE("DTLS: by a pre-shared key, with every suite that devices have") {
  DtlsRig dtls;
  for (const char* cipher :
       {"PSK-AES128-CCM8", "PSK-AES128-GCM-SHA256", "PSK-AES128-CCM", "PSK-AES256-GCM-SHA384",
        "PSK-AES128-CBC-SHA256", "ECDHE-PSK-AES128-CBC-SHA256"}) {
    CAPTURE(cipher);
    auto context = dtls_psk_context(cipher);
    DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
    REQUIRE(client.connect() == "");
    CHECK(dtls.echo.events.next() == "opened |device");
    for (const std::size_t size : {1u, 100u, 1'200u, 16'000u}) {
      CHECK(client.ask(std::string(size, 'x')) == std::string(size, 'x'));
    }
    dtls.rig.on([&] {
      const PeerInfo::Verified* verified = dtls.server->verified(client.local());
      REQUIRE(verified);
      CHECK(verified->tls_version == "DTLSv1.2");
      CHECK(verified->cipher == cipher);
      CHECK(verified->psk_identity == "device");
    });
    client.goodbye();
    CHECK(dtls.echo.events.next() == "closed closed by the client");
    CHECK(client.receive() == "(closed)");  // goodbye both ways
  }
  CHECK(dtls.server->stats().handshakes.get() == 6);
  CHECK(dtls.sessions() == 0);
}

TEST_CASE("DTLS: wrong keys and unknown identities stay outside") {
  DtlsRig dtls({.handshake_timeout_ms = 300});
  auto context = dtls_psk_context();
  DtlsClient wrong(dtls.address(), context.get(), "device", "not the key");
  wrong.set_waiting(false);
  CHECK(dtls.rig.eventually([&] {
    wrong.poke();
    return dtls.server->stats().handshakes_failed.get() == 1;
  }));
  DtlsClient unknown(dtls.address(), context.get(), "nobody", DtlsRig::kKey);
  CHECK(unknown.connect() != "");
  CHECK(dtls.rig.eventually([&] { return dtls.server->stats().handshakes_failed.get() == 2; }));
  CHECK(dtls.sessions() == 0);
  CHECK(dtls.handshakes() == 0);
  CHECK(dtls.rig.shards.shard(0).metrics().get(Metric::tls_handshake_failed) == 2);
  DtlsClient right(dtls.address(), context.get(), "other", "another key here");
  CHECK(right.connect() == "");
  CHECK(right.ask("ping") == "ping");
}

TEST_CASE("DTLS: keys from a function, asked for what the file does not know") {
  std::atomic<int> asked{0};
  TlsOptions tls;
  tls.psk_lookup = [&](const std::string& identity) -> std::optional<std::string> {
    ++asked;
    return identity == "hooked" ? std::optional<std::string>("hooked key") : std::nullopt;
  };
  DtlsRig dtls(TlsSettings{}, {}, tls);  // neither certificate nor file
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "hooked", "hooked key");
  REQUIRE(client.connect() == "");
  CHECK(client.ask("ping") == "ping");
  DtlsClient other(dtls.address(), context.get(), "somebody", "hooked key");
  CHECK(other.connect() != "");
  CHECK(asked == 2);
  // New keys for new associations; the others stay.
  auto fresh = dtls_context(DtlsRig::psk_settings(dtls.dir));
  dtls.rig.on([&] { dtls.server->set_context(fresh); });
  DtlsClient device(dtls.address(), context.get(), "device", DtlsRig::kKey);
  CHECK(device.connect() == "");
  CHECK(client.ask("still here") == "still here");
  DtlsClient late(dtls.address(), context.get(), "hooked", "hooked key");
  CHECK(late.connect() != "");
}

TEST_CASE("DTLS: certificates, with and without the client's") {
  const Identity ca = make_authority("Test CA"), stranger = make_authority("Stranger");
  const Identity server = issue(ca, {.cn = "server", .san = "DNS:localhost", .serial = 2});
  TempDir dir;
  write_certificate(ca, dir.file("ca.pem"));
  write_certificate(server, dir.file("cert.pem"));
  write_key(server, dir.file("key.pem"));
  TlsSettings settings;
  settings.certfile = dir.file("cert.pem");
  settings.keyfile = dir.file("key.pem");

  SUBCASE("of the server only") {
    DtlsRig dtls(settings, {}, {});
    for (const char* cipher : {"", "ECDHE-ECDSA-AES128-CCM8"}) {
      auto context = dtls_client_context();
      if (*cipher) SSL_CTX_set_cipher_list(context.get(), cipher);
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.certificate.get());
      DtlsClient client(dtls.address(), context.get());
      REQUIRE(client.connect() == "");
      CHECK(dtls.echo.events.next() == "opened |");
      CHECK(client.ask("ping") == "ping");
    }
    auto psk = dtls_psk_context();
    DtlsClient none(dtls.address(), psk.get(), "device", DtlsRig::kKey);
    CHECK(none.connect() != "");
  }
  SUBCASE("of both, in small datagrams") {
    settings.cafile = dir.file("ca.pem");
    settings.verify_peer = settings.require_peer = true;
    DtlsRig dtls(settings, {.mtu = 300}, {});
    const Identity device = issue(ca, {.cn = "device-7", .san = "DNS:device-7.example"});
    auto context = dtls_client_context();
    SSL_CTX_use_certificate(context.get(), device.certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), device.key.get());
    DtlsClient client(dtls.address(), context.get());
    SSL_set_mtu(client.ssl(), 300);
    REQUIRE(client.connect() == "");
    CHECK(dtls.echo.events.next() == "opened device-7|");
    CHECK(client.ask("ping") == "ping");
    CHECK(client.largest_received <= 300);
    CHECK(client.sent.size() > 4);  // its certificate in fragments
    dtls.rig.on([&] {
      const PeerInfo::Verified* verified = dtls.server->verified(client.local());
      REQUIRE(verified);
      CHECK(verified->san == "device-7.example");
      CHECK(verified->dn == "CN=device-7,O=Keel");
    });
    auto bare = dtls_client_context();
    DtlsClient without(dtls.address(), bare.get());
    CHECK(without.connect() != "");
    const Identity false_device = issue(stranger, {.cn = "device-7"});
    auto foreign = dtls_client_context();
    SSL_CTX_use_certificate(foreign.get(), false_device.certificate.get());
    SSL_CTX_use_PrivateKey(foreign.get(), false_device.key.get());
    DtlsClient impostor(dtls.address(), foreign.get());
    CHECK(impostor.connect() != "");
    CHECK(dtls.rig.eventually([&] { return dtls.server->stats().handshakes_failed.get() == 2; }));
    CHECK(dtls.sessions() == 1);
  }
}

TEST_CASE("DTLS: nothing is kept of a client before it has returned its cookie") {
  DtlsRig dtls;
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
  client.step(0);
  const std::string hello = client.sent.at(0);
  const std::string answer = client.peer().receive();
  CHECK(answer.size() == kHelloVerifySize);
  CHECK(answer.size() < hello.size());  // nobody is served by writing another's address on it
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const std::uint8_t address[4] = {127, static_cast<std::uint8_t>(1 + i / 65'536),
                                     static_cast<std::uint8_t>(i / 256),
                                     static_cast<std::uint8_t>(i)};
    dtls.inject(Endpoint::ip4(address, 9), hello);
  }
  CHECK(dtls.server->stats().hellos_verified.get() == 10'001);
  CHECK(dtls.sessions() == 0);
  CHECK(dtls.handshakes() == 0);
  // A cookie is good for its own address only.
  DtlsClient owner(dtls.address(), context.get(), "device", DtlsRig::kKey);
  REQUIRE(owner.connect() == "");
  const std::string with_cookie = owner.sent.at(1);
  REQUIRE(parse_hello(with_cookie));
  CHECK(parse_hello(with_cookie)->cookie.size() == DtlsCookie::kSize);
  dtls.inject(at("127.0.0.9", 9), with_cookie);
  CHECK(dtls.handshakes() == 0);
  CHECK(dtls.sessions() == 1);
}

TEST_CASE("DTLS: caps on associations and on handshakes under way") {
  DtlsRig dtls({.max_sessions = 3, .max_handshakes = 2});
  auto context = dtls_psk_context();
  const auto half_open = [&](DtlsClient& client) {
    client.step(1);  // returns the cookie
  };
  DtlsClient first(dtls.address(), context.get(), "device", DtlsRig::kKey),
      second(dtls.address(), context.get(), "device", DtlsRig::kKey),
      third(dtls.address(), context.get(), "device", DtlsRig::kKey);
  half_open(first);
  half_open(second);
  REQUIRE(dtls.rig.eventually([&] { return dtls.server->handshakes() == 2; }));
  half_open(third);
  CHECK(dtls.rig.eventually([&] { return dtls.server->stats().handshakes_refused.get() == 1; }));
  CHECK(dtls.handshakes() == 2);
  CHECK(first.connect() == "");
  CHECK(second.connect() == "");
  CHECK(third.connect() == "");  // by saying it again
  DtlsClient fourth(dtls.address(), context.get(), "device", DtlsRig::kKey);
  half_open(fourth);
  CHECK(dtls.rig.eventually([&] { return dtls.server->stats().handshakes_refused.get() >= 2; }));
  CHECK(dtls.sessions() == 3);
  // One of the three may still begin anew.
  first.reboot();
  CHECK(first.connect() == "");
  CHECK(dtls.sessions() == 3);
  second.goodbye();
  CHECK(dtls.rig.eventually([&] { return dtls.server->sessions() == 2; }));
  CHECK(fourth.connect() == "");
}

TEST_CASE("DTLS: lost datagrams are sent again, by either side") {
  DtlsRig dtls;
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
  SUBCASE("the server's flight") {
    client.step(1);
    client.lose_received = 1;
  }
  SUBCASE("the client's last flight") {
    client.step(1);
    client.lose_sent = 1;
  }
  SUBCASE("the server's last flight") {
    client.step(2);
    client.lose_received = 1;
  }
  CHECK(client.connect() == "");
  CHECK(client.lose_received == 0);
  CHECK(client.lose_sent == 0);
  CHECK(client.ask("ping") == "ping");
  CHECK(dtls.sessions() == 1);
}

TEST_CASE("DTLS: a client that begins anew replaces its association when it is done") {
  DtlsRig dtls;
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
  REQUIRE(client.connect() == "");
  CHECK(client.ask("ping") == "ping");
  CHECK(dtls.echo.events.next() == "opened |device");
  for (int round = 0; round < 3; ++round) {
    client.reboot();
    REQUIRE(client.connect() == "");
    CHECK(client.ask("again") == "again");
    CHECK(dtls.echo.events.next() == "closed the client began anew");
    CHECK(dtls.echo.events.next() == "opened |device");
    CHECK(dtls.sessions() == 1);
    CHECK(dtls.handshakes() == 0);
  }
}

TEST_CASE("DTLS: one that only begins anew changes nothing for the old association") {
  DtlsRig dtls({.handshake_timeout_ms = 1'500});
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
  REQUIRE(client.connect() == "");
  // Another client speaks for the same address: its datagrams are sent by the first one's socket.
  DtlsClient shadow(dtls.address(), context.get(), "device", DtlsRig::kKey);
  shadow.lose_sent = 1;
  shadow.step(0);
  client.peer().send(shadow.sent.at(0));
  const std::string verify = client.peer().receive();
  REQUIRE(verify.size() == kHelloVerifySize);
  // The hello with its cookie, as the shadow would write it.
  std::string hello = shadow.sent.at(0);
  const auto bump = [&](std::size_t at, std::size_t bytes, std::size_t by) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | octet(hello[at + i]);
    value += by;
    for (std::size_t i = bytes; i-- > 0; value >>= 8) hello[at + i] = static_cast<char>(value);
  };
  bump(5, 6, 1);
  bump(11, 2, DtlsCookie::kSize);
  bump(14, 3, DtlsCookie::kSize);
  bump(17, 2, 1);
  bump(22, 3, DtlsCookie::kSize);
  const std::size_t cookie_at = 25 + 2 + 32 + 1 + octet(hello[25 + 34]);
  hello[cookie_at] = static_cast<char>(DtlsCookie::kSize);
  hello.insert(cookie_at + 1, verify.substr(28));
  client.peer().send(hello);
  CHECK(dtls.rig.eventually([&] { return dtls.server->handshakes() == 1; }));
  // The client's own datagrams find its association; the server's hello it cannot use.
  CHECK(client.ask("still me") == "still me");
  CHECK(client.ask("and again") == "and again");
  CHECK(dtls.rig.eventually([&] { return dtls.server->handshakes() == 0; }));  // too late
  CHECK(client.ask("for good") == "for good");
  CHECK(dtls.sessions() == 1);
  // A copy of the very hello that began the association begins nothing.
  const std::uint64_t asked = dtls.server->stats().hellos_verified.get();
  client.peer().send(client.sent.at(1));
  CHECK(client.ask("unmoved") == "unmoved");
  CHECK(dtls.server->stats().hellos_verified.get() == asked);
  CHECK(dtls.handshakes() == 0);
}

TEST_CASE("DTLS: associations end when idle, when told, and all together") {
  auto context = dtls_psk_context();
  SUBCASE("idle") {
    DtlsRig dtls({.idle_timeout_ms = 200});
    DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
    REQUIRE(client.connect() == "");
    CHECK(client.receive() == "(closed)");
    CHECK(dtls.echo.events.wait_for("closed idle"));
    CHECK(dtls.sessions() == 0);
  }
  SUBCASE("told") {
    DtlsRig dtls;
    DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
    REQUIRE(client.connect() == "");
    dtls.rig.on([&] {
      CHECK(dtls.server->close(client.local()));
      CHECK_FALSE(dtls.server->close(client.local()));
      CHECK(dtls.server->send(client.local(), "x") == SendOutcome::no_session);
    });
    CHECK(client.receive() == "(closed)");
    CHECK(dtls.echo.events.wait_for("closed closed"));
    client.reboot();
    CHECK(client.connect() == "");
  }
  SUBCASE("all together") {
    DtlsRig dtls;
    std::vector<std::unique_ptr<DtlsClient>> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(
          std::make_unique<DtlsClient>(dtls.address(), context.get(), "device", DtlsRig::kKey));
      REQUIRE(clients.back()->connect() == "");
    }
    CHECK(dtls.sessions() == 20);
    dtls.rig.on([&] { dtls.server->close_all(); });
    for (auto& client : clients) CHECK(client->receive() == "(closed)");
    CHECK(dtls.sessions() == 0);
    CHECK(dtls.server->stats().sessions == 0);
  }
  SUBCASE("from within a callback") {
    DtlsRig dtls;
    dtls.echo.then = [&](const Datagram& datagram) {
      if (datagram.bytes == "end") dtls.server->close(datagram.peer);
    };
    DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
    REQUIRE(client.connect() == "");
    dtls.rig.on([&] { dtls.socket->pause(); });
    for (const char* text : {"one", "end", "two"}) CHECK(client.send(text));
    dtls.rig.on([&] { dtls.socket->resume(); });
    CHECK(client.receive() == "one");
    CHECK(client.receive() == "end");
    CHECK(client.receive() == "(closed)");
    CHECK(dtls.sessions() == 0);
  }
}

TEST_CASE("DTLS: garbage, cut off and changed records change nothing") {
  DtlsRig dtls;
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
  REQUIRE(client.connect() == "");
  REQUIRE(client.ask("ping") == "ping");
  std::mt19937 random(7);
  const std::vector<std::string> real = client.sent;
  for (int i = 0; i < 4'000; ++i) {
    std::string bytes = real[random() % real.size()];
    switch (random() % 4) {
      case 0:
        bytes.resize(random() % (bytes.size() + 1));
        break;
      case 1:
        for (int n = 0; n < 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
        break;
      case 2:
        for (char& c : bytes) c = static_cast<char>(random());
        break;
      default:
        bytes += real[random() % real.size()];
    }
    // As a stranger, and with the address of the association.
    dtls.inject(i % 2 == 0 ? client.local() : at("127.0.0.7", 7), bytes);
  }
  // A whole record of garbage, of the epoch in use.
  for (const char type : {20, 21, 22, 23, 99}) {
    std::string record = {type, char(0xfe), char(0xfd), 0, 1, 0, 0, 0, 0, 1, 0, 0, 64};
    dtls.inject(client.local(), record + std::string(64, 'g'));
    record[4] = 0;  // and in the clear: an alert nobody proved
    dtls.inject(client.local(), record + std::string(64, 2));
  }
  CHECK(dtls.handshakes() == 0);
  CHECK(dtls.sessions() == 1);
  CHECK(client.ask("pong") == "pong");
}

TEST_CASE("DTLS: garbage during the handshake costs no more than that handshake") {
  DtlsRig dtls({.max_handshakes = 4});
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
  client.step(1);
  REQUIRE(dtls.rig.eventually([&] { return dtls.server->handshakes() == 1; }));
  // Encrypted records before there is a key, more than are worth keeping.
  const std::string record = {23, char(0xfe), char(0xfd), 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 'x'};
  std::string many;
  for (int i = 0; i < 100; ++i) many += record;
  for (int i = 0; i < 20; ++i) dtls.inject(client.local(), many);
  CHECK(dtls.server->stats().dropped.get() == 20);
  CHECK(dtls.handshakes() == 1);
  DtlsClient other(dtls.address(), context.get(), "device", DtlsRig::kKey);
  CHECK(other.connect() == "");
}

TEST_CASE("DTLS: paused and given another handler, associations and datagrams stay") {
  DtlsRig dtls;
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
  REQUIRE(client.connect() == "");
  DtlsEcho second;
  second.server = dtls.server.get();
  for (int round = 0; round < 30; ++round) {
    dtls.rig.on([&] { dtls.server->pause(); });
    for (int i = 0; i < 10; ++i) REQUIRE(client.send(std::to_string(round * 10 + i)));
    dtls.rig.on([&] {
      dtls.server->set_handler(round % 2 == 0 ? second : dtls.echo);
      CHECK(dtls.server->resume());
    });
    for (int i = 0; i < 10; ++i) REQUIRE(client.receive() == std::to_string(round * 10 + i));
  }
  CHECK(second.datagrams == 150);
  CHECK(dtls.echo.datagrams == 150);
  CHECK(dtls.sessions() == 1);
  dtls.rig.on([&] { dtls.server->set_handler(dtls.echo); });
}

TEST_CASE("DTLS: on several shards, one port") {
  Rig rig(2);
  const auto fds = open_udp_sockets(bind_to("127.0.0.1"), {}, 2);
  REQUIRE(fds);
  const BindAddress bound = bound_address((*fds)[0], bind_to("127.0.0.1"));
  TempDir dir;
  const auto keys = dtls_context(DtlsRig::psk_settings(dir));
  DtlsEcho echoes[2];
  std::unique_ptr<UdpSocket> sockets[2];
  std::unique_ptr<DtlsServer> servers[2];
  for (std::uint32_t i = 0; i < 2; ++i) {
    sockets[i] = std::make_unique<UdpSocket>(rig.shards.shard(i), (*fds)[i], echoes[i],
                                             UdpSocket::Options{.address = bound});
    servers[i] = std::make_unique<DtlsServer>(*sockets[i], keys, echoes[i], DtlsServer::Options{});
    echoes[i].server = servers[i].get();
    rig.on(i, [&] { CHECK(sockets[i]->open()); });
  }
  auto context = dtls_psk_context();
  std::vector<std::unique_ptr<DtlsClient>> clients;
  for (int i = 0; i < 24; ++i) {
    clients.push_back(
        std::make_unique<DtlsClient>(bound.endpoint, context.get(), "device", DtlsRig::kKey));
    REQUIRE(clients.back()->connect() == "");
  }
  for (auto& client : clients) CHECK(client->ask("ping") == "ping");
  std::size_t sessions[2] = {};
  for (std::uint32_t i = 0; i < 2; ++i) {
    sessions[i] = servers[i]->stats().sessions;
    rig.on(i, [&] {
      servers[i].reset();
      sockets[i].reset();
    });
  }
  CHECK(sessions[0] + sessions[1] == 24);
  CHECK(sessions[0] > 0);
  CHECK(sessions[1] > 0);
}

TEST_CASE("DTLS: what cannot be sent says why") {
  DtlsRig dtls;
  auto context = dtls_psk_context();
  DtlsClient client(dtls.address(), context.get(), "device", DtlsRig::kKey);
  REQUIRE(client.connect() == "");
  dtls.rig.on([&] {
    CHECK(dtls.server->send(at("127.0.0.1", 9), "x") == SendOutcome::no_session);
    CHECK(dtls.server->send(client.local(), std::string(16'385, 'x')) == SendOutcome::too_large);
    CHECK(dtls.server->send(client.local(), "") == SendOutcome::failed);
    char a[] = "one ", b[] = "two";
    const iovec pieces[] = {{a, 4}, {nullptr, 0}, {b, 3}};
    CHECK(dtls.server->send(client.local(), pieces, 3) == SendOutcome::sent);
    dtls.socket->close();
    CHECK(dtls.server->send(client.local(), "x") == SendOutcome::failed);
  });
  CHECK(client.receive() == "one two");
}
