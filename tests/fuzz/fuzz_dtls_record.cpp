// Datagrams from strangers to a DTLS server: the parsers stay within bounds, and nothing is kept of
// anybody who has no cookie.
#include <sys/socket.h>

#include <memory>

#include "check.hpp"
#include "kernel/net/dtls_records.hpp"
#include "kernel/net/dtls_server.hpp"

using namespace keel::kernel;

namespace {

struct Nobody final : DtlsHandler {
  void on_datagrams(std::span<const Datagram>) override { FUZZ_CHECK(false); }
  void on_session_opened(const Endpoint&, const PeerInfo::Verified&) override { FUZZ_CHECK(false); }
  void on_session_closed(const Endpoint&, const PeerInfo::Verified&, DtlsCloseReason) override {
    FUZZ_CHECK(false);
  }
};

// A server whose shard does not run; datagrams are handed to it.
struct Fixture {
  Fixture() {
    address.endpoint = *Endpoint::parse("127.0.0.1");
    socket = std::make_unique<UdpSocket>(shard, *open_udp_socket(address, {}), nobody,
                                         UdpSocket::Options{.address = address});
    TlsOptions options{.datagram = true};
    options.psk_lookup = [](const std::string&) { return std::optional<std::string>("key"); };
    server = std::make_unique<DtlsServer>(*socket, *TlsContext::load("fuzz", {}, options), nobody,
                                          DtlsServer::Options{.name = "fuzz"});
  }
  Nobody nobody;
  Shard shard{0};
  BindAddress address;
  std::unique_ptr<UdpSocket> socket;
  std::unique_ptr<DtlsServer> server;
};

void check_parsers(Bytes bytes) {
  FUZZ_CHECK(count_encrypted(bytes) <= bytes.size() / 13 + 1);
  const auto hello = parse_hello(bytes);
  if (!hello) return;
  FUZZ_CHECK(looks_like_hello(bytes));
  FUZZ_CHECK(hello->random.size() == 32 && hello->record_number.size() == 6);
  FUZZ_CHECK(hello->cookie.empty() ||
             (hello->cookie.data() > bytes.data() &&
              hello->cookie.data() + hello->cookie.size() <= bytes.data() + bytes.size()));
  const HelloVerify answer = make_hello_verify(*hello, DtlsCookie::Value{});
  FUZZ_CHECK(answer.size() <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture* const fixture = new Fixture;
  // A copy of its own, so that a byte too far is noticed.
  const std::unique_ptr<char[]> copy(new char[size]);
  std::copy(data, data + size, copy.get());
  const Bytes bytes(copy.get(), size);
  check_parsers(bytes);
  const Datagram datagram{*Endpoint::parse("127.0.0.1", 9), fixture->address.endpoint, bytes,
                          nullptr};
  static_cast<DatagramHandler&>(*fixture->server).on_datagrams({&datagram, 1});
  FUZZ_CHECK(fixture->server->sessions() == 0);
  FUZZ_CHECK(fixture->server->handshakes() == 0);
  return 0;
}
