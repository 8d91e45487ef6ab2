// A large table of subscriptions, and messages into it. Of ten filters seven are exact, two have a
// `+` and one ends in `#`; every topic that is published matches one of them.
#include <algorithm>
#include <map>

#include "scenarios.hpp"

namespace keel::load {
namespace {

constexpr std::uint32_t kPerPacket = 20, kPacketsAtATime = 64;
constexpr std::uint32_t kAwayAtATime = 64, kExpiry = 3'600;

class Table final : public Scenario {
 public:
  explicit Table(const Options& options)
      : Scenario(options), ledger_(1), newest_(options.subscribers), away_(options.away) {}

  bool run(Report& report) override;

 private:
  static std::string name(std::uint64_t number, std::string_view wild, std::string_view rest);
  static std::string filter(std::uint64_t number) { return name(number, "+", "#"); }
  static std::string topic(std::uint64_t number) { return name(number, "heat", "kiln/top"); }
  std::uint32_t owner(std::uint64_t number) const {
    return static_cast<std::uint32_t>(number / kPerPacket % options_.subscribers);
  }

  void subscribe_all();
  void measure(Report& report);
  void publish_more(Client& publisher);
  // Persistent sessions with a subscription of their own, whose clients are not there.
  void visit_away(bool clean);
  void connected(Client& client, const Connack& connack) override;
  void subscribed(Client& client, std::uint8_t code) override;
  void message(Client& client, const Message& message) override;
  void closed(Client& client, std::string_view why) override;

  std::vector<std::unique_ptr<Client>> subscribers_;
  std::map<std::uint32_t, std::unique_ptr<Client>> visits_;
  std::vector<std::uint32_t> left_;
  std::uint64_t sent_ = 0, reordered_ = 0, random_ = 0x9e3779b97f4a7c15;
  Ledger ledger_;                      // one stream
  std::vector<std::uint64_t> newest_;  // by subscriber: last number + 1
  std::vector<std::uint64_t> target_;  // by number of the message: of the filter it is to match
  const std::uint64_t away_;
  bool visiting_ = false, cleaning_ = false;
};

// Exact, `+` and `#` differ in their roots, so that no filter matches a topic of another kind.
std::string Table::name(std::uint64_t number, std::string_view wild, std::string_view rest) {
  const std::string place =
      std::to_string(number / 1'000) + "/" + std::to_string(number % 1'000) + "/";
  const std::uint64_t kind = number % 10;
  if (kind < 7) return "bench/works/" + place + "temperature";
  if (kind < 9) return "bench/hall/" + place + std::string(wild) + "/value";
  return "bench/yard/" + place + std::string(rest);
}

bool Table::run(Report& report) {
  if (!broker_.known()) throw Trouble("table needs --pid");
  {
    auto first = connect(16, [&](std::uint32_t i) { return settings("w" + std::to_string(i)); });
    disconnect(first);  // the first clients make a broker allocate what it keeps
  }
  settled_memory();
  const Memory empty = broker_.memory();
  if (away_ > 0) visit_away(false);
  subscribers_ = connect(options_.subscribers,
                         [&](std::uint32_t i) { return settings("sub" + std::to_string(i)); });
  const std::uint64_t before = settled_memory();
  const Span from = now();
  subscribe_all();
  const Span to = now();
  const std::uint64_t after = settled_memory();
  const auto count = static_cast<double>(options_.subscriptions);
  report.add("subscriptions", options_.subscriptions);
  report.add("subscribe_cpu_us", static_cast<double>(to.broker - from.broker) / 1e3 / count);
  report.add("memory_per_subscription",
             (static_cast<double>(after) - static_cast<double>(before)) / count);
  report.add("memory_empty", empty.own);
  if (options_.messages > 0) measure(report);
  disconnect(subscribers_);
  if (away_ > 0) visit_away(true);
  report_shrinking(report, empty);
  Ledger::Verdict verdict = ledger_.verdict([&](std::size_t) { return sent_; });
  verdict.reordered = reordered_;
  return report_verdict(report, verdict, ledger_.distinct() == sent_);
}

void Table::subscribe_all() {
  const std::uint64_t before = subscribed_;
  std::uint64_t next = 0, asked = 0;
  const auto more = [&] {
    while (next < options_.subscriptions && asked - (subscribed_ - before) < kPacketsAtATime) {
      Client& client = *subscribers_[owner(next)];
      Filters filters;
      for (std::uint32_t i = 0; i < kPerPacket && next < options_.subscriptions; ++i, ++next)
        filters.add(filter(next), options_.qos);
      client.subscribe(filters);
      ++asked;
    }
  };
  const auto done = [&] { return next == options_.subscriptions && subscribed_ - before == asked; };
  if (!turn_until(done, more)) throw Trouble("the broker is silent: SUBSCRIBE");
}

void Table::measure(Report& report) {
  auto publisher = connect(1, [&](std::uint32_t) { return settings("pub"); });
  target_.reserve(options_.messages);
  const Span from = now();
  turn_until([&] { return ledger_.distinct() == options_.messages; },
             [&] { publish_more(*publisher[0]); });
  report_span(report, "", from, now(), ledger_.distinct());
  disconnect(publisher);
}

// Half of the window at a time, as in `flow`.
void Table::publish_more(Client& publisher) {
  const std::uint64_t open = sent_ - ledger_.distinct();
  std::uint64_t free = options_.window - std::min<std::uint64_t>(open, options_.window);
  free = std::min(free, options_.messages - sent_);
  if (free < options_.window / 2 && free < options_.messages - sent_) return;
  const std::uint64_t time = monotonic_ns();
  for (; free > 0; --free, ++sent_) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const std::uint64_t number = random_ % options_.subscriptions;
    target_.push_back(number);
    publisher.publish(topic(number), options_.qos, false, Payload::head({0, run_, sent_, time}),
                      payload_.tail());
  }
}

// Subscribers are read one after the other: order counts within each.
void Table::message(Client& client, const Message& message) {
  Stamp stamp;
  if (!payload_.read(message.payload, stamp) || stamp.run != run_ || stamp.number >= sent_)
    return ledger_.foreign();
  const std::uint64_t number = target_[stamp.number];
  if (owner(number) != client.index() || message.topic != topic(number)) return ledger_.foreign();
  if (!ledger_.arrived(0, stamp.number)) return;
  reordered_ += stamp.number < newest_[client.index()] ? 1 : 0;
  newest_[client.index()] = stamp.number + 1;
}

void Table::visit_away(bool clean) {
  visiting_ = true;
  cleaning_ = clean;
  std::uint32_t came = 0;
  const auto more = [&] {
    for (const std::uint32_t session : left_) visits_.erase(session);
    left_.clear();
    for (; came < away_ && visits_.size() < kAwayAtATime; ++came) {
      ClientSettings client = settings("away" + std::to_string(came));
      client.clean = clean;
      client.session_expiry = clean ? 0 : kExpiry;
      visits_[came] = std::make_unique<Client>(loop_, options_.target, client, came, *this);
    }
  };
  if (!turn_until([&] { return came == away_ && visits_.empty(); }, more))
    throw Trouble("the broker is silent: sessions that are away");
  visiting_ = false;
}

void Table::connected(Client& client, const Connack& connack) {
  Scenario::connected(client, connack);
  if (!visiting_ || connack.code != 0) return;
  if (cleaning_)
    client.disconnect();
  else
    client.subscribe("bench/away/" + std::to_string(client.index()), options_.qos);
}

void Table::subscribed(Client& client, std::uint8_t code) {
  Scenario::subscribed(client, code);
  if (visiting_) client.disconnect();
}

void Table::closed(Client& client, std::string_view why) {
  if (!visiting_) return Scenario::closed(client, why);
  left_.push_back(client.index());
}

}  // namespace

std::unique_ptr<Scenario> make_table(const Options& options) {
  return std::make_unique<Table>(options);
}

}  // namespace keel::load
