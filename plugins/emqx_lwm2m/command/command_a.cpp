// Dialect A, of the documentation: CmdID, Command, BaseName, Value, Arguments.
#include <algorithm>
#include <boost/json.hpp>

#include "emqx_lwm2m/command/attributes.hpp"
#include "emqx_lwm2m/command/steps.hpp"

namespace lwm2m {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxAttributes = 16;

constexpr NamedOperation kOperations[] = {
    {"Read", Operation::read},
    {"Write", Operation::write},
    {"Execute", Operation::execute},
    {"Discover", Operation::discover},
    {"Write-Attributes", Operation::write_attributes},
    {"Observe", Operation::observe},
    {"Cancel-Observe", Operation::cancel_observe},
    {"Create", Operation::create},
    {"Delete", Operation::remove},
};

const json::string* text_member(const json::object& object, std::string_view name) {
  const json::value* const found = member(object, name);
  return found ? found->if_string() : nullptr;
}

// The value of an element, and the type that the name of the field shows.
struct Field {
  const json::value* value = nullptr;
  DataType type = DataType::none;
};

Problem read_field(const json::object& element, Field& out) {
  struct Kind {
    std::string_view name;
    DataType type;
  };
  // Numbers show by themselves what they are.
  constexpr Kind kKinds[] = {{"v", DataType::none},
                             {"bv", DataType::boolean},
                             {"sv", DataType::string},
                             {"ov", DataType::objlnk}};
  for (const Kind& kind : kKinds) {
    const json::value* const found = element.if_contains({kind.name.data(), kind.name.size()});
    if (!found) continue;
    if (out.value) return {"bad_value"};
    if (kind.name == "v" && !found->is_number()) return {"bad_value"};
    out = {found, kind.type};
  }
  return out.value ? Problem{} : Problem{"missing_value"};
}

// The definition's type, if it has one, goes before what the element's field shows.
DataType type_of(const Types& types, const Path& path, DataType shown) {
  const ResourceDefinition* const known = types.resource(path);
  return known && known->type != DataType::none ? known->type : shown;
}

Problem read_element(Reading& reading, const Path& base, const json::value& given) {
  const json::object* const element = given.if_object();
  if (!element) return {"bad_content"};
  Path path = base;
  if (const json::value* const name = member(*element, "n")) {
    const json::string* const text = name->if_string();
    if (!text) return {"bad_path"};
    if (!text->empty()) path = below(base, text_of(*text));
  }
  Field field;
  if (const Problem problem = read_field(*element, field)) return problem;
  if (reading.command.operation == Operation::create) {
    // Without an instance the resource stands where the instance would.
    Path whole = path;
    if (path.depth == 2) whole = reading.command.path.with(0).with(path.instance());
    return take_created(reading, path, type_of(reading.types, whole, field.type), *field.value);
  }
  return take_item(reading, path, type_of(reading.types, path, field.type), *field.value);
}

Problem read_elements(Reading& reading, const Path& base, const json::object& value) {
  const json::value* const given = member(value, "e");
  if (!given) return {"missing_content"};
  const json::array* const list = given->if_array();
  if (!list) return {"bad_content"};
  if (list->empty()) return {"missing_content"};
  if (list->size() > reading.limits.max_items) return {"too_many_items"};
  for (const json::value& element : *list) {
    if (const Problem problem = read_element(reading, base, element)) return problem;
  }
  return {};
}

Problem read_base_name(Reading& reading, const json::object& message) {
  const json::value* const given = member(message, "BaseName");
  if (!given) return {"missing_path"};
  const json::string* const text = given->if_string();
  return text ? take_path(reading, text_of(*text)) : Problem{"bad_path"};
}

// What is written to an object creates an instance of it.
Problem read_write(Reading& reading, const json::object& message) {
  const json::value* const given = member(message, "Value");
  if (!given) return {"missing_value"};
  const json::object* const value = given->if_object();
  if (!value) return {"bad_value"};
  const json::string* base = text_member(*value, "bn");
  if (!base) base = text_member(message, "BaseName");
  if (!base) return {"missing_path"};
  const std::optional<Path> path = parse_path(text_of(*base));
  if (path && path->depth == 1) reading.command.operation = Operation::create;
  if (const Problem problem = take_path(reading, text_of(*base))) return problem;
  return read_elements(reading, reading.command.path, *value);
}

Problem read_create(Reading& reading, const json::object& message) {
  if (const Problem problem = read_base_name(reading, message)) return problem;
  const json::value* const given = member(message, "Value");
  if (!given) {
    reading.command.chosen_by_device = true;
    return {};
  }
  const json::object* const value = given->if_object();
  if (!value) return {"bad_value"};
  const json::string* const base = text_member(*value, "bn");
  const std::optional<Path> path = base ? parse_path(text_of(*base)) : reading.command.path;
  if (!path) return {"bad_path"};
  return read_elements(reading, *path, *value);
}

// "pmin=1&pmax=60"
Problem read_attributes(Reading& reading, const json::object& message) {
  if (const Problem problem = read_base_name(reading, message)) return problem;
  const json::string* const value = text_member(message, "Value");
  if (!value) return {"bad_value"};
  std::string_view rest = text_of(*value);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    const std::string_view name = one.substr(0, equals);
    if (!is_attribute(name)) return {"unknown_attribute"};
    const std::string_view text =
        equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1);
    std::optional<std::string> query = attribute_query(name, text);
    if (!query) return {"bad_value"};
    if (reading.command.queries.size() == kMaxAttributes) return {"bad_value"};
    reading.command.queries.push_back(std::move(*query));
  }
  return reading.command.queries.empty() ? Problem{"missing_attributes"} : Problem{};
}

}  // namespace

Problem read_a(Reading& reading, const json::object& message) {
  Command& command = reading.command;
  const json::string* const name = text_member(message, "Command");
  if (!name) return {"unknown_command"};
  command.name = text_of(*name);
  if (!read_operation(kOperations, command.name, command.operation)) return {"unknown_command"};
  switch (command.operation) {
    case Operation::write:
      return read_write(reading, message);
    case Operation::create:
      return read_create(reading, message);
    case Operation::write_attributes:
      return read_attributes(reading, message);
    case Operation::execute:
      if (const Problem problem = read_base_name(reading, message)) return problem;
      return take_arguments(reading, member(message, "Arguments"));
    default:
      return read_base_name(reading, message);
  }
}

}  // namespace lwm2m
