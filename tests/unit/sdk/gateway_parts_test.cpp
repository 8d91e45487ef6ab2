// What gateways are made of: the wheel, mailboxes, the limit of answers, proofs, secret hashes and
// listeners.
#include <doctest/doctest.h>

#include <keel/answer_limit.hpp>
#include <keel/fake.hpp>
#include <keel/mailbox.hpp>
#include <keel/plugin.hpp>
#include <keel/proof.hpp>
#include <keel/secret_hash.hpp>
#include <keel/udp_listeners.hpp>
#include <keel/wheel.hpp>
#include <set>

namespace {

struct Item : keel::WheelItem {
  void on_time() {
    ++woken;
    if (then) then();
  }
  int woken = 0;
  std::function<void()> then;
};

}  // namespace

TEST_CASE("wheel: items are woken at their time, once") {
  keel::Wheel<Item> wheel(1'000);
  Item soon, later, far, never;
  wheel.wake_at(soon, 1'250);
  wheel.wake_at(later, 40'000);
  wheel.wake_at(far, 500'000);  // several rounds away
  wheel.wake_at(never, 2'000);
  wheel.wake_at(never, 0);
  for (std::int64_t now = 1'000; now <= 600'000; now += 100) {
    wheel.turn(now);
    CAPTURE(now);
    REQUIRE(soon.woken == (now >= 1'300 ? 1 : 0));
    REQUIRE(later.woken == (now >= 40'000 ? 1 : 0));
    REQUIRE(far.woken == (now >= 500'000 ? 1 : 0));
  }
  CHECK(never.woken == 0);
}

TEST_CASE("wheel: a later order replaces an earlier one, both ways") {
  keel::Wheel<Item> wheel(0);
  Item item;
  wheel.wake_at(item, 1'000);
  wheel.wake_at(item, 5'000);
  wheel.turn(4'900);
  CHECK(item.woken == 0);
  wheel.wake_at(item, 20'000);
  wheel.wake_at(item, 6'000);
  wheel.turn(6'000);
  CHECK(item.woken == 1);
  wheel.turn(30'000);
  CHECK(item.woken == 1);
}

TEST_CASE("wheel: what is woken may order again, or end itself and others") {
  keel::Wheel<Item> wheel(0);
  auto first = std::make_unique<Item>(), second = std::make_unique<Item>();
  Item again;
  int rounds = 0;
  again.then = [&] {
    if (++rounds < 3) wheel.wake_at(again, 200 + 100 * rounds);
  };
  first->then = [&] { second.reset(); };
  wheel.wake_at(*first, 150);
  wheel.wake_at(*second, 150);
  wheel.wake_at(again, 150);
  wheel.turn(1'000);
  CHECK(first->woken == 1);
  CHECK(second == nullptr);
  CHECK(rounds == 3);
}

TEST_CASE("wheel: time that was slept through is made up for") {
  keel::Wheel<Item> wheel(0);
  Item item;
  wheel.wake_at(item, 100);
  wheel.turn(1'000'000);
  CHECK(item.woken == 1);
}

TEST_CASE("mailbox: letters come in order, with their octets") {
  struct Letter {
    int number;
    std::unique_ptr<int> owned = nullptr;
  };
  keel::Mailbox<Letter> box;
  using Put = keel::Mailbox<Letter>::Put;
  CHECK(box.put({1}, "one") == Put::first);
  CHECK(box.put({2}) == Put::added);
  CHECK(box.put({3, std::make_unique<int>(7)}, "three") == Put::added);
  std::string seen;
  box.take().each([&](Letter& letter, std::string_view bytes) {
    seen += std::to_string(letter.number) + std::string(bytes) + ";";
    if (letter.owned) seen += std::to_string(*letter.owned);
  });
  CHECK(seen == "1one;2;3three;7");
  CHECK(box.take().empty());
  CHECK(box.put({4}) == Put::first);
}

TEST_CASE("mailbox: it is full at some time, but not for what is urgent") {
  keel::Mailbox<int> letters;
  using Put = keel::Mailbox<int>::Put;
  std::size_t n = 0;
  while (letters.put(1) != Put::full) ++n;
  CHECK(n == keel::Mailbox<int>::kMostLetters);
  CHECK(letters.put(1, {}, true) == Put::added);
  letters.take();
  CHECK(letters.put(1) == Put::first);

  keel::Mailbox<int> octets;
  const std::string large(1 << 20, 'x');
  for (n = 0; octets.put(1, large) != Put::full;) ++n;
  CHECK(n == 4);
  CHECK(octets.put(1) == Put::added);  // it has none
}

TEST_CASE("answers to strangers: so many for each, so many in all, in a second") {
  keel::AnswerLimit limit(2, 5);
  CHECK(limit.allow(1, 1'000));
  CHECK(limit.allow(1, 1'100));
  CHECK_FALSE(limit.allow(1, 1'999));
  CHECK(limit.allow(2, 1'999));
  CHECK(limit.allow(2, 1'999));
  CHECK(limit.allow(3, 1'999));
  CHECK_FALSE(limit.allow(4, 1'999));
  CHECK(limit.allow(1, 2'000));
}

TEST_CASE("a proof is a copy, and whom it names can be compared") {
  keel_verified c{};
  c.size = sizeof c;
  std::string name = "dev1";
  c.psk_identity = keel::to_c(name);
  c.cipher = keel::to_c("PSK-AES128-CCM8");
  const keel::ProofPtr proof = keel::copy_proof(keel::Verified(&c));
  REQUIRE(proof);
  CHECK(keel::same_identity(proof.get(), keel::Verified(&c)));
  name = "dev2";
  CHECK_FALSE(keel::same_identity(proof.get(), keel::Verified(&c)));
  CHECK(proof->psk_identity == "dev1");
  CHECK(keel::Verified(nullptr).c() == nullptr);
  const keel_verified again = proof->c();
  CHECK(keel::same_identity(proof.get(), keel::Verified(&again)));
  CHECK(keel::copy_proof(keel::Verified(nullptr)) == nullptr);
  CHECK(keel::same_identity(nullptr, keel::Verified(nullptr)));
  CHECK_FALSE(keel::same_identity(nullptr, keel::Verified(&c)));
  CHECK_FALSE(keel::same_identity(proof.get(), keel::Verified(nullptr)));
}

TEST_CASE("a proof is handed over whole, nobody's as nobody's") {
  keel::Proof all;
  int number = 0;
  for (std::string* text :
       {&all.cn, &all.san, &all.dn, &all.psk_identity, &all.tls_version, &all.cipher}) {
    *text = "text " + std::to_string(number++);
  }
  std::string blob;
  keel::FieldWriter to(blob);
  CHECK(keel::write_proof(to, std::make_unique<keel::Proof>(all)));
  CHECK(keel::write_proof(to, nullptr));
  keel::FieldReader from(blob);
  keel::ProofPtr proof, none;
  REQUIRE(keel::read_proof(from, proof));
  REQUIRE(keel::read_proof(from, none));
  CHECK(from.at_end());
  CHECK_FALSE(none);
  REQUIRE(proof);
  CHECK(proof->cn == all.cn);
  CHECK(proof->san == all.san);
  CHECK(proof->dn == all.dn);
  CHECK(proof->psk_identity == all.psk_identity);
  CHECK(proof->tls_version == all.tls_version);
  CHECK(proof->cipher == all.cipher);
  for (std::size_t cut = 0; cut + 1 < blob.size(); ++cut) {
    CAPTURE(cut);
    keel::FieldReader less(std::string_view(blob).substr(0, cut));
    keel::ProofPtr partly;
    CHECK_FALSE(keel::read_proof(less, partly));
  }
}

TEST_CASE("a secret hash tells keys apart, and secrets") {
  const auto address = [](const char* text) { return *keel::Address::parse(text); };
  const auto of = [&](std::uint64_t secret, const char* text) {
    return keel::SecretHash(secret).add(address(text)).value();
  };
  CHECK(of(1, "10.0.0.1:5") == of(1, "10.0.0.1:5"));
  CHECK(of(1, "10.0.0.1:5") != of(2, "10.0.0.1:5"));
  std::set<std::size_t> seen;
  for (const char* const text : {"10.0.0.1:5", "10.0.0.1:6", "10.0.0.2:5", "[::1]:5", "[::2]:5"}) {
    seen.insert(of(1, text));
  }
  CHECK(seen.size() == 5);
  CHECK(keel::SecretHash(1).add_host(address("10.0.0.1:5")).value() ==
        keel::SecretHash(1).add_host(address("10.0.0.1:6")).value());
  CHECK(keel::SecretHash(1).add("ab").value() != keel::SecretHash(1).add("a").add("b").value());
  CHECK(keel::SecretHash(1).add(std::string_view("a\0", 2)).value() !=
        keel::SecretHash(1).add("a").value());
  CHECK(keel::SecretHash(1).add("longer than a word").value() !=
        keel::SecretHash(1).add("longer than a worD").value());
}

// ---- listeners ----

namespace {

struct Dtls {
  keel::Tls tls() const { return {.certfile = "cert.pem"}; }
  friend bool operator==(const Dtls&, const Dtls&) = default;
};
struct Settings {
  std::string name, key, address;
  std::optional<Dtls> dtls = {};
  keel::UdpOptions options(const keel::Tls* tls) const {
    return {.address = address, .per_shard = true, .tls = tls};
  }
  friend bool operator==(const Settings&, const Settings&) = default;
};
using Listener = keel::UdpListener<Settings>;

// Listens where "p.addresses" says; those that begin with '!' have DTLS.
class Plugin final : public keel::Plugin {
 public:
  using keel::Plugin::Plugin;
  static constexpr keel::Setting settings[] = {
      keel::strings("p.addresses", "", "Where to listen").reloadable()};

  keel::Status start() override { return listeners_.start(wanted()); }
  keel::Status apply(std::span<const std::string_view>) override {
    std::vector<Listener*> closed;
    const keel::Status status = listeners_.change(wanted(), closed);
    for (const Listener* one : closed) host().log().notice("closed ", one->settings().name);
    return status;
  }
  keel::Health health() override {
    return {listeners_.complete() ? keel::Health::good : keel::Health::degraded,
            keel::concat(listeners_.describe(), listeners_.loopback_only() ? "here" : "anywhere")};
  }

 private:
  static void receive(void* plugin, Listener& listener, const keel::Datagram& datagram) {
    auto& self = *static_cast<Plugin*>(plugin);
    self.host().log().notice(listener.title(), listener.sticky() ? " sticky " : " ",
                             datagram.text());
    self.host().udp().send(listener.id(), datagram.peer(), "answer").ignore();
  }
  std::vector<Settings> wanted() const {
    std::vector<Settings> out;
    for (std::string address : host().config().list("p.addresses")) {
      const bool dtls = address.starts_with('!');
      if (dtls) address.erase(0, 1);
      out.push_back({"p:" + address, "p.addresses", address,
                     dtls ? std::optional<Dtls>(Dtls()) : std::nullopt});
    }
    return out;
  }

  keel::UdpListeners<Settings> listeners_{host(), "p", &Plugin::receive, this};
};

}  // namespace

TEST_CASE("listeners: opened, changed and described") {
  keel::FakeHost host;
  host.set("p.addresses", "127.0.0.1:1000, !127.0.0.1:1001");
  REQUIRE(host.load<Plugin>());
  CHECK(host.health().second ==
        "p:127.0.0.1:1000 at 127.0.0.1:1000; p:127.0.0.1:1001 at 127.0.0.1:1001; here");
  host.datagram("hello", "10.0.0.1:5", "127.0.0.1:1000");
  CHECK(host.logged("p:udp:1000 hello"));
  host.datagram("hello", "10.0.0.1:5", "127.0.0.1:1001");
  CHECK(host.logged("p:dtls:1001 sticky hello"));
  CHECK(host.datagrams_sent.size() == 2);

  REQUIRE(host.reload({{"p.addresses", "127.0.0.1:1000, 0.0.0.0:1002"}}));
  CHECK(host.logged("closed p:127.0.0.1:1001"));
  CHECK_FALSE(host.logged("closed p:127.0.0.1:1000"));
  CHECK(host.health().second.ends_with("anywhere"));
  host.datagram("hello", "10.0.0.1:5", "0.0.0.0:1002");
  CHECK(host.logged("p:udp:1002 sticky hello"));
}

TEST_CASE("listeners: a plain one that cannot be bound is an error, one with DTLS is left out") {
  keel::FakeHost host;
  host.set("p.addresses", "127.0.0.1:1000");
  host.fail_next("udp.bind", KEEL_E_IO);
  const keel::Status refused = host.load<Plugin>();
  CHECK_FALSE(refused);
  CHECK(refused.text().find("p.addresses: 127.0.0.1:1000") != std::string_view::npos);

  host.set("p.addresses", "!127.0.0.1:1001, 127.0.0.1:1000");
  host.fail_next("udp.bind", KEEL_E_IO);
  REQUIRE(host.load<Plugin>());
  CHECK(host.health().first == KEEL_HEALTH_DEGRADED);
  CHECK(host.health().second.find("p:127.0.0.1:1001 is not started") != std::string::npos);
}

TEST_CASE("listeners: a change that fails leaves all as it was") {
  keel::FakeHost host;
  host.set("p.addresses", "127.0.0.1:1000");
  REQUIRE(host.load<Plugin>());
  host.fail_next("udp.bind", KEEL_E_IO);
  CHECK_FALSE(host.reload({{"p.addresses", "127.0.0.1:1003"}}));
  CHECK(host.udp_addresses() == std::vector<std::string>{"127.0.0.1:1000"});
  host.datagram("hello", "10.0.0.1:5");
  CHECK(host.logged("p:udp:1000 hello"));
}
