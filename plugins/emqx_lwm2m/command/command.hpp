// Commands as MQTT clients send them, in both dialects of JSON: B has msgType, and data with what
// it needs; A has Command. Beside them `ttl` (seconds) says how long it may wait for the device
// and, in B, `encoding` what texts of values mean: "hex" all octets, "raw" opaque ones without
// base64. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "emqx_lwm2m/format/content.hpp"
#include "emqx_lwm2m/format/value.hpp"
#include "emqx_lwm2m/objects/definitions.hpp"

namespace lwm2m {

enum class Dialect : std::uint8_t { b, a };

enum class Operation : std::uint8_t {
  read,
  discover,
  write,
  write_attributes,
  execute,
  create,
  remove,
  observe,
  cancel_observe,
  read_composite,
  write_composite,
};

struct Command {
  Dialect dialect = Dialect::b;
  Operation operation = Operation::read;
  // What comes back in every answer: B: the members beside msgType and data, A: CmdID; JSON without
  // the braces, to the letter, but of those with the same key the last; may be empty.
  std::string echo;
  std::string name;          // B: msgType, A: Command; as it came
  std::string request_data;  // B: data as it came, for "ack"; empty: it is too large to be repeated
  std::string request_path;  // path or basePath (A: BaseName, bn) as it came
  Path path;
  std::vector<std::string> queries;  // of the path; write_attributes: "pmin=1", "pmax"
  Items items;                       // write, create, write_composite; the paths are whole
  std::vector<Path> paths;           // read_composite
  std::string arguments;             // execute; empty: none
  bool replace = false;              // write: PUT on an instance
  // Create: without an instance id, since the paths in the request have the resource only; in those
  // of the items it is 0.
  bool chosen_by_device = false;
  std::optional<std::uint32_t> ttl_s;  // 0: do not queue
};

// What is answered at once; nothing is sent to the device.
struct RefusedCommand {
  std::string reply;   // empty: silence
  std::string reason;  // for the log: a word, as in the reply
};

struct CommandLimits {
  bool answer_garbage = true;  // what is no JSON object is answered, too
  int max_depth = 16;
  std::size_t max_items = 4096;
  std::size_t max_echo = 64u << 10;  // octets: every notification repeats it
};

// Without definitions the types of values are those of JSON.
std::variant<Command, RefusedCommand> parse_command(std::string_view payload, const Types& types,
                                                    const CommandLimits& limits);

}  // namespace lwm2m
