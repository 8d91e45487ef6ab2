// Connections that do nothing: the memory each takes, without and with one subscription, and the
// CPU of a connect.
#include "scenarios.hpp"

namespace keel::load {
namespace {

class Idle final : public Scenario {
 public:
  explicit Idle(const Options& options) : Scenario(options) {}

  bool run(Report& report) override;

 private:
  void warm_up();
  ClientSettings client(std::uint32_t i) const { return settings("idle" + std::to_string(i)); }
};

bool Idle::run(Report& report) {
  if (!broker_.known()) throw Trouble("idle needs --pid");
  const auto count = static_cast<std::uint32_t>(options_.connections);
  const auto each = [&](std::uint64_t less, std::uint64_t more) {
    return (static_cast<double>(more) - static_cast<double>(less)) / count;
  };
  warm_up();
  const std::uint64_t empty = settled_memory();
  const Memory start = broker_.memory();
  const Span from = now();
  auto clients = connect(count, [&](std::uint32_t i) { return client(i); });
  const Span to = now();
  const std::uint64_t connected = settled_memory();
  subscribe(clients, [](std::uint32_t i) { return "bench/idle/" + std::to_string(i); });
  const std::uint64_t subscribed = settled_memory();
  disconnect(clients);
  report.add("connections", options_.connections);
  report.add("connect_cpu_us", each(from.broker, to.broker) / 1e3);
  report.add("connect_rate", count / seconds(to.wall - from.wall));
  report.add("memory_empty", empty);
  report.add("memory_per_connection", each(empty, connected));
  report.add("memory_per_subscribed", each(empty, subscribed));
  report_shrinking(report, start);
  return true;
}

// The first clients make a broker allocate what it keeps.
void Idle::warm_up() {
  auto clients = connect(16, [&](std::uint32_t i) { return client(i); });
  disconnect(clients);
}

}  // namespace

std::unique_ptr<Scenario> make_idle(const Options& options) {
  return std::make_unique<Idle>(options);
}

}  // namespace keel::load
