// What keel/fake/admin.hpp declares: the tables ctl and metrics. See keel/fake/impl/fn.hpp.
#pragma once

#include "keel/fake/admin.hpp"
#include "keel/fake/impl/fn.hpp"

namespace keel::fake {

KEEL_FAKE_FN FakeOutput Admin::ctl(std::string_view line) {
  std::vector<std::string> words;
  while (!(line = trim(line)).empty()) {
    words.emplace_back(line.substr(0, line.find(' ')));
    line.remove_prefix(words.back().size());
  }
  return ctl(words);
}

KEEL_FAKE_FN FakeOutput Admin::ctl(std::initializer_list<std::string_view> words) {
  return ctl(std::vector<std::string>(words.begin(), words.end()));
}

KEEL_FAKE_FN FakeOutput Admin::ctl(const std::vector<std::string>& line) {
  std::vector<std::string_view> words;
  bool json = false, literal = false;
  for (const std::string& word : line) {
    if (!literal && (word == "--json" || word == "--")) {
      (word == "--" ? literal : json) = true;
    } else {
      words.push_back(word);
    }
  }
  for (const Command* command : all<Command>()) {
    if (!words.empty() && command->name == words[0]) return call(*command, words, json);
  }
  return {KEEL_EXIT_USAGE, "no such command\n"};
}

KEEL_FAKE_FN FakeOutput Admin::ctl_answer(keel_handle reply) {
  run();
  const auto found = ctl_calls_.find(reply);
  if (found == ctl_calls_.end()) return {KEEL_EXIT_ERROR, "there is no such call\n"};
  CtlCall& call = found->second;
  expire(call);
  return {call.exit, call.printed + call.text, call.exit == KEEL_EXIT_LATER ? reply : 0};
}

KEEL_FAKE_FN double Admin::metric(std::string_view name, std::string_view labels) {
  for (const Metric* metric : all<Metric>()) {
    if (metric->name != name || (!labels.empty() && metric->labels != labels)) continue;
    if (metric->fn) return on(KEEL_SHARD_CONTROL, [&] { return metric->fn(metric->ctx); });
    return metric->value;
  }
  return -1;
}

KEEL_FAKE_FN const void* Admin::admin_table_for(std::string_view id) {
  if (id == KEEL_EXT_CTL) return &ctl_table();
  if (id == KEEL_EXT_METRICS) return &metrics_table();
  return nullptr;
}

KEEL_FAKE_FN void Admin::end_ctl_calls(const Instance& plugin) {
  for (auto& [reply, call] : ctl_calls_) {
    if (call.owner == &plugin) call.fail("was unloaded before it answered");
  }
}

KEEL_FAKE_FN FakeOutput Admin::call(const Command& command,
                                    const std::vector<std::string_view>& words, bool json) {
  const std::string usage = command.usage;
  const keel_handle reply = next_reply_++;
  CtlCall& asked = ctl_calls_[reply];
  asked.owner = command.owner;
  asked.asked_ms = now_ms();
  std::vector<keel_str> arguments;
  for (std::size_t i = 1; i < words.size(); ++i) arguments.push_back(to_c(words[i]));
  keel_ctl_call shown{};
  shown.size = sizeof shown;
  shown.json = json ? 1 : 0;
  shown.args = arguments.data();
  shown.args_n = static_cast<std::uint32_t>(arguments.size());
  shown.out = sink_into(asked.printed);
  shown.reply = reply;
  const int exit = on(KEEL_SHARD_CONTROL, [&] { return command.fn(command.ctx, &shown); });
  if (exit == KEEL_EXIT_LATER) return ctl_answer(reply);
  FakeOutput out{exit, std::move(asked.printed)};
  ctl_calls_.erase(reply);
  if (exit == KEEL_EXIT_USAGE) out.output += usage;
  run();
  return out;
}

KEEL_FAKE_FN keel_status Admin::finish(const Instance& caller, keel_handle reply, std::int32_t exit,
                                       std::string_view text) {
  if (exit != KEEL_EXIT_OK && exit != KEEL_EXIT_ERROR && exit != KEEL_EXIT_PROMPT) {
    return fail(KEEL_E_INVAL, "ctl.finish: ends with OK, ERROR or PROMPT");
  }
  const auto found = ctl_calls_.find(reply);
  if (found != ctl_calls_.end()) expire(found->second);
  if (found == ctl_calls_.end() || found->second.owner != &caller ||
      found->second.exit != KEEL_EXIT_LATER) {
    return fail(KEEL_E_STALE, "ctl.finish: finished already, too late, or nobody waits");
  }
  found->second.exit = exit;
  found->second.text = text;
  return KEEL_OK;
}

KEEL_FAKE_FN void Admin::expire(CtlCall& call) {
  if (now_ms() - call.asked_ms >= 60'000) call.fail("did not answer within 60 s");
}

KEEL_FAKE_FN bool Admin::valid_name(std::string_view name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

KEEL_FAKE_FN const keel_ext_ctl& Admin::ctl_table() {
  static const keel_ext_ctl table{
      sizeof table, 0,
      [](const keel_host* host, const char* name, const keel_ctl_usage* usages, std::uint32_t n,
         keel_ctl_fn fn, void* ctx, keel_handle* out) -> keel_status {
        Admin& self = of(host);
        if (const auto status = self.enter(instance(host), "ctl.add", On::control)) {
          return status;
        }
        if (!valid_name(name)) return self.fail(KEEL_E_INVAL, "ctl.add: not a command's name");
        for (const Command* other : self.all<Command>()) {
          if (other->name == name) return self.fail(KEEL_E_EXISTS, "ctl.add: there is one");
        }
        auto command = std::make_unique<Command>();
        command->name = name;
        for (std::uint32_t i = 0; i < n; ++i) {
          command->usage += concat(usages[i].form, "  # ", usages[i].summary, '\n');
        }
        command->fn = fn;
        command->ctx = ctx;
        *out = self.add(instance(host), std::move(command)).handle;
        return KEEL_OK;
      },
      [](const keel_host* host, keel_handle handle) -> keel_status {
        Command* command;
        const auto status =
            of(host).enter_end(instance(host), "ctl.remove", On::control, handle, command);
        if (status == KEEL_OK) of(host).drop(handle);
        return status;
      },
      [](const keel_host* host, keel_handle reply, std::int32_t exit,
         keel_str text) -> keel_status {
        Admin& self = of(host);
        if (const auto status = self.enter(instance(host), "ctl.finish", On::any)) return status;
        return self.finish(instance(host), reply, exit, view(text));
      }};
  return table;
}

KEEL_FAKE_FN keel_status Admin::add_metric(Instance& caller, const char* function,
                                           Metric::Type type, const char* name, const char* labels,
                                           keel_handle* out, keel_gauge_fn fn, void* ctx) {
  if (const auto status = enter(caller, function, On::control)) return status;
  const bool total = std::string_view(name).ends_with("_total");
  if (!valid_name(name) || (type == Metric::Type::counter) != total) {
    return fail(KEEL_E_INVAL, concat(function, ": ", name, " is no name for it"));
  }
  auto metric = std::make_unique<Metric>();
  metric->type = type;
  metric->name = name;
  metric->labels = labels ? labels : "";
  metric->fn = fn;
  metric->ctx = ctx;
  *out = add(caller, std::move(metric)).handle;
  return KEEL_OK;
}

KEEL_FAKE_FN const keel_ext_metrics& Admin::metrics_table() {
  using Type = Metric::Type;
  static const keel_ext_metrics table{
      sizeof table,
      0,
      [](const keel_host* host, const char* name, const char*, const char* labels,
         keel_handle* out) -> keel_status {
        return of(host).add_metric(instance(host), "metrics.counter", Type::counter, name, labels,
                                   out);
      },
      [](const keel_host* host, const char* name, const char*, const char* labels,
         keel_handle* out) -> keel_status {
        return of(host).add_metric(instance(host), "metrics.gauge", Type::gauge, name, labels, out);
      },
      [](const keel_host* host, const char* name, const char*, const char* labels, keel_gauge_fn fn,
         void* ctx, keel_handle* out) -> keel_status {
        return of(host).add_metric(instance(host), "metrics.gauge_fn", Type::gauge_fn, name, labels,
                                   out, fn, ctx);
      },
      [](const keel_host* host, const char* name, const char*, const char* labels, const double*,
         std::uint32_t, keel_handle* out) -> keel_status {
        return of(host).add_metric(instance(host), "metrics.histogram", Type::histogram, name,
                                   labels, out);
      },
      [](const keel_host* host, keel_handle handle, std::uint64_t n) -> keel_status {
        return of(host).change(instance(host), "metrics.add", handle, Type::counter,
                               [n](Metric& metric) { metric.value += static_cast<double>(n); });
      },
      [](const keel_host* host, keel_handle handle, std::int64_t n) -> keel_status {
        return of(host).change(instance(host), "metrics.add_gauge", handle, Type::gauge,
                               [n](Metric& metric) { metric.value += static_cast<double>(n); });
      },
      [](const keel_host* host, keel_handle handle, std::int64_t value) -> keel_status {
        return of(host).change(
            instance(host), "metrics.set", handle, Type::gauge,
            [value](Metric& metric) { metric.value = static_cast<double>(value); });
      },
      [](const keel_host* host, keel_handle handle, double value) -> keel_status {
        return of(host).change(instance(host), "metrics.observe", handle, Type::histogram,
                               [value](Metric& metric) {
                                 metric.value += value;
                                 metric.observed.push_back(value);
                               });
      },
      [](const keel_host* host, keel_handle handle) -> keel_status {
        Metric* metric;
        const auto status =
            of(host).enter_end(instance(host), "metrics.remove", On::control, handle, metric);
        if (status == KEEL_OK) of(host).drop(handle);
        return status;
      }};
  return table;
}

}  // namespace keel::fake
