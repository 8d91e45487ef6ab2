// What `ctl lwm2m read` and the like ask of a device, and what they say of its answer: commands and
// answers of dialect B. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "emqx_lwm2m/objects/definitions.hpp"

namespace lwm2m {

// {"msgType":"read","data":{"path":"/3/0"}}
std::string operation(std::string_view type, std::string_view path);
// `type` empty: as the definition has it, or a text.
std::string write_operation(std::string_view path, std::string_view value, std::string_view type);
std::string execute_operation(std::string_view path, std::string_view arguments);

struct OperationText {
  bool ok = false;  // the device has done it
  std::string text;
};
// For people: values with the names of their resources. As JSON: the answer as it is.
OperationText operation_text(std::string_view answer, const Types& types, bool json);

}  // namespace lwm2m
