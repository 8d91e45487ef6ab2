// Pairs at a fixed rate: how long from when a message was due until it was received. Counted from
// when it was due, so that a broker which stalls does not hide what it kept from being sent.
#include "scenarios.hpp"

namespace keel::load {
namespace {

class Latency final : public Scenario {
 public:
  explicit Latency(const Options& options)
      : Scenario(options), sent_(options.publishers), ledger_(options.publishers) {}

  bool run(Report& report) override;

 private:
  void message(Client& client, const Message& message) override;
  void send_due();
  static std::string topic(std::uint32_t pair) { return "bench/latency/" + std::to_string(pair); }

  std::vector<std::unique_ptr<Client>> publishers_, subscribers_;
  std::vector<std::uint64_t> sent_;
  Ledger ledger_;
  Histogram times_;
  std::uint64_t start_ = 0, measured_from_ = 0, total_ = 0, wanted_ = 0;
};

bool Latency::run(Report& report) {
  subscribers_ = connect(options_.publishers,
                         [&](std::uint32_t i) { return settings("sub" + std::to_string(i)); });
  subscribe(subscribers_, [](std::uint32_t i) { return topic(i); });
  publishers_ = connect(options_.publishers,
                        [&](std::uint32_t i) { return settings("pub" + std::to_string(i)); });
  const auto rate = static_cast<double>(options_.rate);
  wanted_ = static_cast<std::uint64_t>((options_.warmup + options_.seconds) * rate);
  start_ = monotonic_ns();
  measured_from_ = start_ + static_cast<std::uint64_t>(options_.warmup * 1e9);
  const Span from = now();
  const bool complete =
      turn_until([&] { return ledger_.distinct() == wanted_; }, [&] { send_due(); });
  report_span(report, "", from, now(), ledger_.distinct());
  times_.report(report, "latency");
  if (complete) {
    disconnect(publishers_);
    disconnect(subscribers_);
  }
  return report_verdict(report, ledger_.verdict([&](std::size_t i) { return sent_[i]; }), complete);
}

void Latency::send_due() {
  const std::uint64_t time = monotonic_ns();
  const double gap = 1e9 / static_cast<double>(options_.rate);
  const auto due = [&](std::uint64_t n) {
    return start_ + static_cast<std::uint64_t>(static_cast<double>(n) * gap);
  };
  for (; total_ < wanted_ && due(total_) <= time; ++total_) {
    const auto pair = static_cast<std::uint32_t>(total_ % options_.publishers);
    publishers_[pair]->publish(topic(pair), options_.qos, false,
                               Payload::head({pair, run_, sent_[pair]++, due(total_)}),
                               payload_.tail());
  }
  if (total_ < wanted_) loop_.wake_at(due(total_));
}

void Latency::message(Client&, const Message& message) {
  Stamp stamp;
  if (!payload_.read(message.payload, stamp) || stamp.run != run_ || stamp.stream >= sent_.size() ||
      stamp.number >= sent_[stamp.stream])
    return ledger_.foreign();
  if (ledger_.arrived(stamp.stream, stamp.number) && stamp.time >= measured_from_)
    times_.add(monotonic_ns() - stamp.time);
}

}  // namespace

std::unique_ptr<Scenario> make_latency(const Options& options) {
  return std::make_unique<Latency>(options);
}

}  // namespace keel::load
