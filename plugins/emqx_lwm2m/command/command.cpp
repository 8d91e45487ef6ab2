#include "emqx_lwm2m/command/command.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <keel/text.hpp>

#include "emqx_lwm2m/command/document.hpp"
#include "emqx_lwm2m/command/members.hpp"
#include "emqx_lwm2m/command/steps.hpp"

namespace lwm2m {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxRepeated = 4096;  // octets of a request's data in "ack"
constexpr std::size_t kValuesPerItem = 16;  // that a text of the most items may have

// Nothing of it can be echoed, and there is no path.
RefusedCommand garbage(const CommandLimits& limits, std::string_view reason = "invalid_json") {
  RefusedCommand out{.reply = {}, .reason = std::string(reason)};
  if (!limits.answer_garbage) return out;
  out.reply =
      keel::concat(R"({"msgType":"error","data":{"code":"4.00","codeMsg":"bad_request","reason":")",
                   reason, R"("}})");
  return out;
}

bool has(const Members& members, std::string_view key) {
  return std::ranges::find(members.list, key, &Member::key) != members.list.end();
}

// The members that come back in every answer. False: they are too large to.
bool echo(Command& command, const Members& members, std::size_t most) {
  for (const Member& member : members.list) {
    const bool comes_back = command.dialect == Dialect::a
                                ? member.key == "CmdID"
                                : member.key != "msgType" && member.key != "data";
    if (member.key == "data" && member.value.size() <= kMaxRepeated) {
      command.request_data = member.value;
    }
    if (!comes_back) continue;
    if (!command.echo.empty()) command.echo.push_back(',');
    command.echo.append(member.text);
  }
  if (command.echo.size() <= most) return true;
  command.echo.clear();
  return false;
}

Problem read_ttl(Command& command, const json::object& message) {
  const json::value* const given = member(message, "ttl");
  if (!given) return {};
  const std::optional<Value> ttl =
      given->is_number() ? coerce(*given, DataType::unsigned_integer, Encoding::standard)
                         : std::nullopt;
  if (!ttl) return {"bad_ttl"};
  constexpr std::uint64_t kLongest = 0xffffffff;
  command.ttl_s =
      static_cast<std::uint32_t>(std::min(std::get<std::uint64_t>(ttl->data), kLongest));
  return {};
}

Problem read(Reading& reading, const json::object& message) {
  Command& command = reading.command;
  const Problem problem =
      command.dialect == Dialect::b ? read_b(reading, message) : read_a(reading, message);
  return problem ? problem : read_ttl(command, message);
}

}  // namespace

std::variant<Command, RefusedCommand> parse_command(std::string_view payload, const Types& types,
                                                    const CommandLimits& limits) {
  // What is found here is what the parser finds, if it accepts the text; and how many values there
  // are is known before they take memory.
  const std::optional<Members> members = split_members(payload);
  if (!members) return garbage(limits);
  if (members->values > limits.max_items * kValuesPerItem) return garbage(limits, "too_many_items");
  unsigned char buffer[4096];
  json::monotonic_resource memory(buffer, sizeof buffer);
  const std::optional<json::value> parsed = parse_document(payload, limits.max_depth, &memory);
  const json::object* const message = parsed ? parsed->if_object() : nullptr;
  if (!message) return garbage(limits);

  Command command;
  command.name = "error";  // until there is one
  if (!has(*members, "msgType") && has(*members, "Command")) command.dialect = Dialect::a;
  const bool echoed = echo(command, *members, limits.max_echo);
  Reading reading{.command = command, .types = types, .limits = limits};
  Problem problem = read(reading, *message);
  if (!echoed) problem = {"echo_too_large"};
  if (!problem) return command;
  return RefusedCommand{.reply = refused(command, problem.why, problem.reason),
                        .reason = std::string(problem.reason)};
}

}  // namespace lwm2m
