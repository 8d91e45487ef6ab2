// One that subscribes to all retained messages (those of `retained --phases fill`), while a pair
// exchanges messages at a fixed rate. How long the pair waits is counted from when a message was
// due.
#include "scenarios.hpp"

namespace keel::load {
namespace {

constexpr std::uint32_t kPublisher = 0, kSubscriber = 1, kNewcomer = 2;
constexpr std::string_view kTopic = "bench/pair";

class Stall final : public Scenario {
 public:
  explicit Stall(const Options& options)
      : Scenario(options), pair_(1), retained_(options.messages) {}

  bool run(Report& report) override;

 private:
  void send_due();
  bool exchange(double seconds);
  void message(Client& client, const Message& message) override;

  std::vector<std::unique_ptr<Client>> clients_;
  Ledger pair_, retained_;  // `retained_`: a stream for each topic
  std::uint64_t start_ = 0, sent_ = 0;
  Histogram* times_ = nullptr;
};

bool Stall::run(Report& report) {
  if (options_.messages == 0) throw Trouble("stall needs --messages");
  clients_ = connect(3, [&](std::uint32_t i) { return settings("stall" + std::to_string(i)); });
  clients_[kSubscriber]->subscribe(kTopic, 0);
  wait_for([&] { return subscribed_ == 1; }, "SUBSCRIBE");
  Histogram quiet, busy;
  start_ = monotonic_ns();
  times_ = &quiet;
  bool complete = exchange(options_.seconds);
  times_ = &busy;
  const Span from = now();
  clients_[kNewcomer]->subscribe("bench/kept/#", 0);
  complete = complete && turn_until([&] { return retained_.distinct() == options_.messages; },
                                    [&] { send_due(); });
  report_span(report, "retained_", from, now(), retained_.distinct());
  complete = complete && exchange(options_.warmup);
  const auto all_arrived = [&] { return pair_.distinct() == sent_; };
  complete = complete && turn_until(all_arrived, [] {});
  quiet.report(report, "quiet");
  busy.report(report, "busy");
  if (complete) disconnect(clients_);
  Ledger::Verdict verdict = pair_.verdict([&](std::size_t) { return sent_; });
  const Ledger::Verdict kept = retained_.verdict([](std::size_t) { return 1; });
  verdict.lost += kept.lost;
  verdict.duplicated += kept.duplicated;
  verdict.foreign += kept.foreign;
  return report_verdict(report, verdict, complete);
}

bool Stall::exchange(double seconds) {
  const std::uint64_t until = monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  return turn_until([&] { return monotonic_ns() >= until; }, [&] { send_due(); });
}

void Stall::send_due() {
  const std::uint64_t gap = kSecond / options_.rate, time = monotonic_ns();
  for (; start_ + sent_ * gap <= time; ++sent_)
    clients_[kPublisher]->publish(
        kTopic, 0, false, Payload::head({0, run_, sent_, start_ + sent_ * gap}), payload_.tail());
  loop_.wake_at(start_ + sent_ * gap);
}

void Stall::message(Client& client, const Message& message) {
  Stamp stamp;
  if (!payload_.read(message.payload, stamp)) return pair_.foreign();
  if (client.index() == kSubscriber && stamp.run == run_ && stamp.number < sent_) {
    if (pair_.arrived(0, stamp.number)) times_->add(monotonic_ns() - stamp.time);
    return;
  }
  if (client.index() != kNewcomer || stamp.stream >= options_.messages || stamp.number != 0 ||
      message.topic != "bench/kept/" + std::to_string(stamp.stream))
    return pair_.foreign();
  retained_.arrived(stamp.stream, 0);
}

}  // namespace

std::unique_ptr<Scenario> make_stall(const Options& options) {
  return std::make_unique<Stall>(options);
}

}  // namespace keel::load
