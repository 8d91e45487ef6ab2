// How operators hear what became of a command of theirs.
#pragma once

#include <functional>
#include <keel/result.hpp>
#include <string>

namespace lwm2m {

// The final answer, as JSON; an error: the endpoint is not registered. [shard]
using OperationDone = std::function<void(const keel::Result<std::string>& answer)>;

}  // namespace lwm2m
