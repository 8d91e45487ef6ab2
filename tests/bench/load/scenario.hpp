// What all scenarios share: clients, the ledger of what arrived, figures of the broker's process.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "client.hpp"
#include "clock.hpp"
#include "ledger.hpp"
#include "loop.hpp"
#include "options.hpp"
#include "payload.hpp"
#include "process.hpp"
#include "report.hpp"

namespace keel::load {

// The run cannot go on: the broker refuses, is not there, or does not answer.
class Trouble : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Scenario : public ClientEvents {
 public:
  explicit Scenario(const Options& options)
      : options_(options), broker_(options.pid), payload_(options.payload) {}

  // False: something was lost, duplicated, reordered or damaged.
  virtual bool run(Report& report) = 0;

 protected:
  // CPU and wall time between two points.
  struct Span {
    std::uint64_t wall = 0, broker = 0, own = 0, written = 0;
  };
  Span now() const { return {monotonic_ns(), broker_.cpu_ns(), own_cpu_ns(), broker_.written()}; }
  // Adds <prefix>seconds, rate, and, if the broker's process is known, CPU per message.
  void report_span(Report& report, const std::string& prefix, const Span& from, const Span& to,
                   std::uint64_t messages) const;
  bool report_verdict(Report& report, const Ledger::Verdict& verdict, bool complete) const;

  ClientSettings settings(const std::string& id) const {
    return {options_.version, options_.prefix + id, true, 0, options_.username, options_.password};
  }
  // Connects `count` clients, no more than some dozens at a time, and waits for all of them.
  template <class SettingsOf>
  std::vector<std::unique_ptr<Client>> connect(std::uint32_t count, const SettingsOf& settings_of);
  // Each client subscribes to `filter_of(index)`.
  template <class FilterOf>
  void subscribe(std::vector<std::unique_ptr<Client>>& clients, const FilterOf& filter_of);
  // The broker's own memory, once a second has passed: what it puts off to a turn or a timer is
  // done.
  std::uint64_t settled_memory();
  // Waits until that memory is no more than 1.2 times what it was `before`, at most --settle
  // seconds; adds how much it is then, and after how many seconds.
  void report_shrinking(Report& report, const Memory& before);
  // Says goodbye and waits until the broker has closed.
  void disconnect(std::vector<std::unique_ptr<Client>>& clients);

  // Turns until `done()`; `work()` is called in each turn before what it wrote is sent. False: the
  // broker was silent for too long.
  template <class Done, class Work>
  bool turn_until(const Done& done, const Work& work);
  template <class Done>
  void wait_for(const Done& done, const char* what);

  void connected(Client& client, const Connack& connack) override;
  void subscribed(Client& client, std::uint8_t code) override;
  void message(Client&, const Message&) override {}
  void published(Client&, std::uint8_t code) override { refused_ += code >= 0x80; }
  void pong(Client&) override { ++pongs_; }
  void closed(Client& client, std::string_view why) override;

  const Options& options_;
  Loop loop_;
  Process broker_;
  Payload payload_;
  std::uint32_t run_ = static_cast<std::uint32_t>(monotonic_ns() >> 10);
  std::uint64_t connected_ = 0, subscribed_ = 0, closed_ = 0, pongs_ = 0;
  std::uint64_t refused_ = 0;     // publishes
  std::uint64_t disordered_ = 0;  // acknowledgements
  bool closing_ = false;          // connections may end
  std::string problem_;           // the first
};

template <class Done, class Work>
bool Scenario::turn_until(const Done& done, const Work& work) {
  const auto patience = static_cast<std::uint64_t>(options_.stall * 1e9);
  std::uint64_t seen = loop_.received(), since = monotonic_ns();
  while (true) {
    work();
    loop_.flush();
    if (!problem_.empty()) throw Trouble(problem_);
    if (done()) return true;
    loop_.read();
    if (loop_.received() != seen) {
      seen = loop_.received();
      since = monotonic_ns();
    } else if (monotonic_ns() - since > patience) {
      return false;
    }
  }
}

template <class Done>
void Scenario::wait_for(const Done& done, const char* what) {
  if (!turn_until(done, [] {})) throw Trouble(std::string("the broker is silent: ") + what);
}

template <class SettingsOf>
std::vector<std::unique_ptr<Client>> Scenario::connect(std::uint32_t count,
                                                       const SettingsOf& settings_of) {
  constexpr std::uint64_t kAtATime = 64;
  std::vector<std::unique_ptr<Client>> clients;
  const std::uint64_t before = connected_;
  const auto more = [&] {
    while (clients.size() < count && clients.size() - (connected_ - before) < kAtATime) {
      const auto index = static_cast<std::uint32_t>(clients.size());
      clients.push_back(
          std::make_unique<Client>(loop_, options_.target, settings_of(index), index, *this));
    }
  };
  if (!turn_until([&] { return connected_ - before == count; }, more))
    throw Trouble("the broker is silent: CONNECT");
  return clients;
}

template <class FilterOf>
void Scenario::subscribe(std::vector<std::unique_ptr<Client>>& clients, const FilterOf& filter_of) {
  constexpr std::uint64_t kAtATime = 256;
  const std::uint64_t before = subscribed_;
  std::uint64_t asked = 0;
  const auto more = [&] {
    for (; asked < clients.size() && asked - (subscribed_ - before) < kAtATime; ++asked)
      clients[asked]->subscribe(filter_of(clients[asked]->index()), options_.qos);
  };
  if (!turn_until([&] { return subscribed_ - before == clients.size(); }, more))
    throw Trouble("the broker is silent: SUBSCRIBE");
}

}  // namespace keel::load
