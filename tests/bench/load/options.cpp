#include "options.hpp"

#include <charconv>
#include <functional>
#include <map>
#include <stdexcept>

#include "payload.hpp"

namespace keel::load {
namespace {

[[noreturn]] void refuse(std::string_view key, std::string_view value, std::string_view why) {
  throw std::invalid_argument("--" + std::string(key) + " " + std::string(value) + ": " +
                              std::string(why));
}

template <class Number>
Number number(std::string_view key, std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) refuse(key, text, "not a number");
  if (value < least || value > most) refuse(key, text, "out of range");
  return value;
}

Topology topology(std::string_view text) {
  if (text == "pairs") return Topology::pairs;
  if (text == "all") return Topology::all;
  if (text == "group") return Topology::group;
  refuse("topology", text, "pairs, all or group");
}

Version version(std::string_view text) {
  if (text == "4") return Version::v311;
  if (text == "5") return Version::v5;
  refuse("version", text, "4 (MQTT 3.1.1) or 5");
}

void set(Options& options, std::string_view key, std::string_view text) {
  const auto count = [&](auto least, auto most) { return number(key, text, least, most); };
  constexpr std::uint64_t kMany = 1'000'000'000;
  if (key == "host")
    options.target.host = text;
  else if (key == "port")
    options.target.port = count(std::uint16_t{1}, std::uint16_t{65'535});
  else if (key == "label")
    options.label = text;
  else if (key == "pid")
    options.pid = count(pid_t{1}, pid_t{1 << 30});
  else if (key == "version")
    options.version = version(text);
  else if (key == "qos")
    options.qos = count(std::uint8_t{0}, std::uint8_t{2});
  else if (key == "topology")
    options.topology = topology(text);
  else if (key == "publishers")
    options.publishers = count(1u, 100'000u);
  else if (key == "subscribers")
    options.subscribers = count(1u, 100'000u);
  else if (key == "window")
    options.window = count(1u, 60'000u);
  else if (key == "payload")
    options.payload = count(std::uint64_t{Payload::kLeast}, kMany / 10);
  else if (key == "seconds")
    options.seconds = count(0.01, 1e6);
  else if (key == "warmup")
    options.warmup = count(0.0, 1e6);
  else if (key == "rate")
    options.rate = count(std::uint64_t{1}, kMany);
  else if (key == "messages")
    options.messages = count(std::uint64_t{1}, kMany);
  else if (key == "connections")
    options.connections = count(std::uint64_t{1}, kMany);
  else if (key == "sessions")
    options.sessions = count(std::uint64_t{1}, kMany);
  else if (key == "sample")
    options.sample = count(std::uint64_t{1}, kMany);
  else if (key == "since")
    options.since = count(std::uint64_t{0}, ~std::uint64_t{0});
  else if (key == "phases")
    options.phases = text;
  else if (key == "disk")
    options.disk = text;
  else if (key == "stall")
    options.stall = count(0.1, 1e6);
  else
    refuse(key, text, "there is no such option");
}

}  // namespace

bool Options::phase(std::string_view name) const {
  return phases.empty() ||
         ("," + phases + ",").find("," + std::string(name) + ",") != std::string::npos;
}

Options parse_options(int argc, char** argv) {
  if (argc < 2) throw std::invalid_argument("no scenario");
  Options options;
  options.scenario = options.label = argv[1];
  for (int i = 2; i < argc; i += 2) {
    const std::string_view key = argv[i];
    if (!key.starts_with("--"))
      throw std::invalid_argument("'" + std::string(key) + "' is no option");
    if (i + 1 == argc) throw std::invalid_argument(std::string(key) + " has no value");
    set(options, key.substr(2), argv[i + 1]);
  }
  return options;
}

std::string_view usage() {
  return R"(usage: bench_load SCENARIO [--option value ...]

Loads an MQTT broker and prints one line of JSON; exits with 1 if a message was lost, came twice,
out of order or damaged.

  flow      publishers to subscribers as fast as --window allows: CPU per delivered message
            --topology pairs|all|group --publishers N --subscribers N --qos Q --seconds S
  latency   pairs at a fixed --rate: how long from when a message was due to its arrival
  idle      --connections N that do nothing: memory of each, without and with a subscription
  offline   into --sessions that are away, and out again: --phases prepare,fill,drain,forget
            --messages N (all together) --sample N (sessions drained) --disk DIR (measure it, too)
  retained  --messages N to as many topics, and back by one subscription: --phases fill,check
  serving   how long until the broker serves: --since NS (monotonic clock) --messages N (retained)

Always: --host A --port P --pid P (the broker's, for CPU and memory) --version 4|5 --payload BYTES
        --window N --warmup S --stall S --label NAME
)";
}

}  // namespace keel::load
