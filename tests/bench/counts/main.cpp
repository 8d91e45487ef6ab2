// Plays the scenarios, each in a process of its own and from the same beginning. Run by counts.py
// below callgrind; alone it only shows that they can be played.
//
// Prints a line for each: its name, how many messages it had, what it is.
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "scenarios.hpp"
#include "tests/bench/loop/collect.hpp"

// Two things would make a run differ from the next: where hashes begin, and what time it is. The
// linker takes these instead of the system's.
extern "C" ssize_t getrandom(void* to, size_t size, unsigned) {
  std::memset(to, 0x5a, size);
  return static_cast<ssize_t>(size);
}

extern "C" int clock_gettime(clockid_t, timespec* now) noexcept {
  *now = {.tv_sec = 1'700'000'000, .tv_nsec = 0};
  return 0;
}

namespace keel::bench {

void begin_counting() { CALLGRIND_ZERO_STATS; }

namespace {

void play(const Scenario& scenario) {
  const unsigned long long messages = scenario.play();
  CALLGRIND_DUMP_STATS_AT(scenario.name);
  std::printf("%s %llu %s\n", scenario.name, messages, scenario.about);
}

bool play_apart(const Scenario& scenario) {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    play(scenario);
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace
}  // namespace keel::bench

// With the name of a scenario: that one, in this process.
int main(int argc, char** argv) {
  using namespace keel::bench;
  const std::string_view only = argc > 1 ? argv[1] : "";
  bool well = true;
  for (const auto scenarios : {flow_scenarios(), state_scenarios()})
    for (const Scenario& scenario : scenarios) {
      if (only == scenario.name) return play(scenario), 0;
      if (!only.empty() || play_apart(scenario)) continue;
      std::fprintf(stderr, "%s could not be played\n", scenario.name);
      well = false;
    }
  return well && only.empty() ? 0 : 1;
}
