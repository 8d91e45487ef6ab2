// Into persistent sessions whose clients are away, and out again when they come back. What is sent
// follows from the options alone, so that the phases may be calls of their own, with a broker that
// was killed and started again between them.
//
// Publishers and sessions meet in streams: stream i goes from publisher i % publishers to session
// i % sessions; there are as many as of the more numerous of the two. Every message goes to exactly
// one session. With --topology all there is a stream for each publisher, and every message goes to
// all sessions.
#include <algorithm>
#include <deque>
#include <map>

#include "disk.hpp"
#include "scenarios.hpp"

namespace keel::load {
namespace {

constexpr std::uint32_t kRun = 0x0ff11e;  // the same in every call
constexpr std::uint64_t kAtATime = 64;    // sessions whose clients are here at once
constexpr std::uint32_t kExpiry = 7 * 24 * 3600;
constexpr int kDiskRounds = 100;

class Offline final : public Scenario {
 public:
  explicit Offline(const Options& options)
      : Scenario(options),
        shared_(options.topology == Topology::all),
        sessions_(options.sessions),
        streams_(shared_ ? options.publishers
                         : std::max<std::uint64_t>(options.publishers, options.sessions)),
        each_(std::max<std::uint64_t>(1, options.messages / streams_)),
        ledger_(shared_ ? streams_ * sessions_ : streams_),
        received_(sessions_),
        sent_(options.publishers),
        sent_at_(options.publishers) {}

  bool run(Report& report) override;

 private:
  // What the client of a session comes for.
  enum class Errand : std::uint8_t { subscribe, drain, forget };
  struct Visit {
    std::unique_ptr<Client> client;
    bool leaving = false;
  };

  bool fill_beside_disk(Report& report);
  bool fill(Report& report);
  bool drain(Report& report);
  // Lets the clients of the first `count` sessions come, each for `errand`. False: it fell silent.
  bool visit(std::uint64_t count, Errand errand);
  void come(std::uint64_t count);
  void leave(Client& client);
  void publish_more(std::uint32_t publisher, std::uint64_t time);

  std::uint64_t expected(std::uint64_t session) const {
    if (shared_) return each_ * streams_;
    return each_ * ((streams_ - session + sessions_ - 1) / sessions_);
  }
  std::string topic(std::uint64_t session) const {
    return shared_ ? "bench/away/all" : "bench/away/" + std::to_string(session);
  }
  // In the ledger.
  std::size_t place(std::uint64_t stream, std::uint64_t session) const {
    return shared_ ? stream * sessions_ + session : stream;
  }

  void connected(Client& client, const Connack& connack) override;
  void subscribed(Client& client, std::uint8_t code) override;
  void message(Client& client, const Message& message) override;
  void published(Client& client, std::uint8_t code) override;
  void pong(Client& client) override { leave(client); }
  void closed(Client& client, std::string_view why) override;

  const bool shared_;
  const std::uint64_t sessions_, streams_, each_;
  Ledger ledger_;
  Errand errand_ = Errand::subscribe;
  std::map<std::uint32_t, Visit> visits_;
  std::vector<std::uint32_t> left_;  // visits that are over
  std::uint64_t came_ = 0;
  std::vector<std::uint64_t> received_;  // by session

  std::vector<std::unique_ptr<Client>> publishers_;
  std::vector<std::uint64_t> sent_;                 // by publisher
  std::vector<std::deque<std::uint64_t>> sent_at_;  // by publisher, of what is unacknowledged
  Histogram ack_times_;
  std::uint64_t acknowledged_ = 0;
};

bool Offline::run(Report& report) {
  if (options_.qos == 0) throw Trouble("offline needs --qos 1 or 2");
  // Sessions of an earlier run are ended first.
  if (options_.phase("prepare") &&
      !(visit(sessions_, Errand::forget) && visit(sessions_, Errand::subscribe)))
    throw Trouble("the broker is silent: SUBSCRIBE of persistent sessions");
  const bool filled = !options_.phase("fill") || fill_beside_disk(report);
  const bool drained = !options_.phase("drain") || drain(report);
  if (options_.phase("forget") && !visit(sessions_, Errand::forget))
    throw Trouble("the broker is silent: the end of persistent sessions");
  return filled && drained;
}

// Half of the disk's own syncs before and half after: its speed changes from minute to minute.
bool Offline::fill_beside_disk(Report& report) {
  if (options_.disk.empty()) return fill(report);
  DiskSync disk;
  measure_disk(options_.disk, options_.payload, kDiskRounds, disk);
  const bool filled = fill(report);
  measure_disk(options_.disk, options_.payload, kDiskRounds, disk);
  disk.append.report(report, "disk_append");
  disk.overwrite.report(report, "disk_overwrite");
  return filled;
}

bool Offline::fill(Report& report) {
  publishers_ = connect(options_.publishers,
                        [&](std::uint32_t i) { return settings("pub" + std::to_string(i)); });
  const std::uint64_t before = broker_.memory().own;
  const Span from = now();
  const auto more = [&] {
    const std::uint64_t time = monotonic_ns();
    for (std::uint32_t i = 0; i < options_.publishers; ++i) publish_more(i, time);
  };
  const bool complete = turn_until([&] { return acknowledged_ == each_ * streams_; }, more);
  report_span(report, "fill_", from, now(), acknowledged_);
  ack_times_.report(report, "ack");
  if (broker_.known()) {
    const std::uint64_t after = broker_.memory().own;
    const std::uint64_t copies = acknowledged_ * (shared_ ? sessions_ : 1);
    report.add("fill_memory", after);
    report.add("memory_per_queued", (static_cast<double>(after) - static_cast<double>(before)) /
                                        static_cast<double>(copies));
  }
  if (complete) disconnect(publishers_);
  if (!options_.phase("drain")) report_verdict(report, {}, complete);
  return complete && refused_ == 0 && disordered_ == 0;
}

void Offline::publish_more(std::uint32_t publisher, std::uint64_t time) {
  Client& client = *publishers_[publisher];
  const std::uint64_t own = (streams_ - publisher + options_.publishers - 1) / options_.publishers;
  std::uint64_t& sent = sent_[publisher];
  while (sent < own * each_ && client.unacknowledged() < options_.window &&
         client.allowance() > 0) {
    const std::uint64_t stream = publisher + options_.publishers * (sent % own);
    const Stamp stamp{static_cast<std::uint32_t>(stream), kRun, sent / own, time};
    client.publish(topic(stream % sessions_), options_.qos, false, Payload::head(stamp),
                   payload_.tail());
    sent_at_[publisher].push_back(time);
    ++sent;
  }
}

void Offline::published(Client& client, std::uint8_t code) {
  Scenario::published(client, code);
  auto& times = sent_at_[client.index()];
  ack_times_.add(monotonic_ns() - times.front());
  times.pop_front();
  ++acknowledged_;
}

bool Offline::drain(Report& report) {
  const std::uint64_t count =
      options_.sample == 0 ? sessions_ : std::min(options_.sample, sessions_);
  const Span from = now();
  const bool complete = visit(count, Errand::drain);
  report_span(report, "drain_", from, now(), ledger_.distinct());
  // Either way the remainder is the session.
  const auto sent = [&](std::size_t place) { return place % sessions_ < count ? each_ : 0; };
  return report_verdict(report, ledger_.verdict(sent), complete);
}

bool Offline::visit(std::uint64_t count, Errand errand) {
  errand_ = errand;
  came_ = 0;
  return turn_until([&] { return came_ == count && visits_.empty(); }, [&] { come(count); });
}

void Offline::come(std::uint64_t count) {
  for (const std::uint32_t session : left_) visits_.erase(session);
  left_.clear();
  for (; came_ < count && visits_.size() < kAtATime; ++came_) {
    const auto session = static_cast<std::uint32_t>(came_);
    ClientSettings client = settings("away" + std::to_string(session));
    client.clean = errand_ == Errand::forget;
    client.session_expiry = client.clean ? 0 : kExpiry;
    visits_[session].client =
        std::make_unique<Client>(loop_, options_.target, client, session, *this);
  }
}

void Offline::leave(Client& client) {
  visits_.at(client.index()).leaving = true;
  client.disconnect();
}

void Offline::connected(Client& client, const Connack& connack) {
  Scenario::connected(client, connack);
  const auto visit = visits_.find(client.index());
  if (connack.code != 0 || visit == visits_.end()) return;
  if (errand_ == Errand::subscribe) client.subscribe(topic(client.index()), options_.qos);
  if (errand_ == Errand::forget) leave(client);
  if (errand_ == Errand::drain && !connack.session_present && problem_.empty())
    problem_ = "session " + std::to_string(client.index()) + " is gone";
}

void Offline::subscribed(Client& client, std::uint8_t code) {
  Scenario::subscribed(client, code);
  leave(client);
}

void Offline::message(Client& client, const Message& message) {
  Stamp stamp;
  if (!payload_.read(message.payload, stamp) || stamp.run != kRun || stamp.stream >= streams_ ||
      stamp.number >= each_ || (!shared_ && stamp.stream % sessions_ != client.index()))
    return ledger_.foreign();
  // The answer to the PINGREQ comes behind all that the broker still had for this session.
  if (ledger_.arrived(place(stamp.stream, client.index()), stamp.number) &&
      ++received_[client.index()] == expected(client.index()))
    client.ping();
}

void Offline::closed(Client& client, std::string_view why) {
  const auto visit = visits_.find(client.index());
  if (visit == visits_.end() || !visit->second.leaving) return Scenario::closed(client, why);
  left_.push_back(client.index());
}

}  // namespace

std::unique_ptr<Scenario> make_offline(const Options& options) {
  return std::make_unique<Offline>(options);
}

}  // namespace keel::load
