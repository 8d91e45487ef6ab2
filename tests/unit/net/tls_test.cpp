#include <doctest/doctest.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <thread>

#include "kernel/net/tls_psk.hpp"
#include "pki.hpp"
#include "server.hpp"

using namespace keel::test;

namespace {

// Authorities, a server's pair and a client's, as files.
struct Pki {
  Pki() {
    write_certificate(ca, dir.file("ca.pem"));
    write_certificate(server, dir.file("cert.pem"));
    write_key(server, dir.file("key.pem"));
  }
  TlsSettings settings() const {
    TlsSettings tls;
    tls.certfile = dir.file("cert.pem");
    tls.keyfile = dir.file("key.pem");
    return tls;
  }
  TempDir dir;
  Identity ca = make_authority("Test CA");
  Identity server = issue(ca, {.cn = "server", .san = "DNS:localhost", .serial = 2});
  Identity client = issue(ca, {.cn = "device-7", .san = "DNS:device-7.example", .serial = 7});
};

using ClientContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

ClientContext client_context(int version = 0) {
  ClientContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (version) {
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
  }
  return context;
}

void use_identity(ClientContext& context, const Identity& identity) {
  SSL_CTX_use_certificate(context.get(), identity.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), identity.key.get());
}

Server& with_tls(Server& server, const TlsSettings& tls) {
  server.settings.tls["t"] = tls;
  server.listener("ssl", "127.0.0.1:0").tls = "t";
  server.start();
  return server;
}

// In TLS 1.3 a refused client certificate shows with the first read only.
bool works(Client& client) { return client.ask("ping") == "ping"; }

std::string peer_name(Client& client) {
  X509* certificate = SSL_get0_peer_certificate(client.ssl());
  char name[100] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

}  // namespace

TEST_CASE("TLS 1.2 and 1.3: echo, moves between shards, large transfers") {
  Pki pki;
  Server server;
  with_tls(server, pki.settings());
  CHECK(server.status("ssl").proto == "mqtt:ssl");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    auto context = client_context(version);
    Client client = Client::tcp(server.port("ssl"));
    REQUIRE(client.start_tls(context.get()) == "");
    CHECK(client.ask("#who").find(version == TLS1_2_VERSION ? " TLSv1.2 " : " TLSv1.3 ") !=
          std::string::npos);
    for (int i = 0; i < 50; ++i) {
      REQUIRE(client.ask("#move") == "moved");
      REQUIRE(client.ask("echo") == "echo");
    }
    // Pipelined behind a move: the bytes travel inside the TLS state.
    std::string burst, echo;
    for (int i = 0; i < 200; ++i) {
      const bool move = i % 20 == 0;
      burst += frame(move ? "#move" : "number " + std::to_string(i));
      echo += frame(move ? "moved" : "number " + std::to_string(i));
    }
    REQUIRE(client.send(burst));
    CHECK(client.receive(echo.size()) == echo);
    CHECK(client.ask("#close") == "bye");
    CHECK(client.at_end());
    CHECK((SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0);  // close_notify came
  }
}

TEST_CASE("TLS: a slow reader of much data") {
  Pki pki;
  Server server;
  with_tls(server, pki.settings());
  auto context = client_context();
  Client client = Client::tcp(server.port("ssl"));
  REQUIRE(client.start_tls(context.get()) == "");
  REQUIRE(client.send(frame("#flood") + frame("#close")));
  CHECK(client.receive(8'000'000) == std::string(8'000'000, 'f'));
  CHECK(client.receive(8) == frame("bye"));
  CHECK(client.at_end());
  CHECK(server.events.wait_for("closed local: closed"));
}

TEST_CASE("TLS: echoes with backpressure in both directions") {
  Pki pki;
  Server server;
  with_tls(server, pki.settings());
  auto context = client_context();
  Client client = Client::tcp(server.port("ssl"));
  REQUIRE(client.start_tls(context.get()) == "");
  // One thread only, as OpenSSL wants it: write and read what goes without blocking.
  std::string train, echo;
  for (int i = 0; i < 800; ++i) train += frame(std::to_string(i) + std::string(9'000, 'e'));
  std::string_view left = train;
  std::vector<char> buffer(16'384);
  ::fcntl(client.fd(), F_SETFL, O_NONBLOCK);
  SSL_set_mode(client.ssl(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  while (echo.size() < train.size()) {
    pollfd ready{.fd = client.fd(), .events = POLLIN, .revents = 0};
    if (!left.empty()) ready.events |= POLLOUT;
    REQUIRE(::poll(&ready, 1, 30'000) == 1);
    if (!left.empty()) {
      const int sent = SSL_write(client.ssl(), left.data(),
                                 static_cast<int>(std::min<std::size_t>(left.size(), 4096)));
      if (sent > 0) left.remove_prefix(static_cast<std::size_t>(sent));
    }
    for (int got = 1; got > 0;) {
      got = SSL_read(client.ssl(), buffer.data(), static_cast<int>(buffer.size()));
      if (got > 0) echo.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  CHECK(echo == train);
}

TEST_CASE("ALPN: mqtt is accepted, other names are passed over") {
  Pki pki;
  Server server;
  with_tls(server, pki.settings());
  for (const bool offered : {true, false}) {
    auto context = client_context();
    const std::string names = offered ? std::string("\x02h2\x04mqtt") : std::string("\x02h2");
    SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(names.data()),
                            static_cast<unsigned>(names.size()));
    Client client = Client::tcp(server.port("ssl"));
    REQUIRE(client.start_tls(context.get()) == "");
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.ssl(), &chosen, &size);
    CHECK(size == (offered ? 4 : 0));
    CHECK(works(client));
  }
}

TEST_CASE("mutual TLS: names of the client, refusals, revocation") {
  Pki pki;
  const Identity stranger = issue(make_authority("Other CA"), {.cn = "stranger", .serial = 9});
  write_crl(pki.ca, 8, pki.dir.file("crl.pem"));
  TlsSettings tls = pki.settings();
  tls.cafile = pki.dir.file("ca.pem");
  tls.crlfile = pki.dir.file("crl.pem");
  tls.verify_peer = tls.require_peer = true;
  Server server;
  with_tls(server, tls);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    auto context = client_context(version);
    use_identity(context, pki.client);
    Client client = Client::tcp(server.port("ssl"));
    REQUIRE(client.start_tls(context.get()) == "");
    const std::string who = client.ask("#who");
    CHECK(who.find("cn=device-7 san=device-7.example dn=CN=device-7,O=Keel psk=") !=
          std::string::npos);

    const Identity revoked = issue(pki.ca, {.cn = "revoked", .serial = 8});
    const Identity expired = issue(pki.ca, {.cn = "expired", .serial = 10, .days = -1});
    for (const Identity& bad : {stranger, revoked, expired}) {
      auto refused = client_context(version);
      use_identity(refused, bad);
      Client other = Client::tcp(server.port("ssl"));
      const bool connected = other.start_tls(refused.get()).empty();
      CHECK_FALSE((connected && works(other)));
    }
    auto nobody = client_context(version);
    Client anonymous = Client::tcp(server.port("ssl"));
    const bool connected = anonymous.start_tls(nobody.get()).empty();
    CHECK_FALSE((connected && works(anonymous)));
  }
  CHECK(server.eventually([&] { return server.metric(Metric::tls_handshake_failed) == 8; }));
  CHECK(server.events.wait_for(
      "closed handshake: TLS handshake: certificate verify failed: certificate revoked"));
}

TEST_CASE("a client certificate is asked for, not demanded, with verify_peer alone") {
  Pki pki;
  TlsSettings tls = pki.settings();
  tls.cafile = pki.dir.file("ca.pem");
  tls.verify_peer = true;
  Server server;
  with_tls(server, tls);
  auto context = client_context();
  Client client = Client::tcp(server.port("ssl"));
  REQUIRE(client.start_tls(context.get()) == "");
  CHECK(client.ask("#who").find("cn= ") != std::string::npos);
}

namespace {

unsigned give_psk(SSL*, const char*, char* identity, unsigned max_identity, unsigned char* key,
                  unsigned) {
  std::strncpy(identity, "device-1", max_identity);
  const unsigned char secret[4] = {0xde, 0xad, 0xbe, 0xef};
  std::memcpy(key, secret, sizeof secret);
  return sizeof secret;
}

unsigned give_wrong_psk(SSL* ssl, const char* hint, char* identity, unsigned max_identity,
                        unsigned char* key, unsigned max) {
  const unsigned size = give_psk(ssl, hint, identity, max_identity, key, max);
  key[0] ^= 1;
  return size;
}

}  // namespace

TEST_CASE("pre-shared keys, TLS 1.2 and 1.3") {
  TempDir dir;
  dir.write("psk", "# devices\n\n  device-1:DEADbeef  \nother:00\n");
  TlsSettings tls;
  tls.pskfile = dir.file("psk");
  tls.psk_hint = "keel";
  Server server;
  with_tls(server, tls);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    auto context = client_context(version);
    SSL_CTX_set_psk_client_callback(context.get(), give_psk);
    Client client = Client::tcp(server.port("ssl"));
    REQUIRE(client.start_tls(context.get()) == "");
    CHECK(client.ask("#who").ends_with("psk=device-1"));
    SSL_CTX_set_psk_client_callback(context.get(), give_wrong_psk);
    Client wrong = Client::tcp(server.port("ssl"));
    CHECK(wrong.start_tls(context.get()) != "");
    auto without = client_context(version);
    Client none = Client::tcp(server.port("ssl"));
    CHECK(none.start_tls(without.get()) != "");
  }
}

TEST_CASE("lines of a key file") {
  auto error = [](const char* text) {
    const auto keys = parse_psk_lines(text, "t", "f");
    return keys ? std::string() : keys.error();
  };
  CHECK(error("a:00") == "");
  CHECK(parse_psk_lines("a:b:0aF0\r\n", "t", "f")->at("a:b") == "\x0a\xf0");
  CHECK(error("").find("holds no key") != std::string::npos);
  for (const char* bad : {"a:00\nnokey", "a:00\n:00", "a:00\nb:", "a:00\nb:0", "a:00\nb:0g"}) {
    CAPTURE(bad);
    CHECK(error(bad).find("tls.t.pskfile: f:2: not of the form") == 0);
  }
  CHECK(error(("a:" + std::string(130, '0')).c_str()) != "");
}

TEST_CASE("errors of loading name section, file, cause and remedy") {
  Pki pki;
  pki.dir.write("junk.pem", "junk");
  const Identity other = issue(pki.ca, {.cn = "other", .serial = 3});
  write_key(other, pki.dir.file("other.pem"));
  write_key(pki.server, pki.dir.file("locked.pem"), "secret");
  struct Case {
    std::function<void(TlsSettings&)> spoil;
    std::string error;
  };
  const std::vector<Case> cases = {
      {[](TlsSettings& t) { t.certfile = ""; }, "tls.t.certfile: is missing"},
      {[](TlsSettings& t) { t.certfile = "/nowhere/c.pem"; },
       "tls.t.certfile: cannot read '/nowhere/c.pem': No such file or directory; "},
      {[&](TlsSettings& t) { t.certfile = pki.dir.file("junk.pem"); },
       "holds no usable PEM certificate"},
      {[](TlsSettings& t) { t.keyfile = ""; }, "tls.t.keyfile: is missing"},
      {[&](TlsSettings& t) { t.keyfile = pki.dir.file("junk.pem"); }, "holds no usable PEM key"},
      {[&](TlsSettings& t) { t.keyfile = pki.dir.file("other.pem"); },
       "is not the key of certificate"},
      {[&](TlsSettings& t) { t.keyfile = pki.dir.file("locked.pem"); }, "tls.t.key_password"},
      {[](TlsSettings& t) { t.verify_peer = true; }, "tls.t.cafile: is missing"},
      {[&](TlsSettings& t) {
         t.require_peer = true;
         t.cafile = pki.dir.file("junk.pem");
       },
       "tls.t.cafile: "},
      {[&](TlsSettings& t) { t.crlfile = pki.dir.file("junk.pem"); }, "tls.t.crlfile: "},
      {[](TlsSettings& t) { t.pskfile = "/nowhere/psk"; }, "tls.t.pskfile: cannot read"},
      {[](TlsSettings& t) { t.min_version = "1.1"; }, "tls.t.min_version: '1.1' is not offered"},
      {[](TlsSettings& t) {
         t.min_version = "1.3";
         t.max_version = "1.2";
       },
       "tls.t.min_version: is above max_version"},
      {[](TlsSettings& t) { t.ciphers = "NONSENSE"; }, "tls.t.ciphers: no known cipher"},
      {[](TlsSettings& t) { t.ciphersuites = "NONSENSE"; }, "tls.t.ciphersuites: "},
  };
  for (const Case& c : cases) {
    CAPTURE(c.error);
    TlsSettings tls = pki.settings();
    c.spoil(tls);
    const auto loaded = TlsContext::load("t", tls);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().find(c.error) != std::string::npos);
    CHECK(loaded.error().find("secret") == std::string::npos);
  }
  TlsSettings locked = pki.settings();
  locked.keyfile = pki.dir.file("locked.pem");
  locked.key_password = "secret";
  CHECK(TlsContext::load("t", locked));
  write_certificate(issue(pki.ca, {.cn = "old", .days = -1}), pki.dir.file("old.pem"));
  CHECK(TlsContext::load("t", pki.settings()));
}

TEST_CASE("versions and ciphers are obeyed") {
  Pki pki;
  TlsSettings tls = pki.settings();
  tls.min_version = tls.max_version = "1.3";
  tls.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
  Server server;
  with_tls(server, tls);
  auto old = client_context(TLS1_2_VERSION);
  Client refused = Client::tcp(server.port("ssl"));
  CHECK(refused.start_tls(old.get()) != "");
  auto context = client_context();
  Client client = Client::tcp(server.port("ssl"));
  REQUIRE(client.start_tls(context.get()) == "");
  CHECK(std::string(SSL_get_cipher_name(client.ssl())) == "TLS_CHACHA20_POLY1305_SHA256");
}

TEST_CASE("a handshake that does not end, or is none") {
  Pki pki;
  Server server;
  server.settings.limits.handshake_timeout_ms = 200;
  with_tls(server, pki.settings());
  Client silent = Client::tcp(server.port("ssl"));
  CHECK(silent.at_end());
  CHECK(server.events.next() == "closed handshake: TLS handshake: timed out");
  Client plain = Client::tcp(server.port("ssl"));
  REQUIRE(plain.send("\x10\x0c this is MQTT without TLS"));
  plain.receive(100);
  CHECK(server.events.next().starts_with("closed handshake: TLS handshake: "));
  Client gone = Client::tcp(server.port("ssl"));
  gone.close();
  CHECK(server.events.next() == "closed handshake: TLS handshake: closed by the client");
}

TEST_CASE("TLS behind a PROXY header") {
  Pki pki;
  Server server;
  server.settings.tls["t"] = pki.settings();
  auto& listener = server.listener("ssl", "127.0.0.1:0");
  listener.tls = "t";
  listener.proxy_protocol = true;
  server.start();
  auto context = client_context();
  Client client = Client::tcp(server.port("ssl"));
  REQUIRE(client.send("PROXY TCP4 192.0.2.7 198.51.100.1 5555 8883\r\n"));
  REQUIRE(client.start_tls(context.get()) == "");
  CHECK(client.ask("#who").starts_with("192.0.2.7:5555 ssl TLSv1.3"));
}

TEST_CASE("reloaded certificates serve new connections, a bad file keeps the old") {
  Pki pki;
  Server server;
  with_tls(server, pki.settings());
  auto context = client_context();
  Client before = Client::tcp(server.port("ssl"));
  REQUIRE(before.start_tls(context.get()) == "");
  CHECK(peer_name(before) == "server");

  const Identity renewed = issue(pki.ca, {.cn = "renewed", .serial = 20});
  write_certificate(renewed, pki.dir.file("cert.pem"));
  const auto mismatch = server.listeners.reload_tls();
  REQUIRE_FALSE(mismatch);
  CHECK(mismatch.error().find("is not the key of certificate") != std::string::npos);
  Client meanwhile = Client::tcp(server.port("ssl"));
  REQUIRE(meanwhile.start_tls(context.get()) == "");
  CHECK(peer_name(meanwhile) == "server");

  write_key(renewed, pki.dir.file("key.pem"));
  REQUIRE(server.listeners.reload_tls());
  Client after = Client::tcp(server.port("ssl"));
  REQUIRE(after.start_tls(context.get()) == "");
  CHECK(peer_name(after) == "renewed");
  CHECK(works(before));
  CHECK(works(after));
}

TEST_CASE("changed files are noticed") {
  Pki pki;
  Server server;
  with_tls(server, pki.settings());
  const Identity renewed = issue(pki.ca, {.cn = "renewed", .serial = 20});
  write_key(renewed, pki.dir.file("key.new"));
  write_certificate(renewed, pki.dir.file("cert.new"));
  std::filesystem::rename(pki.dir.file("key.new"), pki.dir.file("key.pem"));
  std::filesystem::rename(pki.dir.file("cert.new"), pki.dir.file("cert.pem"));
  auto context = client_context();
  std::string name;
  for (int i = 0; i < 20 && name != "renewed"; ++i) {
    pollfd changed{.fd = server.listeners.watch_fd(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&changed, 1, 20'000) == 1);
    server.listeners.on_watch_readable();
    Client client = Client::tcp(server.port("ssl"));
    REQUIRE(client.start_tls(context.get()) == "");
    name = peer_name(client);
  }
  CHECK(name == "renewed");
}
