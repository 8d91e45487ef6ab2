#include "emqx_sn/report.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace sn {
namespace {

namespace js = boost::json;
using keel::concat;

// "  keepalive   : 60 seconds"
template <class... A>
void add_line(std::string& out, std::string_view name, const A&... value) {
  constexpr std::size_t kWidth = 14;
  out += concat("  ", name, std::string(kWidth - std::min(kWidth, name.size()), ' '), ": ",
                value..., '\n');
}

const char* words_of(std::uint8_t flags) {
  if ((flags & TopicTable::kRefused) != 0) return "refused";
  if ((flags & TopicTable::kSubscribed) != 0) {
    return (flags & TopicTable::kKnown) != 0 ? "subscribed" : "subscribed, not told";
  }
  return (flags & TopicTable::kKnown) != 0 ? "known" : "not told";
}

js::object backlog_json(const Backlog& backlog) {
  return {{"waiting", backlog.waiting},
          {"inflight", backlog.inflight},
          {"subscriptions", backlog.subscriptions},
          {"dropped", backlog.dropped}};
}

}  // namespace

const char* state_name(Client::State state) {
  switch (state) {
    case Client::State::connecting:
      return "connecting";
    case Client::State::active:
      return "active";
    case Client::State::asleep:
      return "asleep";
    case Client::State::awake:
      return "awake";
    case Client::State::closing:
      return "closing";
    case Client::State::away:
      return "away";
  }
  return "";
}

std::optional<Client::State> state_named(std::string_view text) {
  for (const Client::State state : kStates) {
    if (text == state_name(state)) return state;
  }
  return std::nullopt;
}

std::string type_label(Type type) {
  std::string out;
  const std::string_view known = name(type);
  if (known == name(Type{0x03})) return out;  // what it calls those that are reserved
  for (const char c : known) out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

std::string ClientReport::line() const {
  return concat("SnClient(", on_one_line(id), ", peername=", peer.empty() ? "unknown" : peer,
                ", state=", state_name(state), ", keepalive=", keep_alive_s, ", sleep=", sleep_s,
                ", topics=", topics,
                ", queue=", backlog ? std::to_string(held + backlog->waiting) : "unknown", ")\n");
}

std::string ClientReport::page() const {
  std::string out = line();
  add_line(out, "listener", listener.empty() ? "unknown" : listener);
  if (!identity.empty()) add_line(out, "identity", on_one_line(identity));
  add_line(out, "session", persistent ? "persistent" : "clean");
  add_line(out, "kept", kept ? "yes, it is known again after a restart of the broker" : "no");
  add_line(out, "will", will ? "yes" : "no");
  add_line(out, "held", held, " messages in the gateway, not acknowledged or not sent yet");
  if (!backlog) {
    add_line(out, "waiting", "unknown; it has no connection to the broker");
    return out;
  }
  add_line(out, "waiting", backlog->waiting, " messages in the broker");
  add_line(out, "inflight", backlog->inflight);
  add_line(out, "subscriptions", backlog->subscriptions);
  add_line(out, "dropped", backlog->dropped, " messages since the session began");
  return out;
}

std::string ClientReport::json() const {
  js::object out{{"clientid", id}, {"peername", nullptr}, {"listener", nullptr}};
  if (!peer.empty()) out["peername"] = peer;
  if (!listener.empty()) out["listener"] = listener;
  if (!identity.empty()) out["identity"] = identity;
  out["state"] = state_name(state);
  out["keepalive"] = keep_alive_s;
  out["sleep"] = sleep_s;
  out["persistent"] = persistent;
  out["kept"] = kept;
  out["will"] = will;
  out["topics"] = topics;
  out["held"] = held;
  out["broker"] = backlog ? js::value(backlog_json(*backlog)) : js::value(nullptr);
  return js::serialize(out);
}

std::string TopicReport::line() const {
  const std::string number = std::to_string(id);
  return concat(std::string(5 - std::min<std::size_t>(5, number.size()), ' '), number, "  ",
                on_one_line(name), "  (", words_of(flags), ")\n");
}

std::string TopicReport::json() const {
  return js::serialize(js::object{{"id", id}, {"topic", name}, {"state", words_of(flags)}});
}

std::string predefined_text(const Predefined& names) {
  std::string out;
  names.each([&](const std::string& client, std::uint16_t id, const std::string& topic) {
    out += concat(client.empty() ? "*" : on_one_line(client), "  ", id, "  ", on_one_line(topic),
                  '\n');
  });
  return out.empty() ? "there are none; see mqtt.sn.predefined.topic.*\n" : out;
}

std::string predefined_json(const Predefined& names) {
  js::array out;
  names.each([&](const std::string& client, std::uint16_t id, const std::string& topic) {
    js::object row{{"clientid", nullptr}, {"id", id}, {"topic", topic}};
    if (!client.empty()) row["clientid"] = client;
    out.push_back(std::move(row));
  });
  return js::serialize(out) + '\n';
}

}  // namespace sn
