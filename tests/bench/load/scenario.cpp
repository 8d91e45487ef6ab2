#include "scenario.hpp"

namespace keel::load {

void Scenario::connected(Client&, const Connack& connack) {
  if (connack.code != 0 && problem_.empty())
    problem_ = "CONNECT was refused with code " + std::to_string(connack.code);
  ++connected_;
}

void Scenario::subscribed(Client&, std::uint8_t code) {
  if (code >= 0x80 && problem_.empty())
    problem_ = "SUBSCRIBE was refused with code " + std::to_string(code);
  ++subscribed_;
}

void Scenario::closed(Client&, std::string_view why) {
  ++closed_;
  if (!closing_ && problem_.empty()) problem_ = "a connection ended: " + std::string(why);
}

void Scenario::disconnect(std::vector<std::unique_ptr<Client>>& clients) {
  const std::uint64_t before = closed_;
  closing_ = true;
  for (auto& client : clients) {
    disordered_ += client->disordered();
    client->disconnect();
  }
  wait_for([&] { return closed_ - before == clients.size(); }, "DISCONNECT");
  closing_ = false;
  clients.clear();
}

std::uint64_t Scenario::settled_memory() {
  const std::uint64_t until = monotonic_ns() + kSecond;
  turn_until([&] { return monotonic_ns() >= until; }, [] {});
  return broker_.memory().own;
}

void Scenario::report_shrinking(Report& report, const Memory& before) {
  constexpr double kEnough = 1.2;
  const auto share = [](std::uint64_t now, std::uint64_t then) {
    return static_cast<double>(now) / static_cast<double>(then);
  };
  const std::uint64_t start = monotonic_ns();
  const std::uint64_t until = start + options_.settle * kSecond;
  while (share(settled_memory(), before.own) > kEnough && monotonic_ns() < until) {
  }
  const Memory after = broker_.memory();
  report.add("memory_after", after.own);
  report.add("memory_after_share", share(after.own, before.own));
  report.add("resident_after_share", share(after.resident, before.resident));
  report.add("memory_after_seconds", seconds(monotonic_ns() - start));
}

void Scenario::report_span(Report& report, const std::string& prefix, const Span& from,
                           const Span& to, std::uint64_t messages) const {
  const auto count = static_cast<double>(messages);
  report.add(prefix + "messages", messages);
  report.add(prefix + "seconds", seconds(to.wall - from.wall));
  report.add(prefix + "rate", count / seconds(to.wall - from.wall));
  report.add(prefix + "load_cpu_us", static_cast<double>(to.own - from.own) / 1e3 / count);
  if (!broker_.known()) return;
  report.add(prefix + "cpu_us", static_cast<double>(to.broker - from.broker) / 1e3 / count);
  report.add(prefix + "cpu_share", static_cast<double>(to.broker - from.broker) /
                                       static_cast<double>(to.wall - from.wall));
  report.add(prefix + "written", static_cast<double>(to.written - from.written) / count);
}

bool Scenario::report_verdict(Report& report, const Ledger::Verdict& verdict, bool complete) const {
  report.add("lost", verdict.lost);
  report.add("duplicated", verdict.duplicated);
  report.add("reordered", verdict.reordered);
  report.add("foreign", verdict.foreign);
  report.add("refused", refused_);
  report.add("acks_out_of_order", disordered_);
  return complete && verdict.clean() && refused_ == 0 && disordered_ == 0;
}

}  // namespace keel::load
