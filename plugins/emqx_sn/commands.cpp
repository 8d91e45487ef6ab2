#include "emqx_sn/commands.hpp"

#include <algorithm>

#include "emqx_sn/gateway.hpp"
#include "emqx_sn/metrics.hpp"
#include "emqx_sn/report.hpp"
#include "gateway_report/replies.hpp"

namespace sn {
namespace {

using keel::concat;
using keel::CtlCall;
using keel::CtlReply;

std::string peer_text(const Peer& peer) {
  if (!peer) return {};
  std::string out = peer.address.text();
  if (peer.node.empty()) return out;
  out += '/';
  for (const char octet : peer.node) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(octet);
    out += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

// What the gateway knows; the broker's part comes from ask().
ClientReport report_of(const Device& device) {
  const Client& client = device.client();
  ClientReport out;
  out.id = device.id();
  out.peer = peer_text(device.link.peer);
  if (device.link.peer) out.listener = device.link.peer.listener->settings().name;
  if (device.proof) {
    out.identity =
        device.proof->psk_identity.empty() ? device.proof->cn : device.proof->psk_identity;
  }
  out.state = client.state();
  out.keep_alive_s = client.keep_alive_s();
  out.sleep_s = client.sleep_s();
  out.persistent = client.persistent();
  out.kept = device.kept.stored && !device.kept.waits;
  out.will = client.has_will();
  out.topics = client.topics().size();
  out.held = client.held();
  return out;
}

Backlog backlog_of(const keel_session_stats& stats) {
  return {stats.waiting, stats.inflight, stats.subscriptions, stats.dropped};
}

// `sn list`: every shard goes through its clients, a few hundred at a time, and asks the broker
// about each; the shard that is done last answers.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(const CtlCall& call, std::optional<Client::State> only, std::uint32_t shards)
      : lines_(call, shards), only_(only) {}

  // [shard]
  void slice(ShardRoom& room, std::size_t place) {
    const auto some = std::make_shared<Slice>();
    some->next = room.some(place, [&](const Device& device) {
      if (only_ && device.client().state() != *only_) return;
      some->reports.push_back(report_of(device));
      const std::size_t at = some->reports.size() - 1;
      const keel::Status asked = device.session().inspect(
          [self = shared_from_this(), &room, some, at](const keel_session_stats* stats) {
            if (stats) some->reports[at].backlog = backlog_of(*stats);
            self->answered(room, *some);
          });
      if (asked) ++some->pending;
    });
    answered(room, *some);
  }

 private:
  struct Slice {
    std::vector<ClientReport> reports;
    std::size_t next = 0;
    std::size_t pending = 1;  // answers of the broker, and the end of the asking
  };

  void answered(ShardRoom& room, Slice& some) {
    if (--some.pending != 0) return;
    for (const ClientReport& report : some.reports) lines_.add(room.index, report);
    if (some.next == 0) return lines_.finished();
    room.common.host.shards()
        .post(room.index,
              [self = shared_from_this(), &room, next = some.next] { self->slice(room, next); })
        .ignore();
  }

  keel::gateway::ShardLines lines_;
  const std::optional<Client::State> only_;
};

int list(CtlCall& call, const Gateway& gateway) {
  std::optional<Client::State> only;
  if (call.size() == 2 && !(only = state_named(call[1]))) {
    call.print("'", on_one_line(call[1]), "' is no state; there are connecting, active, asleep, ",
               "awake, closing and away\n");
    return KEEL_EXIT_ERROR;
  }
  const auto listing = std::make_shared<Listing>(call, only, gateway.shards());
  gateway.on_each([listing](ShardRoom& room) { listing->slice(room, 0); });
  return KEEL_EXIT_LATER;
}

void no_client(const CtlReply& reply, std::string_view id) {
  reply.fail(concat("there is no client '", on_one_line(id), "' here; see ctl sn list\n")).ignore();
}

int show(CtlCall& call, const Gateway& gateway) {
  gateway.on_home(call[1], [id = std::string(call[1]), reply = call.reply(),
                            json = call.json()](ShardRoom& room) {
    const Device* const device = room.find(id);
    if (!device) return no_client(reply, id);
    const auto report = std::make_shared<ClientReport>(report_of(*device));
    const auto answer = [report, reply, json](const keel_session_stats* stats) {
      if (stats) report->backlog = backlog_of(*stats);
      reply.ok(json ? report->json() + '\n' : report->page()).ignore();
    };
    if (!device->session().inspect(answer)) answer(nullptr);
  });
  return KEEL_EXIT_LATER;
}

std::string topics_text(const TopicTable& topics, bool json) {
  std::vector<std::string> all;
  topics.each([&](std::uint16_t id, std::string_view name, std::uint8_t flags) {
    const TopicReport report{id, std::string(name), flags};
    all.push_back(json ? report.json() : report.line());
  });
  return keel::gateway::listed(all, json, "it has no topic ids\n");
}

// There may be tens of thousands: they are copied on the shard and put into words elsewhere.
int topics(CtlCall& call, const Gateway& gateway) {
  gateway.on_home(call[1], [id = std::string(call[1]), reply = call.reply(),
                            json = call.json()](ShardRoom& room) {
    const Device* const device = room.find(id);
    if (!device) return no_client(reply, id);
    const auto copy = std::make_shared<const TopicTable>(device->client().topics());
    const keel::Status begun = room.common.host.workers().run(
        [copy, json] { return topics_text(*copy, json); },
        [reply](const keel::Result<std::string>& text) {
          (text ? reply.ok(*text) : reply.fail(concat(text.text(), '\n'))).ignore();
        });
    if (!begun) reply.fail(concat(begun.text(), '\n')).ignore();
  });
  return KEEL_EXIT_LATER;
}

int predefined(CtlCall& call, const SettingsPtr& settings) {
  const Predefined& names = *settings->clients->predefined;
  call.print(call.json() ? predefined_json(names) : predefined_text(names));
  return KEEL_EXIT_OK;
}

int kick(CtlCall& call, const Gateway& gateway) {
  gateway.on_home(call[1], [id = std::string(call[1]), reply = call.reply()](ShardRoom& room) {
    if (!room.find(id)) return no_client(reply, id);
    if (room.kick(id)) {
      room.common.host.log().notice("ctl: client=", on_one_line(id), " kicked");
      reply.ok("ok\n").ignore();
    } else {
      reply.fail(concat("client '", on_one_line(id), "' is not connected\n")).ignore();
    }
  });
  return KEEL_EXIT_LATER;
}

void add_packets(const char* group, const Metrics& metrics,
                 std::uint64_t (Metrics::*of)(std::size_t) const, std::vector<Figure>& out) {
  for (std::size_t i = 0; i < Metrics::kTypes; ++i) {
    const std::uint64_t n = (metrics.*of)(i);
    if (n != 0) out.push_back({group, type_label(static_cast<Type>(i)), n});
  }
}

std::vector<Figure> figures(const Gateway& gateway, const Metrics& metrics) {
  std::vector<Figure> out;
  for (const Client::State state : kStates) {
    out.push_back({"clients", state_name(state), gateway.count(state)});
  }
  add_packets("packets_in", metrics, &Metrics::packets_in, out);
  add_packets("packets_out", metrics, &Metrics::packets_out, out);
  for (const Metrics::Total& total : metrics.totals()) {
    out.push_back({"events", total.name, total.value});
  }
  for (const Listener* const listener : gateway.listeners().open()) {
    keel::gateway::add_socket(*listener, out);
  }
  return out;
}

int stats(const CtlCall& call, const keel::Host& host, const Gateway& gateway, Metrics& metrics) {
  return keel::gateway::tell_figures(
      call, host, gateway, [&metrics](ShardRoom& room) { metrics.take(room.counters); },
      [&gateway, &metrics] { return figures(gateway, metrics); });
}

}  // namespace

keel::Status add_commands(keel::Host& host, const Gateway& gateway, Metrics& metrics,
                          std::function<SettingsPtr()> settings) {
  return host.ctl().add(
      "sn",
      {{"sn list [<State>]", "List the MQTT-SN clients, or those in a state such as asleep"},
       {"sn show <ClientId>", "Show a client, and what waits for it"},
       {"sn topics <ClientId>", "Show the topic ids of a client"},
       {"sn predefined", "Show the pre-defined topic ids"},
       {"sn kick <ClientId>", "Disconnect a client"},
       {"sn stats", "Show what was counted since the plugin was loaded"}},
      [&host, &gateway, &metrics, settings = std::move(settings)](CtlCall& call) -> int {
        const std::string_view verb = call[0];
        if (verb == "list" && call.size() <= 2) return list(call, gateway);
        if (verb == "show" && call.size() == 2) return show(call, gateway);
        if (verb == "topics" && call.size() == 2) return topics(call, gateway);
        if (verb == "kick" && call.size() == 2) return kick(call, gateway);
        if (verb == "predefined" && call.size() == 1) return predefined(call, settings());
        if (verb == "stats" && call.size() == 1) return stats(call, host, gateway, metrics);
        return KEEL_EXIT_USAGE;
      });
}

}  // namespace sn
