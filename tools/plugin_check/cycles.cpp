#include "tools/plugin_check/cycles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "tools/plugin_check/broker.hpp"
#include "tools/plugin_check/elf_file.hpp"
#include "tools/plugin_check/traffic.hpp"
#include "tools/plugin_check/trend.hpp"

namespace keel::check {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Memory that grows is looked at again in as many cycles: what the broker fills once (tables,
// pools) is full by then, a leak goes on.
constexpr unsigned kRounds = 6;
constexpr std::size_t kJudged = 20;   // fewer cycles say nothing about memory
constexpr double kHeapPerCycle = 64;  // bytes
constexpr double kHeapTotal = 2 * 1024;
constexpr double kMemoryPerCycle = 2048;
constexpr double kMemoryTotal = 128 * 1024;
constexpr std::size_t kLogFindings = 10;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

fs::path choose_broker(const Options& options) {
  if (!options.broker.empty()) return fs::absolute(options.broker);
  return fs::read_symlink("/proc/self/exe").parent_path() / "keel";
}

// Memory that a sanitizer keeps is not the plugin's.
bool sanitized(const std::string& broker) try {
  const ElfFile file(broker);
  return file.find("__asan_init") != nullptr || file.find("__tsan_init") != nullptr ||
         file.find("__msan_init") != nullptr;
} catch (const std::runtime_error&) {
  return false;  // it will not start, and say why
}

// The number behind "key": in a flat JSON document; 0 when there is none.
double number_of(std::string_view json, std::string_view key) {
  const auto at = json.find(fmt::format("\"{}\":", key));
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = json.substr(at + key.size() + 3);
  double value = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}

std::string without_newline(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

class Cycles {
 public:
  Cycles(const Options& options, Report& report)
      : options_(options),
        report_(report),
        name_(fs::path(options.file).stem().string()),
        program_(choose_broker(options).string()),
        sanitized_(sanitized(program_)),
        broker_({.program = program_,
                 .plugins = all_plugins(),
                 .plugin_name = name_,
                 .settings = options.settings}) {}

  void run() {
    report_.ran = true;
    if (load_others()) {
      unsigned round = 1;
      bool well = run_round();
      while (well && grows() && round < kRounds) {
        well = run_round();
        ++round;
      }
      if (well && grows()) tell_growth();
    }
    report_.measured.load_ms = median(load_ms_);
    report_.measured.unload_ms = median(unload_ms_);
    end_broker();
    read_log();
  }

 private:
  std::vector<std::string> all_plugins() const {
    std::vector<std::string> files = options_.with;
    files.push_back(options_.file);
    return files;
  }

  void error(const char* rule, std::string text) {
    report_.findings.push_back({Finding::Severity::error, rule, std::move(text)});
  }
  void warn(const char* rule, std::string text) {
    report_.findings.push_back({Finding::Severity::warning, rule, std::move(text)});
  }

  // "in cycle 7", for messages
  std::string when() const { return fmt::format("in cycle {}", report_.measured.cycles + 1); }

  // Runs a command that must succeed; false ends the check.
  bool must(const char* rule, const std::vector<std::string>& command,
            std::string* text = nullptr) {
    const Broker::Answer answer = broker_.ctl(command);
    if (text != nullptr) *text = answer.text;
    if (answer.code == 0) return true;
    if (!broker_.alive()) {
      error("crash", fmt::format("the broker {} {}, during: {}{}", broker_.how_it_ended(), when(),
                                 fmt::join(command, " "), end_of_log()));
    } else if (!answer.code) {
      error("hang", fmt::format("the broker did not answer {}: {}{}", when(),
                                fmt::join(command, " "), end_of_log()));
    } else {
      error(rule, fmt::format("{} {}", without_newline(answer.text), when()));
    }
    return false;
  }

  bool load_others() {
    for (const std::string& file : options_.with) {
      if (!must("load", {"plugins", "load", fs::path(file).stem().string(), "--once"}))
        return false;
    }
    return true;
  }

  bool cycle() {
    auto begin = Clock::now();
    if (!must("load", {"plugins", "load", name_, "--once"})) return false;
    load_ms_.push_back(milliseconds_since(begin));
    // A plugin that keeps clients waiting is visited once.
    if (visiting_) visiting_ = visit(broker_.client_socket());
    begin = Clock::now();
    std::string reply;
    if (!must("unload", {"plugins", "unload", name_}, &reply)) return false;
    unload_ms_.push_back(milliseconds_since(begin));
    if (const std::size_t left = broker_.mappings(name_); left > 0) {
      error("unmap", fmt::format("is still in the broker's memory map ({} lines) after being "
                                 "unloaded {}: {}",
                                 left, when(), without_newline(reply)));
      return false;
    }
    read_memory();
    return true;
  }

  void read_memory() {
    const Broker::Answer answer = broker_.ctl({"--json", "vm", "memory"});
    heap_.push_back(number_of(answer.text, "memory/heap_used"));
    memory_.push_back(number_of(answer.text, "memory/anonymous"));
  }

  // As many cycles as were asked for, with readings of their own.
  bool run_round() {
    heap_.clear();
    memory_.clear();
    for (unsigned i = 0; i < options_.cycles; ++i) {
      if (!cycle()) return false;
      ++report_.measured.cycles;
    }
    return true;
  }

  bool heap_grows() const {
    const Trend heap = trend_of(heap_);
    return heap.per_step > kHeapPerCycle && heap.total > kHeapTotal;
  }
  bool grows() {
    if (sanitized_) return false;
    const Trend heap = trend_of(heap_), memory = trend_of(memory_);
    report_.measured.heap_per_cycle = heap.per_step;
    report_.measured.resident_per_cycle = memory.per_step;
    if (heap_.size() < kJudged) return false;
    return heap_grows() || (memory.per_step > kMemoryPerCycle && memory.total > kMemoryTotal);
  }

  void tell_growth() {
    if (heap_grows()) {
      error("leak", fmt::format("the broker's heap grows by {:.0f} bytes per load and unload: free "
                                "in stop() and destroy() what create(), start() and callbacks "
                                "allocated",
                                report_.measured.heap_per_cycle));
    } else {
      error("leak",
            fmt::format("the broker's memory grows by {:.0f} bytes per load and unload, and "
                        "its heap does not: unmap what the plugin mapped, join its threads",
                        report_.measured.resident_per_cycle));
    }
  }

  void end_broker() {
    if (!broker_.alive()) return;
    const std::string trouble = broker_.stop();
    if (trouble.empty()) return;
    error("exit",
          fmt::format("the broker {} at its end, with the plugin unloaded: it left a handler "
                      "or a thread behind{}",
                      trouble, end_of_log()));
  }

  // Misuse that the broker noticed, and what else it has to say about the plugin.
  void read_log() {
    const std::string mine = fmt::format(" plugin={}: ", name_);
    std::set<std::string> told;
    std::istringstream lines(broker_.log());
    for (std::string line; std::getline(lines, line);) {
      if (line.find("Sanitizer") != std::string::npos ||
          line.find("runtime error:") != std::string::npos) {
        if (told.size() < kLogFindings && told.insert(line).second) error("sanitizer", line);
        continue;
      }
      const auto at = line.find(mine);
      if (at == std::string::npos) continue;
      const std::string_view head = std::string_view(line).substr(0, at);
      std::string text = line.substr(at + mine.size());
      const bool thread = text.find("called on the wrong thread") != std::string::npos;
      const bool complaint = head.ends_with(" warning") || head.ends_with(" error");
      if (!thread && !complaint) continue;
      if (told.size() >= kLogFindings || !told.insert(text).second) continue;
      if (thread) {
        error("thread", std::move(text));
      } else {
        warn("log", "the broker's log says: " + text);
      }
    }
  }

  std::string end_of_log() const {
    const std::string log = without_newline(broker_.log());
    std::size_t begin = log.size();
    for (int lines = 0; lines < 8 && begin != std::string::npos && begin > 0; ++lines) {
      begin = log.rfind('\n', begin - 1);
    }
    return "; its log ends with:\n" + (begin == std::string::npos ? log : log.substr(begin + 1));
  }

  const Options& options_;
  Report& report_;
  const std::string name_, program_;
  const bool sanitized_;
  Broker broker_;
  std::vector<double> load_ms_, unload_ms_, heap_, memory_;
  bool visiting_ = true;
};

}  // namespace

void run_cycles(const Options& options, Report& report) { Cycles(options, report).run(); }

}  // namespace keel::check
