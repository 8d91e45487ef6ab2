// Everything that is counted, as commands and scrapers want to read it. Pure reads of the realm;
// [any].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/admin/stats.hpp"
#include "kernel/broker/realm.hpp"

namespace keel::kernel {

struct NamedCount {
  std::string_view name;
  std::uint64_t value;
};
// All counters, sorted by name.
std::vector<NamedCount> metric_counts(const Realm& realm);

struct NodeFacts {
  std::string_view node_name, version;
  std::int64_t started_unix_s = 0;
};
// The Prometheus text format 0.0.4: counters keel_<name>_total, levels as gauges, facts about the
// process.
std::string prometheus_text(const Realm& realm, const NodeFacts& facts, std::int64_t now_unix_s);

}  // namespace keel::kernel
