// Publishers to subscribers as fast as the window allows. A publisher may be ahead of its slowest
// receiver, and of the broker's acknowledgements, by --window messages: nothing piles up, and all
// that was sent has arrived when the figures are taken.
#include <algorithm>

#include "scenarios.hpp"

namespace keel::load {
namespace {

class Flow final : public Scenario {
 public:
  explicit Flow(const Options& options)
      : Scenario(options),
        copies_(options.topology == Topology::all ? options.subscribers : 1),
        senders_(options.publishers),
        ledger_(std::size_t{options.publishers} * copies_),
        newest_(grouped() ? std::size_t{options.publishers} * options.subscribers : 0) {}

  bool run(Report& report) override;

 private:
  struct Sender {
    std::string topic;
    std::uint32_t window = 0;
    std::uint64_t sent = 0;
    std::uint64_t under_way = 0;  // copies that have not arrived
    bool touched = false;         // is in touched_
  };

  bool grouped() const { return options_.topology == Topology::group; }
  void prepare();
  std::string topic_of(std::uint32_t sender) const;
  std::string filter_of(std::uint32_t subscriber) const;
  void message(Client& client, const Message& message) override;
  void published(Client& client, std::uint8_t code) override;
  void touch(std::uint32_t sender);
  void refill();
  void refill(std::uint32_t sender, std::uint64_t time);
  Ledger::Verdict verdict() const;

  const std::string root_ = "bench/" + options_.prefix + "flow/";
  const std::uint32_t copies_;
  std::vector<std::unique_ptr<Client>> publishers_, subscribers_;
  std::vector<Sender> senders_;
  std::vector<std::uint32_t> touched_;  // may be able to send again
  Ledger ledger_;                       // a stream for each publisher, or for each receiver of it
  std::vector<std::uint64_t> newest_;   // of a group, by publisher and member: last number + 1
  std::uint64_t reordered_ = 0;         // within one member
  std::uint64_t open_ = 0;              // copies and acknowledgements that have not come
  bool sending_ = true;
};

std::string Flow::topic_of(std::uint32_t sender) const {
  const bool pairs = options_.topology == Topology::pairs;
  return root_ + std::to_string(pairs ? sender % options_.subscribers : sender);
}

std::string Flow::filter_of(std::uint32_t subscriber) const {
  switch (options_.topology) {
    case Topology::pairs:
      return root_ + std::to_string(subscriber);
    case Topology::all:
      return root_ + "+";
    case Topology::group:
      break;
  }
  return "$share/bench/" + root_ + "+";
}

void Flow::prepare() {
  subscribers_ = connect(options_.subscribers,
                         [&](std::uint32_t i) { return settings("sub" + std::to_string(i)); });
  subscribe(subscribers_, [&](std::uint32_t i) { return filter_of(i); });
  publishers_ = connect(options_.publishers,
                        [&](std::uint32_t i) { return settings("pub" + std::to_string(i)); });
  for (std::uint32_t i = 0; i < options_.publishers; ++i) {
    senders_[i].topic = topic_of(i);
    senders_[i].window = options_.window;
    if (options_.qos > 0)
      senders_[i].window = std::min<std::uint32_t>(options_.window, publishers_[i]->allowance());
    touch(i);
  }
}

bool Flow::run(Report& report) {
  prepare();
  const auto after = [](double seconds) {
    return monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  };
  const auto until = [&](std::uint64_t time) {
    return turn_until([&] { return monotonic_ns() >= time; }, [&] { refill(); });
  };
  bool complete = until(after(options_.warmup));
  const Span from = now();
  const std::uint64_t before = ledger_.distinct();
  complete = complete && until(after(options_.seconds));
  sending_ = false;
  complete = complete && turn_until([&] { return open_ == 0; }, [] {});
  report_span(report, "", from, now(), ledger_.distinct() - before);
  if (complete) {
    disconnect(publishers_);
    disconnect(subscribers_);
  }
  return report_verdict(report, verdict(), complete);
}

void Flow::touch(std::uint32_t sender) {
  if (senders_[sender].touched) return;
  senders_[sender].touched = true;
  touched_.push_back(sender);
}

void Flow::message(Client& client, const Message& message) {
  Stamp stamp;
  if (!payload_.read(message.payload, stamp) || stamp.run != run_ ||
      stamp.stream >= senders_.size() || stamp.number >= senders_[stamp.stream].sent)
    return ledger_.foreign();
  const std::size_t stream =
      std::size_t{stamp.stream} * copies_ + (copies_ > 1 ? client.index() : 0);
  if (!ledger_.arrived(stream, stamp.number)) return;
  if (grouped()) {
    auto& newest = newest_[std::size_t{stamp.stream} * options_.subscribers + client.index()];
    if (stamp.number < newest) ++reordered_;
    newest = stamp.number + 1;
  }
  --senders_[stamp.stream].under_way;
  --open_;
  touch(stamp.stream);
}

void Flow::published(Client& client, std::uint8_t code) {
  Scenario::published(client, code);
  --open_;
  touch(client.index());
}

void Flow::refill() {
  const std::uint64_t time = monotonic_ns();
  for (const std::uint32_t sender : touched_) {
    senders_[sender].touched = false;
    refill(sender, time);
  }
  touched_.clear();
}

// Waits until half of the window is free: one message for each that arrived would make of a dense
// flow a thin one.
void Flow::refill(std::uint32_t sender, std::uint64_t time) {
  Sender& it = senders_[sender];
  Client& client = *publishers_[sender];
  const std::uint64_t behind = (it.under_way + copies_ - 1) / copies_;
  const std::uint64_t used = std::max<std::uint64_t>(behind, client.unacknowledged());
  const std::uint64_t free = it.window > used ? it.window - used : 0;
  if (free == 0 || free < it.window / 2) return;
  for (std::uint64_t i = 0; i < free; ++i) {
    client.publish(it.topic, options_.qos, false, Payload::head({sender, run_, it.sent++, time}),
                   payload_.tail());
  }
  it.under_way += free * copies_;
  open_ += free * (copies_ + (options_.qos > 0 ? 1 : 0));
}

Ledger::Verdict Flow::verdict() const {
  Ledger::Verdict verdict =
      ledger_.verdict([&](std::size_t stream) { return senders_[stream / copies_].sent; });
  // Members of a group are read one after the other: order counts within each.
  if (grouped()) verdict.reordered = reordered_;
  return verdict;
}

}  // namespace

std::unique_ptr<Scenario> make_flow(const Options& options) {
  return std::make_unique<Flow>(options);
}

}  // namespace keel::load
