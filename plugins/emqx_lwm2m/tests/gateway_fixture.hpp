// The gateway on FakeHost, as its tests need it. All datagrams arrive on shard 0; the home of "c1"
// is shard 0, that of "c2" is shard 1. Messages are lines of text, see coap_text.hpp.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <keel/fake.hpp>
#include <keel/plugin.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coap_text.hpp"

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace gateway_test {

constexpr std::string_view kA = "127.0.0.1:40001", kB = "127.0.0.1:40002", kC = "10.0.0.9:5";

// An empty directory that goes with it.
class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "lwm2m-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string text() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

using Settings = std::vector<std::pair<std::string, std::string>>;

struct Gateway {
  // `state`: a directory for the journal; null: nothing is kept.
  explicit Gateway(const Settings& settings = {}, const Directory* state = nullptr,
                   std::uint32_t shards = 2)
      : host(shards) {
    host.set("lwm2m.port", "127.0.0.1:5683");
    host.set("lwm2m.certfile", "");
    host.set("lwm2m.keyfile", "");
    host.set("lwm2m.xml_dir", "/nowhere");
    host.set("lwm2m.persist", state ? "true" : "false");
    host.set("lwm2m.username", "devices");
    host.set("lwm2m.password", "secret");
    host.set("lwm2m.lifetime_grace", "0s");
    if (state) host.state_dir = state->text();
    for (const auto& [key, value] : settings) host.set(key, value);
    const keel::Status loaded = host.load(keel_plugin_entry_v1);
    INFO(loaded.text());
    REQUIRE(loaded);
    host.run_jobs();
    host.advance(200);
  }
  ~Gateway() {
    for (const std::string& what : host.misuse()) FAIL_CHECK(what);
    for (const std::string& what : host.exceptions) FAIL_CHECK(what);
  }

  // What was sent since last time: "40001: ACK 2.04 #1" each, joined by "; ".
  std::string heard() {
    std::string out;
    for (const keel::FakeDatagram& sent : host.datagrams_sent) {
      if (!out.empty()) out += "; ";
      out += sent.peer.substr(sent.peer.rfind(':') + 1) + ": " + coap_test::say(sent.bytes, tokens);
    }
    host.datagrams_sent.clear();
    return out;
  }
  // What is heard of a datagram, or of a message.
  std::string send(std::string_view octets, std::string_view from = kA,
                   std::optional<keel::FakeVerified> verified = std::nullopt) {
    host.datagram(octets, from, to, std::move(verified));
    return heard();
  }
  std::string say(const std::string& text, std::string_view from = kA,
                  std::optional<keel::FakeVerified> verified = std::nullopt) {
    return send(coap_test::encode(text, tokens), from, std::move(verified));
  }
  // Registers; its location, or what was heard if that is no success.
  std::string join(const std::string& endpoint, std::string_view from = kA,
                   const std::string& more = "",
                   std::optional<keel::FakeVerified> verified = std::nullopt) {
    const std::string text = "CON POST #" + std::to_string(next_id++) +
                             " xA1B2 /rd ?lwm2m=1.0 ?ep=" + endpoint + " ?lt=60 " + more +
                             " ct=40 '</1/0>,</3/0>";
    const std::string answer = say(text, from, std::move(verified));
    const std::size_t at = answer.find("loc=rd loc=");
    return at == answer.npos || answer.find("2.01") == answer.npos ? answer
                                                                   : answer.substr(at + 11);
  }
  // The code of the answer to an Update.
  std::string update(const std::string& location, std::string_view from = kA,
                     std::optional<keel::FakeVerified> verified = std::nullopt) {
    const std::string answer =
        say("CON POST #" + std::to_string(next_id++) + " xC3 /rd /" + location, from,
            std::move(verified));
    const std::size_t at = answer.find("ACK ");
    return at == answer.npos ? answer : answer.substr(at + 4, 4);
  }
  bool is_open(std::string_view endpoint) {
    const auto* const session = host.session(endpoint);
    return session && session->open;
  }
  // What a client has published since last time: "topic payload" each, joined by newlines.
  std::string published(std::string_view client) {
    std::string out;
    auto* const session = host.session(client);
    if (!session) return out;
    for (const keel::FakeMessage& message : std::exchange(session->published, {})) {
      if (!out.empty()) out += "\n";
      out += message.topic + " " + message.payload;
    }
    return out;
  }
  void command(const std::string& endpoint, const std::string& json, std::uint8_t qos = 0) {
    host.deliver(endpoint, {"lwm2m/" + endpoint + "/command", json, qos});
  }
  std::string health() { return host.health().second; }

  keel::FakeHost host;
  coap_test::Tokens tokens;
  std::string_view to = {};
  int next_id = 100;
};

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace gateway_test
