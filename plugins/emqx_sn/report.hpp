// What `ctl sn ...` says, as text for people and as JSON. No I/O; any thread.
#pragma once

#include <cstdint>
#include <keel/text.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emqx_sn/client.hpp"
#include "emqx_sn/predefined.hpp"
#include "gateway_report/report.hpp"

namespace sn {

using keel::gateway::Figure;
using keel::gateway::on_one_line;

constexpr Client::State kStates[] = {Client::State::connecting, Client::State::active,
                                     Client::State::asleep,     Client::State::awake,
                                     Client::State::closing,    Client::State::away};
// "asleep"
const char* state_name(Client::State state);
std::optional<Client::State> state_named(std::string_view text);

// "publish"; empty: there is no such type.
std::string type_label(Type type);

// What the broker has for a client.
struct Backlog {
  std::uint32_t waiting = 0, inflight = 0, subscriptions = 0;
  std::uint64_t dropped = 0;
};

struct ClientReport {
  std::string id, peer, listener, identity;  // peer: empty: nobody knows where it is
  Client::State state{};
  std::uint16_t keep_alive_s = 0, sleep_s = 0;
  bool persistent = false, will = false;
  bool kept = false;  // in the broker's store, as it is now
  std::size_t topics = 0, held = 0;
  std::optional<Backlog> backlog;  // none: it has no connection

  std::string line() const;
  std::string page() const;  // several lines
  std::string json() const;
};

struct TopicReport {
  std::uint16_t id = 0;
  std::string name;
  std::uint8_t flags = 0;  // TopicTable::Flag

  std::string line() const;
  std::string json() const;
};

std::string predefined_text(const Predefined& names);
std::string predefined_json(const Predefined& names);

}  // namespace sn
