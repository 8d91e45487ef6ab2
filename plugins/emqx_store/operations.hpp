// What `ctl store ...` does on a thread of its own. Each answers with a text for people and a JSON
// document; `cancelled` ends it soon.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "emqx_store/run/service.hpp"

namespace emqx_store {

Jobs::Result compact(Service& service, const std::atomic<bool>& cancelled);
Jobs::Result check(Service& service, const std::atomic<bool>& cancelled);
// `keep`: how many backups stay in the directory; 0: all.
Jobs::Result backup(Service& service, const std::string& directory, std::uint32_t keep,
                    const std::atomic<bool>& cancelled);
// `id`: 0: the last one.
Jobs::Result restore(Service& service, const std::string& directory, std::uint32_t id,
                     const std::atomic<bool>& cancelled);
Jobs::Result cancel_restore(Service& service);
Jobs::Result list_backups(Service& service, const std::string& directory);

}  // namespace emqx_store
