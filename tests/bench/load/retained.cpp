// One retained message to each of many topics, and all of them back through one subscription.
#include <algorithm>

#include "scenarios.hpp"

namespace keel::load {
namespace {

class Retained final : public Scenario {
 public:
  explicit Retained(const Options& options)
      : Scenario(options), ledger_(std::max<std::uint64_t>(1, options.messages)) {}

  bool run(Report& report) override;

 private:
  bool fill(Report& report);
  bool check(Report& report);
  void publish_more(Client& client, std::uint64_t time);
  void message(Client& client, const Message& message) override;
  void published(Client& client, std::uint8_t code) override {
    Scenario::published(client, code);
    ++acknowledged_;
  }

  Ledger ledger_;  // a stream for each topic
  std::uint64_t sent_ = 0, acknowledged_ = 0;
};

bool Retained::run(Report& report) {
  if (options_.messages == 0) throw Trouble("retained needs --messages");
  if (options_.qos == 0) throw Trouble("retained needs --qos 1 or 2");
  const bool filled = !options_.phase("fill") || fill(report);
  return (!options_.phase("check") || check(report)) && filled;
}

bool Retained::fill(Report& report) {
  auto publishers = connect(options_.publishers,
                            [&](std::uint32_t i) { return settings("pub" + std::to_string(i)); });
  const std::uint64_t before = broker_.memory().own;
  const Span from = now();
  const auto more = [&] {
    const std::uint64_t time = monotonic_ns();
    for (auto& publisher : publishers) publish_more(*publisher, time);
  };
  const bool complete = turn_until([&] { return acknowledged_ == options_.messages; }, more);
  report_span(report, "fill_", from, now(), acknowledged_);
  if (broker_.known())
    report.add("memory_per_message",
               (static_cast<double>(broker_.memory().own) - static_cast<double>(before)) /
                   static_cast<double>(options_.messages));
  if (complete) disconnect(publishers);
  return complete && refused_ == 0 && disordered_ == 0;
}

void Retained::publish_more(Client& client, std::uint64_t time) {
  for (; sent_ < options_.messages && client.unacknowledged() < options_.window &&
         client.allowance() > 0;
       ++sent_) {
    client.publish("bench/kept/" + std::to_string(sent_), options_.qos, true,
                   Payload::head({static_cast<std::uint32_t>(sent_), 0, 0, time}), payload_.tail());
  }
}

bool Retained::check(Report& report) {
  auto subscriber = connect(1, [&](std::uint32_t) { return settings("sub"); });
  const Span from = now();
  subscribe(subscriber, [](std::uint32_t) { return "bench/kept/#"; });
  const bool complete = turn_until([&] { return ledger_.distinct() == options_.messages; }, [] {});
  report_span(report, "check_", from, now(), ledger_.distinct());
  if (complete) disconnect(subscriber);
  return report_verdict(report, ledger_.verdict([](std::size_t) { return 1; }), complete);
}

void Retained::message(Client&, const Message& message) {
  Stamp stamp;
  if (!payload_.read(message.payload, stamp) || stamp.stream >= options_.messages ||
      stamp.number != 0 || message.topic != "bench/kept/" + std::to_string(stamp.stream))
    return ledger_.foreign();
  ledger_.arrived(stamp.stream, 0);
}

}  // namespace

std::unique_ptr<Scenario> make_retained(const Options& options) {
  return std::make_unique<Retained>(options);
}

}  // namespace keel::load
