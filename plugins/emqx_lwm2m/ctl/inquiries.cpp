#include "emqx_lwm2m/ctl/inquiries.hpp"

#include "emqx_lwm2m/gateway/gateway.hpp"
#include "emqx_lwm2m/metrics.hpp"
#include "emqx_lwm2m/report.hpp"
#include "gateway_report/replies.hpp"

namespace lwm2m {
namespace {

using keel::concat;
using keel::CtlCall;
using keel::CtlReply;

DeviceReport report_of(const ShardRoom& room, const Resident& resident) {
  const Device& device = resident.device();
  DeviceReport out;
  out.registration = device.registration();
  if (resident.place.peer) {
    out.peer = resident.place.peer.address.text();
    out.listener = resident.place.peer.listener->settings().name;
  }
  if (resident.proof) {
    out.identity =
        resident.proof->psk_identity.empty() ? resident.proof->cn : resident.proof->psk_identity;
  }
  out.left_s = (device.expires_ms() - room.now_ms()) / 1000;
  out.reachable = device.reachable();
  out.waiting = device.waiting();
  device.each_observation([&](const Device::ObservationView&) { ++out.observations; });
  return out;
}

// `lwm2m list`: every shard goes through its devices, a few hundred at a time; the shard that is
// done last answers.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(const CtlCall& call, std::uint32_t shards) : lines_(call, shards) {}

  // [shard]
  void slice(ShardRoom& room, std::size_t place) {
    const std::size_t next = room.some(place, [&](const Resident& resident) {
      lines_.add(room.index, report_of(room, resident));
    });
    if (next == 0) return lines_.finished();
    room.common.host.shards()
        .post(room.index, [self = shared_from_this(), &room, next] { self->slice(room, next); })
        .ignore();
  }

 private:
  keel::gateway::ShardLines lines_;
};

// Runs fn(room, resident), which makes the answer, where the device of the call is.
template <class F>
int ask(const CtlCall& call, const Gateway& gateway, F fn) {
  gateway.on_home(call[1], [endpoint = std::string(call[1]), reply = call.reply(),
                            fn = std::move(fn)](ShardRoom& room) {
    const Resident* const resident = room.find(endpoint);
    if (!resident) return no_device(reply, endpoint);
    reply.ok(fn(room, *resident)).ignore();
  });
  return KEEL_EXIT_LATER;
}

// Lines, or what stands for none of them; or a JSON list.
template <class Reports>
std::string text_of(const Reports& reports, bool json, const char* none) {
  std::vector<std::string> all;
  for (const auto& report : reports) all.push_back(json ? report.json() : report.line());
  return keel::gateway::listed(all, json, none);
}

std::vector<Figure> figures(const Gateway& gateway, const Metrics& metrics) {
  std::vector<Figure> out;
  out.push_back({"devices", "registered", gateway.devices()});
  out.push_back({"devices", "newcomers", gateway.newcomers()});
  for (const Metrics::Total& total : metrics.totals()) {
    out.push_back({total.group, total.name, total.value});
  }
  for (const Listener* const listener : gateway.listeners().open()) {
    keel::gateway::add_socket(*listener, out);
  }
  return out;
}

}  // namespace

void no_device(const CtlReply& reply, std::string_view endpoint) {
  reply.fail(concat("there is no device '", on_one_line(endpoint), "' here; see ctl lwm2m list\n"))
      .ignore();
}

int list(const CtlCall& call, const Gateway& gateway) {
  const auto listing = std::make_shared<Listing>(call, gateway.shards());
  gateway.on_each([listing](ShardRoom& room) { listing->slice(room, 0); });
  return KEEL_EXIT_LATER;
}

int show(const CtlCall& call, const Gateway& gateway) {
  return ask(call, gateway, [json = call.json()](ShardRoom& room, const Resident& resident) {
    const DeviceReport report = report_of(room, resident);
    return json ? report.json() + '\n' : report.page();
  });
}

int objects(const CtlCall& call, const Gateway& gateway) {
  return ask(call, gateway, [json = call.json()](ShardRoom& room, const Resident& resident) {
    const Definitions& definitions = *room.settings()->devices->definitions;
    const Registration registration = resident.device().registration();
    return json ? objects_json(registration, definitions) : objects_text(registration, definitions);
  });
}

int queue(const CtlCall& call, const Gateway& gateway) {
  return ask(call, gateway, [json = call.json()](ShardRoom& room, const Resident& resident) {
    std::vector<WaitingReport> all;
    const std::int64_t now = room.now_ms();
    resident.device().each_waiting([&](std::string_view payload, std::int64_t expires_ms) {
      WaitingReport& report = all.emplace_back();
      report.command = beginning(payload, WaitingReport::kMostText);
      report.cut = report.command.size() < payload.size();
      report.left_s = (expires_ms - now) / 1000;
    });
    return text_of(all, json, "nothing waits for it\n");
  });
}

int observations(const CtlCall& call, const Gateway& gateway) {
  return ask(call, gateway, [json = call.json()](ShardRoom& room, const Resident& resident) {
    std::vector<ObservationReport> all;
    const std::int64_t now = room.now_ms();
    resident.device().each_observation([&](const Device::ObservationView& view) {
      ObservationReport& report = all.emplace_back();
      report.path = view.path.text();
      report.sequence = view.sequence;
      if (view.last_ms != 0) report.ago_s = (now - view.last_ms) / 1000;
      report.automatic = view.automatic;
      report.pending = view.token.empty();
    });
    return text_of(all, json, "nothing of it is observed\n");
  });
}

int stats(const CtlCall& call, const keel::Host& host, const Gateway& gateway, Metrics& metrics) {
  return keel::gateway::tell_figures(
      call, host, gateway, [&metrics](ShardRoom& room) { metrics.take(room); },
      [&gateway, &metrics] { return figures(gateway, metrics); });
}

}  // namespace lwm2m
