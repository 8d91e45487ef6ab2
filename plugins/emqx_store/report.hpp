// What `ctl store info` says. No I/O; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "emqx_store/run/service.hpp"

namespace emqx_store {

std::string info_text(const Service::Status& status, const std::string& directory);
std::string info_json(const Service::Status& status, const std::string& directory);

// "fine", "short", "shorter", "full", "failing".
const char* condition_name(std::uint32_t condition);

}  // namespace emqx_store
