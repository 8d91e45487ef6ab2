// How long a broker that was just started takes until it serves: until it answers CONNECT, and
// until the last of --messages retained messages comes to one who subscribes to it.
#include "scenarios.hpp"

namespace keel::load {
namespace {

constexpr std::uint64_t kPause = 5 * kMillisecond;  // between two attempts

class Serving final : public Scenario {
 public:
  explicit Serving(const Options& options) : Scenario(options) {}

  bool run(Report& report) override;

 private:
  void knock();
  void connected(Client&, const Connack& connack) override { answered_ = connack.code == 0; }
  void message(Client&, const Message& message) override { seen_ = message.retain; }
  void closed(Client& client, std::string_view why) override {
    if (answered_) Scenario::closed(client, why);
  }

  std::vector<std::unique_ptr<Client>> client_;
  bool answered_ = false, seen_ = false;
  std::uint64_t tried_at_ = 0;
};

bool Serving::run(Report& report) {
  const std::uint64_t since = options_.since == 0 ? monotonic_ns() : options_.since;
  const auto patience = static_cast<std::uint64_t>(options_.stall * 1e9);
  turn_until([&] { return answered_ || monotonic_ns() - since > patience; }, [&] { knock(); });
  if (!answered_) throw Trouble("the broker does not serve");
  report.add("connect_seconds", seconds(monotonic_ns() - since));
  if (options_.messages > 0) {
    subscribe(client_,
              [&](std::uint32_t) { return "bench/kept/" + std::to_string(options_.messages - 1); });
    wait_for([&] { return seen_; }, "a retained message");
    report.add("retained_seconds", seconds(monotonic_ns() - since));
  }
  disconnect(client_);
  if (broker_.known()) {
    const Memory memory = broker_.memory();
    report.add("memory_own", memory.own);
    report.add("memory_resident", memory.resident);
    report.add("memory_peak", memory.peak);
    report.add("cpu_seconds", seconds(broker_.cpu_ns()));
  }
  return true;
}

// Tries again when the last attempt was refused.
void Serving::knock() {
  if (answered_ || (!client_.empty() && client_[0]->open()) || monotonic_ns() - tried_at_ < kPause)
    return;
  tried_at_ = monotonic_ns();
  client_.clear();
  client_.push_back(std::make_unique<Client>(loop_, options_.target, settings("knock"), 0, *this));
}

}  // namespace

std::unique_ptr<Scenario> make_serving(const Options& options) {
  return std::make_unique<Serving>(options);
}

}  // namespace keel::load
