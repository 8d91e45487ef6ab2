#include "emqx_auth_http/commands.hpp"

#include <boost/json.hpp>

namespace auth_http {
namespace {

// One server, summed up over the shards.
struct Sum {
  std::uint64_t requests = 0, failures = 0, connects = 0;
  std::uint32_t connections = 0, busy = 0, waiting = 0, left_alone = 0;

  void add(const Backend& backend) {
    const keel::http::ClientStats& stats = backend.client.stats();
    requests += stats.requests;
    failures += stats.failures;
    connects += stats.connects;
    connections += stats.connections;
    busy += stats.busy;
    waiting += stats.waiting;
    left_alone += backend.left_alone ? 1 : 0;
  }
};

struct Row {
  Kind kind;
  const std::optional<RequestForm>* form;
};

class Status {
 public:
  Status(const Setup& setup, const Report& report, const Askers& askers)
      : report_(report),
        askers_(askers),
        rows_{{{Kind::auth, &setup.auth}, {Kind::super, &setup.super}, {Kind::acl, &setup.acl}}} {}

  void print(const keel::CtlCall& call) const {
    if (call.json()) return print_json(call);
    for (const Row& row : rows_) {
      if (*row.form) call.print(name_of(row.kind), " request: ", (*row.form)->text(), "\n");
    }
    for (const Row& row : servers()) {
      const Sum sum = of(row.kind);
      call.print((*row.form)->url.server(), ": ", sum.requests, " requests, ", sum.failures,
                 " without answer, ", sum.connections, " connections, ", sum.busy, " busy, ",
                 sum.waiting, " waiting");
      if (sum.left_alone > 0) {
        call.print("; left alone by ", sum.left_alone, " of ", askers_.size(), " shards");
      }
      call.print("\n");
    }
    call.print("questions under way: ", report_.pending.load(), "\n");
    const std::string failure = report_.last_failure();
    if (!failure.empty()) call.print("last failure: ", failure, "\n");
  }

  // Connections to all servers.
  std::uint32_t total(std::uint32_t Sum::*number) const {
    std::uint32_t out = 0;
    for (const Row& row : servers()) out += of(row.kind).*number;
    return out;
  }

 private:
  void print_json(const keel::CtlCall& call) const {
    boost::json::object out;
    boost::json::object& requests = out["requests"].emplace_object();
    for (const Row& row : rows_) {
      if (*row.form) requests[name_of(row.kind)] = (*row.form)->text();
    }
    boost::json::array& list = out["servers"].emplace_array();
    for (const Row& row : servers()) {
      const Sum sum = of(row.kind);
      list.push_back({{"server", (*row.form)->url.server()},
                      {"requests", sum.requests},
                      {"failures", sum.failures},
                      {"connects", sum.connects},
                      {"connections", sum.connections},
                      {"busy", sum.busy},
                      {"waiting", sum.waiting},
                      {"left_alone", sum.left_alone}});
    }
    out["pending"] = report_.pending.load();
    out["last_failure"] = report_.last_failure();
    call.print(boost::json::serialize(out), "\n");
  }

  // One row for each server, though several requests may go there.
  std::vector<Row> servers() const {
    std::vector<Row> out;
    for (const Row& row : rows_) {
      if (!*row.form) continue;
      bool known = false;
      for (const Row& other : out) {
        known = known || (*other.form)->url.same_server((*row.form)->url);
      }
      if (!known) out.push_back(row);
    }
    return out;
  }
  Sum of(Kind kind) const {
    Sum out;
    for (const auto& asker : askers_) out.add(asker->backend(kind));
    return out;
  }

  const Report& report_;
  const Askers& askers_;
  std::array<Row, kKinds> rows_;
};

// Puts live subscriptions before the server again. Not while one does not work: then on_failure
// would decide about all of them.
int recheck(keel::Host& host, const Setup& setup, const Report& report, const keel::CtlCall& call) {
  if (!setup.acl) {
    call.print("No access list is asked: auth.http.acl_req.url is not set.\n");
    return KEEL_EXIT_ERROR;
  }
  if (report.breakers_open() != 0) {
    call.print(
        "A web server does not work now: subscriptions would be lost. See ctl auth_http "
        "status.\n");
    return KEEL_EXIT_ERROR;
  }
  const keel::CtlReply reply = call.reply();
  const keel::Status asked = host.hooks().recheck(
      call[1], [reply, json = call.json()](std::uint64_t n, std::uint64_t removed) {
        reply
            .ok(json ? keel::concat("{\"checked\":", n, ",\"removed\":", removed, "}\n")
                     : keel::concat(n, " subscriptions checked, ", removed, " removed.\n"))
            .ignore();
      });
  if (asked) return KEEL_EXIT_LATER;
  call.print("Subscriptions cannot be checked: ", asked, ".\n");
  return KEEL_EXIT_ERROR;
}

}  // namespace

keel::Status offer_commands(keel::Host& host, const Setup& setup, const Report& report,
                            const Askers& askers) {
  const Status status(setup, report, askers);
  KEEL_TRY(host.metrics().gauge_of("auth_http_connections", "Connections to web servers",
                                   [status] { return status.total(&Sum::connections); }));
  KEEL_TRY(host.metrics().gauge_of("auth_http_waiting", "Requests that wait for a connection",
                                   [status] { return status.total(&Sum::waiting); }));
  return host.ctl().add(
      "auth_http",
      {{"auth_http status", "The web servers and how they do"},
       {"auth_http recheck [<ClientId>]",
        "Ask again about live subscriptions, of one client or all, and remove those refused"}},
      [&host, &setup, &report, status](const keel::CtlCall& call) -> int {
        if (call.size() == 1 && call[0] == "status") {
          status.print(call);
          return KEEL_EXIT_OK;
        }
        if (call.size() >= 1 && call.size() <= 2 && call[0] == "recheck") {
          return recheck(host, setup, report, call);
        }
        return KEEL_EXIT_USAGE;
      });
}

}  // namespace auth_http
