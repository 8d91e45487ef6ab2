// Counts messages and their sizes: for operators by `ctl traffic`, for dashboards
// as metrics.
#include <keel/plugin.hpp>

#include <atomic>

class CtlMetrics final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  keel::Status start() override {
    KEEL_TRY(
        host().metrics().counter("traffic_messages_total", "Messages published").into(messages_));
    constexpr double kBounds[] = {64, 1024, 16'384, 262'144};
    KEEL_TRY(
        host().metrics().histogram("traffic_payload_bytes", "Payload sizes", kBounds).into(sizes_));
    KEEL_TRY(host().metrics().gauge_of("traffic_largest_bytes", "The largest payload",
                                       [this] { return largest_.load(); }));
    KEEL_TRY(host().hooks().on_publish(0, [this](const keel::Message& m) { note(m); }));
    return host().ctl().add(
        "traffic", {{"traffic show", "Show what was published"}, {"traffic reset", "Begin again"}},
        [this](keel::CtlCall& call) { return command(call); });
  }

 private:
  // On every shard, several at a time.
  void note(const keel::Message& m) {
    const std::uint64_t bytes = m.payload().size();
    messages_.add();
    sizes_.observe(static_cast<double>(bytes));
    count_.fetch_add(1, std::memory_order_relaxed);
    std::uint64_t largest = largest_.load(std::memory_order_relaxed);
    while (bytes > largest && !largest_.compare_exchange_weak(largest, bytes)) {
    }
  }

  int command(keel::CtlCall& call) {
    if (call.size() != 1) return KEEL_EXIT_USAGE;
    if (call[0] == "reset") {
      count_ = largest_ = 0;
      return KEEL_EXIT_OK;
    }
    if (call[0] != "show") return KEEL_EXIT_USAGE;
    if (call.json()) {
      call.print("{\"messages\":", count_.load(), ",\"largest\":", largest_.load(), "}\n");
    } else {
      call.print(count_.load(), " messages, the largest with ", largest_.load(), " bytes\n");
    }
    return KEEL_EXIT_OK;
  }

  keel::Counter messages_;
  keel::Histogram sizes_;
  std::atomic<std::uint64_t> count_{0}, largest_{0};
};

KEEL_PLUGIN(CtlMetrics, "ctl_metrics", "1.0.0", "A ctl command with metrics");
