// FakeHost's tables ctl and metrics. Part of keel/fake.hpp.
#pragma once

#include "keel/ext/ctl.h"
#include "keel/ext/metrics.h"
#include "keel/fake/hooks.hpp"

namespace keel::fake {

struct Command final : Object {
  const char* kind() const override { return "command"; }
  std::string name, usage;
  keel_ctl_fn fn = nullptr;
  void* ctx = nullptr;
};
struct Metric final : Object {
  const char* kind() const override { return "metric"; }
  enum class Type { counter, gauge, gauge_fn, histogram } type = Type::counter;
  std::string name, labels;
  double value = 0;  // of a histogram: the sum
  std::vector<double> observed;
  keel_gauge_fn fn = nullptr;
  void* ctx = nullptr;
};

class Admin : public HookPoints {
 public:
  using HookPoints::HookPoints;

  // ---- for tests ----
  // Runs `ctl <words>` as an operator would: "hello count --json". A question (KEEL_EXIT_PROMPT)
  // is answered by one more call, with the answer as an additional word.
  FakeOutput ctl(std::string_view line);
  // The same with words that may hold anything: {"users", "add", "bob", "a password"}.
  FakeOutput ctl(std::initializer_list<std::string_view> words);
  FakeOutput ctl(const std::vector<std::string>& line);
  // What became of a call that was KEEL_EXIT_LATER, see FakeOutput::reply; after a minute it has
  // failed.
  FakeOutput ctl_answer(keel_handle reply);
  // Whoever waits for the answer goes away.
  void ctl_hang_up(keel_handle reply) { ctl_calls_.erase(reply); }
  // The value of a metric: a histogram's is its sum. -1: there is none.
  double metric(std::string_view name, std::string_view labels = {});

 protected:
  const void* admin_table_for(std::string_view id);

  // Calls that wait for a plugin that goes have failed.
  void end_ctl_calls(const Instance& plugin);

 private:
  struct CtlCall {
    const Instance* owner = nullptr;
    std::int64_t asked_ms = 0;
    int exit = KEEL_EXIT_LATER;
    std::string printed, text;  // while the function ran, and by finish()

    void fail(std::string_view what) {
      if (exit != KEEL_EXIT_LATER) return;
      exit = KEEL_EXIT_ERROR;
      text = concat("plugin ", owner->entry->info->name, ' ', what, '\n');
    }
  };

  FakeOutput call(const Command& command, const std::vector<std::string_view>& words, bool json);
  keel_status finish(const Instance& caller, keel_handle reply, std::int32_t exit,
                     std::string_view text);
  void expire(CtlCall& call);

  static Admin& of(const keel_host* host) { return static_cast<Admin&>(*instance(host).kernel); }
  static bool valid_name(std::string_view name);

  static const keel_ext_ctl& ctl_table();

  keel_status add_metric(Instance& caller, const char* function, Metric::Type type,
                         const char* name, const char* labels, keel_handle* out,
                         keel_gauge_fn fn = nullptr, void* ctx = nullptr);
  template <class F>
  keel_status change(Instance& caller, const char* function, keel_handle handle, Metric::Type type,
                     F&& fn) {
    Metric* metric;
    if (const auto status = enter(caller, function, On::any, handle, metric)) return status;
    if (metric->type != type) return fail(KEEL_E_INVAL, concat(function, ": another kind"));
    fn(*metric);
    return KEEL_OK;
  }

  static const keel_ext_metrics& metrics_table();

  std::map<keel_handle, CtlCall> ctl_calls_;
  keel_handle next_reply_ = 0x7200'0000'0001;
};

}  // namespace keel::fake
