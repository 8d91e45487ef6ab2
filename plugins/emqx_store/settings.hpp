// The plugin's settings. [control]
#pragma once

#include <keel/config.hpp>
#include <keel/settings.hpp>
#include <string>

#include "emqx_store/run/service.hpp"

namespace emqx_store {

inline constexpr keel::Setting kSettings[] = {
    keel::string("store.directory", "",
                 "Where the store's files are; empty: db in the plugin's own directory, which is "
                 "plugins/emqx_store below the broker's data_dir"),
    keel::size("store.cache", "32MB", "Memory for what was read from disk")
        .between(1 << 20, INT64_MAX),
    keel::size(
        "store.memtables", "64MB",
        "Memory, at most, for what was written last; it is read again when the broker starts "
        "after a crash")
        .between(1 << 20, INT64_MAX),
    keel::integer("store.readers", 2, "Threads that read for clients that come back")
        .between(1, 64),
    keel::duration("store.commit_delay", "0ms",
                   "How long a busy store gathers more before it writes; a single message never "
                   "waits")
        .between(0, 1000)
        .reloadable(),
    keel::integer("store.commit_operations", 128, "So many changes end that delay early")
        .between(1, 1'000'000)
        .reloadable(),
    keel::size("store.compaction_rate", "64MB",
               "Octets per second, at most, that are written in the background; 0: no bound"),
    keel::strings(
        "store.min_free", "5%,3%,1%",
        "What has to stay free on the disk, of its size or as 2GB: with less, new messages "
        "for clients that are away are refused, then new retained ones too, then whatever "
        "has to be durable")
        .reloadable(),
    keel::size("store.max_size", "0",
               "The store's size at most; the same is refused at 90 %, 95 % and 100 % of it; 0: no "
               "bound")
        .reloadable(),
};

// Reads them. A failure names the setting, with its place in the file.
keel::Status read_settings(const keel::Config& config, ServiceOptions& out);

}  // namespace emqx_store
