// The scenarios whose instructions are counted. A scenario sets its clients up, plays a while so
// that buffers and caches are what they stay, and then plays the part that counts.
#pragma once

#include <cstdint>
#include <span>

namespace keel::bench {

struct Scenario {
  const char* name;
  const char* about;
  // Plays, and answers how many messages (or what else the figure is of) the counted part had.
  std::uint64_t (*play)();
};

std::span<const Scenario> flow_scenarios();   // messages on their way to clients that are there
std::span<const Scenario> state_scenarios();  // clients, subscriptions, messages that are kept

// What was counted before does not count.
void begin_counting();

}  // namespace keel::bench
