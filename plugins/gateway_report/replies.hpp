// Answers to `ctl` for which every shard of a gateway is asked; the one that is done last sends
// them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <keel/ctl.hpp>
#include <keel/host.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway_report/report.hpp"

namespace keel::gateway {

// Lines, or JSON values, of all shards. Each shard has its own part, so no lock is needed.
class ShardLines {
 public:
  ShardLines(const CtlCall& call, std::uint32_t shards)
      : reply_(call.reply()), json_(call.json()), left_(shards), parts_(shards) {}

  // Anything with line() and json(). [shard `index`]
  template <class Report>
  void add(std::uint32_t index, const Report& report) {
    parts_[index].push_back(json_ ? report.json() : report.line());
  }
  // The shard has no more. [shard]
  void finished() {
    if (left_.fetch_sub(1) != 1) return;
    std::vector<std::string> all;
    for (auto& part : parts_) std::move(part.begin(), part.end(), std::back_inserter(all));
    reply_.ok(listed(all, json_)).ignore();
  }

 private:
  const CtlReply reply_;
  const bool json_;
  std::atomic<std::uint32_t> left_;
  std::vector<std::vector<std::string>> parts_;  // by shard
};

// Every shard hands in what it has counted, by take(room); then figures() is told, on the control
// thread. All must live as long as the plugin runs.
template <class Gateway, class Take, class Figures>
int tell_figures(const CtlCall& call, const Host& host, const Gateway& gateway, Take take,
                 Figures figures) {
  const auto left = std::make_shared<std::atomic<std::uint32_t>>(gateway.shards());
  gateway.on_each([left, &host, take = std::move(take), figures = std::move(figures),
                   reply = call.reply(), json = call.json()](auto& room) {
    take(room);
    if (left->fetch_sub(1) != 1) return;
    host.shards()
        .post(kControl,
              [figures, reply, json] {
                const std::vector<Figure> all = figures();
                reply.ok(json ? figures_json(all) : figures_text(all)).ignore();
              })
        .ignore();
  });
  return KEEL_EXIT_LATER;
}

// What a keel::UdpListener's socket has counted.
template <class Listener>
void add_socket(const Listener& listener, std::vector<Figure>& out) {
  const auto stats = listener.socket().stats();
  if (!stats) return;
  const std::string& group = listener.settings().name;
  out.push_back({group, "datagrams_in", stats->datagrams_in});
  out.push_back({group, "datagrams_out", stats->datagrams_out});
  out.push_back({group, "dropped", stats->dropped});
  if (!listener.dtls()) return;
  out.push_back({group, "sessions", stats->sessions});
  out.push_back({group, "handshakes", stats->handshakes});
  out.push_back({group, "handshakes_failed", stats->handshakes_failed});
}

}  // namespace keel::gateway
