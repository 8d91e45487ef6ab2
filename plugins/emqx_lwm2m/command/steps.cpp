#include "emqx_lwm2m/command/steps.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace lwm2m {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxQuery = 255, kMaxQueries = 16, kMaxArguments = 1024;

struct Depths {
  std::uint8_t least, most;
};

Depths depths(Operation operation) {
  switch (operation) {
    case Operation::read:
    case Operation::write_attributes:
    case Operation::observe:
    case Operation::cancel_observe:
      return {1, 4};
    case Operation::discover:
      return {1, 3};
    case Operation::write:
      return {2, 4};
    case Operation::execute:
      return {3, 3};
    case Operation::create:
      return {1, 1};
    case Operation::remove:
      return {2, 4};
    case Operation::read_composite:
    case Operation::write_composite:
      break;
  }
  return {0, 0};
}

// Of a path: what a device would take for attributes to write stays out of a PUT, and of an
// Observe.
bool may_have_queries(Operation operation) {
  return operation == Operation::read || operation == Operation::discover;
}

Problem take_queries(Command& command, std::string_view text) {
  if (!may_have_queries(command.operation)) return {"query_not_allowed"};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view query = text.substr(0, end);
    if (query.size() > kMaxQuery || command.queries.size() == kMaxQueries) return {"bad_query"};
    if (!query.empty()) command.queries.emplace_back(query);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

}  // namespace

bool read_operation(std::span<const NamedOperation> known, std::string_view name, Operation& out) {
  for (const NamedOperation& each : known) {
    if (each.name != name) continue;
    out = each.operation;
    return true;
  }
  return false;
}

std::string_view text_of(const json::string& text) { return {text.data(), text.size()}; }

const json::value* member(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains({name.data(), name.size()});
  return found && !found->is_null() ? found : nullptr;
}

Problem permit(const Path& path) {
  if (path.depth > 0 && path.object() == 0) return {"security_object", Refusal::unauthorized};
  return {};
}

Problem take_path(Reading& reading, std::string_view text) {
  Command& command = reading.command;
  const std::size_t mark = text.find('?');
  command.request_path = text.substr(0, mark);
  const std::optional<Path> path = parse_path(command.request_path);
  const Depths allowed = depths(command.operation);
  if (!path) return {"bad_path"};
  if (const Problem problem = permit(*path)) return problem;
  if (path->depth < allowed.least || path->depth > allowed.most) return {"bad_path"};
  command.path = *path;
  if (mark == std::string_view::npos) return {};
  return take_queries(command, text.substr(mark + 1));
}

Path below(const Path& base, std::string_view relative) {
  const std::optional<Path> rest = parse_path(relative);
  if (!rest || rest->depth == 0 || base.depth + rest->depth > 4) return {};
  Path out = base;
  for (std::uint8_t i = 0; i < rest->depth; ++i) out = out.with(rest->ids[i]);
  return out;
}

Problem take_item(Reading& reading, const Path& path, DataType type, const json::value& value) {
  if (path.depth < 3) return {"bad_path"};
  if (const Problem problem = permit(path)) return problem;
  if (reading.command.items.size() >= reading.limits.max_items) return {"too_many_items"};
  if (type == DataType::none) {
    const ResourceDefinition* const known = reading.types.resource(path);
    if (known) type = known->type;
  }
  std::optional<Value> read = coerce(value, type, reading.encoding);
  if (!read) return {"bad_value"};
  reading.command.items.push_back({.path = path, .value = std::move(*read)});
  return {};
}

Problem take_created(Reading& reading, const Path& path, DataType type, const json::value& value) {
  Command& command = reading.command;
  const bool any_instance = path.depth == 2;
  Path whole = path;
  if (any_instance) whole = command.path.with(0).with(path.instance());
  if (command.items.empty()) command.chosen_by_device = any_instance;
  const bool alike = command.chosen_by_device == any_instance &&
                     (command.items.empty() || command.items[0].path.up_to(2).covers(whole));
  if (!alike || !command.path.covers(path)) return {"bad_path"};
  return take_item(reading, whole, type, value);
}

Problem take_arguments(Reading& reading, const json::value* arguments) {
  if (!arguments) return {};
  const json::string* const text = arguments->if_string();
  if (!text || text->size() > kMaxArguments) return {"bad_args"};
  if (*text == "undefined") return {};
  const bool printable =
      std::ranges::all_of(text_of(*text), [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable) return {"bad_args"};
  reading.command.arguments = text_of(*text);
  return {};
}

}  // namespace lwm2m
