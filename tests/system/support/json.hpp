// Whether a text is one JSON value. For answers of `ctl --json`.
#pragma once

#include <string_view>

namespace keel::test {

bool valid_json(std::string_view text);

}  // namespace keel::test
