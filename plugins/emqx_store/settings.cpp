#include "emqx_store/settings.hpp"

#include <utility>
#include <vector>

namespace emqx_store {
namespace {

keel::Status read_watermarks(const keel::Config& config, Watermarks& out) {
  const std::vector<std::string> marks = config.list("store.min_free");
  if (marks.size() != out.min_free.size()) {
    return config.fail("store.min_free", R"(needs three amounts, such as ["5%", "3%", "1%"])");
  }
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const auto amount = Amount::parse(marks[i]);
    if (!amount) {
      return config.fail("store.min_free", keel::concat("'", marks[i],
                                                        "' is no amount: a share of "
                                                        "the disk such as 5%, or 2GB"));
    }
    out.min_free[i] = *amount;
  }
  out.max_size = config.size("store.max_size");
  return {};
}

}  // namespace

keel::Status read_settings(const keel::Config& config, ServiceOptions& out) {
  EngineOptions& engine = out.engine;
  if (std::string directory = config.text("store.directory"); !directory.empty()) {
    engine.directory = config.path(directory);
  }
  engine.cache_bytes = config.size("store.cache");
  engine.memtable_bytes = config.size("store.memtables");
  engine.compaction_rate = config.size("store.compaction_rate");
  out.readers = static_cast<std::uint32_t>(config.integer("store.readers"));
  out.commit_delay_us = static_cast<std::uint32_t>(config.duration_ms("store.commit_delay")) * 1000;
  out.commit_operations = static_cast<std::uint32_t>(config.integer("store.commit_operations"));
  return read_watermarks(config, out.watermarks);
}

}  // namespace emqx_store
