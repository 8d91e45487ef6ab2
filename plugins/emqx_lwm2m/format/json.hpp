// JSON for the codecs. Read as a sequence of what it holds, in the order of the text: nothing of it
// is kept, numbers are exact. Any thread.
#pragma once

#include <keel/result.hpp>
#include <string>
#include <string_view>

#include "emqx_lwm2m/format/typing.hpp"

namespace lwm2m {

class JsonSink {
 public:
  virtual ~JsonSink() = default;
  // An object or array begins, or ends, within `depth` others. `key`: its name in an object.
  virtual keel::Status begin(int depth, std::string_view key, bool is_array) = 0;
  virtual keel::Status end(int depth) = 0;
  // A string, number, truth value or null within `depth` containers.
  virtual keel::Status scalar(int depth, std::string_view key, Plain value) = 0;
};

// All of `text` must be one value. Ends with the sink's first error.
keel::Status read_json(std::string_view text, int max_depth, JsonSink& sink);

// The number of a value; which is finite.
void append_json_number(std::string& out, const Value& number);

}  // namespace lwm2m
