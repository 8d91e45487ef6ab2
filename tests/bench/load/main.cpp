// The load generator of tools/bench: one scenario a call, one line of JSON out.
#include <sys/resource.h>

#include <cstdio>
#include <map>
#include <string>

#include "scenarios.hpp"

namespace keel::load {
namespace {

int run(const Options& options) {
  using Make = std::unique_ptr<Scenario> (*)(const Options&);
  const std::map<std::string_view, Make> scenarios{
      {"flow", make_flow},       {"latency", make_latency},   {"idle", make_idle},
      {"offline", make_offline}, {"retained", make_retained}, {"serving", make_serving},
      {"stall", make_stall},     {"table", make_table}};
  const auto found = scenarios.find(options.scenario);
  if (found == scenarios.end())
    throw std::invalid_argument("there is no scenario '" + options.scenario + "'");

  Report report;
  report.add("scenario", options.scenario);
  report.add("label", options.label);
  bool good = false;
  try {
    good = found->second(options)->run(report);
  } catch (const Trouble& trouble) {
    report.add("trouble", std::string_view(trouble.what()));
  }
  report.add("good", std::uint64_t{good});
  std::puts(report.line().c_str());
  return good ? 0 : 1;
}

// As many connections as the system grants.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace keel::load

int main(int argc, char** argv) {
  try {
    const keel::load::Options options = keel::load::parse_options(argc, argv);
    keel::load::raise_file_limit();
    return keel::load::run(options);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "error: %s\n\n%s", error.what(), std::string(keel::load::usage()).c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
  }
  return 2;
}
