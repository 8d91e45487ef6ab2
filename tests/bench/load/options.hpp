// What the command line asks for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "loop.hpp"
#include "wire.hpp"

namespace keel::load {

enum class Topology : std::uint8_t {
  pairs,  // each publisher has a topic, each subscriber listens to one of them
  all,    // every subscriber gets every message
  group   // the subscribers share them
};

struct Options {
  std::string scenario, label;
  Target target;
  pid_t pid = 0;
  Version version = Version::v311;
  std::uint8_t qos = 0;
  Topology topology = Topology::pairs;
  std::uint32_t publishers = 1, subscribers = 1;
  std::uint32_t window = 100;  // messages of a publisher that are not through
  std::uint64_t payload = 64;
  double seconds = 2, warmup = 0.2;
  std::uint64_t rate = 5'000;  // messages per second, of all publishers
  std::uint64_t messages = 0;  // of all publishers
  std::uint64_t connections = 1'000, sessions = 100;
  std::uint64_t sample = 0;  // of the sessions drained; 0: all
  std::uint64_t subscriptions = 1'000'000;
  std::uint64_t away = 0;    // persistent sessions besides, whose clients are not there
  std::uint64_t settle = 0;  // seconds that memory may take to shrink
  std::uint64_t since = 0;   // monotonic clock, ns; 0: now
  std::string phases;        // names, with commas between; empty: all
  std::string disk;          // directory whose disk is measured; empty: none
  std::string prefix;        // of client ids and topics, to tell two generators apart
  std::string username, password;
  double stall = 20;  // seconds without an octet after which a run has failed

  bool phase(std::string_view name) const;
};

// Throws std::invalid_argument with words for the user.
Options parse_options(int argc, char** argv);
std::string_view usage();

}  // namespace keel::load
