#include "options.hpp"

#include <charconv>
#include <stdexcept>
#include <type_traits>
#include <utility>

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

void set_topology(Options& options, std::string_view key, std::string_view text) {
  if (text == "pairs")
    options.topology = Topology::pairs;
  else if (text == "all")
    options.topology = Topology::all;
  else if (text == "group")
    options.topology = Topology::group;
  else
    refuse(key, text, "pairs, all or group");
}

void set_version(Options& options, std::string_view key, std::string_view text) {
  if (text != "4" && text != "5") refuse(key, text, "4 (MQTT 3.1.1) or 5");
  options.version = text == "4" ? Version::v311 : Version::v5;
}

void set_tunnel(Options& options, std::string_view key, std::string_view text) {
  if (text == "none")
    options.target.tunnel = TunnelKind::none;
  else if (text == "ws")
    options.target.tunnel = TunnelKind::websocket;
  else if (text == "tls")
    options.target.tunnel = TunnelKind::tls;
  else
    refuse(key, text, "none, ws or tls");
}

void set_host(Options& options, std::string_view, std::string_view text) {
  options.target.host = text;
}
void set_port(Options& options, std::string_view key, std::string_view text) {
  options.target.port = number<std::uint16_t>(key, text, 1, 65'535);
}

template <std::string Options::*Member>
void set_text(Options& options, std::string_view, std::string_view text) {
  options.*Member = text;
}

template <auto Member, std::uint64_t Least, std::uint64_t Most>
void set_count(Options& options, std::string_view key, std::string_view text) {
  using Number = std::remove_reference_t<decltype(options.*Member)>;
  options.*Member =
      number<Number>(key, text, static_cast<Number>(Least), static_cast<Number>(Most));
}

template <double Options::*Member>
void set_seconds(Options& options, std::string_view key, std::string_view text) {
  options.*Member = number<double>(key, text, 0, 1e6);
}

using Set = void (*)(Options& options, std::string_view key, std::string_view text);
constexpr std::uint64_t kMany = 1'000'000'000;
constexpr std::pair<std::string_view, Set> kOptions[] = {
    {"host", set_host},
    {"port", set_port},
    {"label", set_text<&Options::label>},
    {"pid", set_count<&Options::pid, 1, kMany>},
    {"version", set_version},
    {"qos", set_count<&Options::qos, 0, 2>},
    {"topology", set_topology},
    {"publishers", set_count<&Options::publishers, 1, 100'000>},
    {"subscribers", set_count<&Options::subscribers, 1, 100'000>},
    {"window", set_count<&Options::window, 1, 60'000>},
    {"payload", set_count<&Options::payload, Payload::kLeast, kMany / 10>},
    {"seconds", set_seconds<&Options::seconds>},
    {"warmup", set_seconds<&Options::warmup>},
    {"rate", set_count<&Options::rate, 1, kMany>},
    {"messages", set_count<&Options::messages, 1, kMany>},
    {"connections", set_count<&Options::connections, 1, kMany>},
    {"sessions", set_count<&Options::sessions, 1, kMany>},
    {"sample", set_count<&Options::sample, 1, kMany>},
    {"away", set_count<&Options::away, 0, kMany>},
    {"subscriptions", set_count<&Options::subscriptions, 1, kMany>},
    {"settle", set_count<&Options::settle, 0, 3'600>},
    {"since", set_count<&Options::since, 0, ~0ull>},
    {"phases", set_text<&Options::phases>},
    {"disk", set_text<&Options::disk>},
    {"prefix", set_text<&Options::prefix>},
    {"username", set_text<&Options::username>},
    {"password", set_text<&Options::password>},
    {"tunnel", set_tunnel},
    {"stall", set_seconds<&Options::stall>},
};

void set(Options& options, std::string_view key, std::string_view text) {
  for (const auto& [name, set_it] : kOptions)
    if (name == key) return set_it(options, key, text);
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
            --settle S (memory may take so long to shrink when they are gone)
  offline   into --sessions that are away, and out again: --phases prepare,fill,drain,forget
            --messages N (all together) --sample N (sessions drained) --disk DIR (measure it, too)
            --topology all: every session gets every message
  retained  --messages N to as many topics, and back by one subscription: --phases fill,check
  stall     that subscription, while a pair exchanges --rate messages a second: the pair's waits
  table     --subscriptions N of --subscribers, beside --away sessions, and --messages to
            single ones of them: memory of each, CPU of each message; --settle as above
  serving   how long until the broker serves: --since NS (monotonic clock) --messages N (retained)

Always: --host A --port P --pid P (the broker's, for CPU and memory) --version 4|5 --payload BYTES
        --window N --warmup S --stall S --label NAME --prefix TEXT
        --username U --password P --tunnel none|ws|tls
)";
}

}  // namespace keel::load
