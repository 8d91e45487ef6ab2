// Dialect B: reqID, msgType, data.
#include <boost/json.hpp>

#include "emqx_lwm2m/command/attributes.hpp"
#include "emqx_lwm2m/command/steps.hpp"

namespace lwm2m {

namespace {

namespace json = boost::json;

constexpr NamedOperation kOperations[] = {
    {"read", Operation::read},
    {"discover", Operation::discover},
    {"write", Operation::write},
    {"write-attr", Operation::write_attributes},
    {"execute", Operation::execute},
    {"create", Operation::create},
    {"delete", Operation::remove},
    {"observe", Operation::observe},
    {"cancel-observe", Operation::cancel_observe},
    {"read-composite", Operation::read_composite},
    {"write-composite", Operation::write_composite},
};

Problem read_encoding(const json::object& message, Encoding& out) {
  const json::value* const given = member(message, "encoding");
  if (!given) return {};
  const json::string* const name = given->if_string();
  if (name && *name == "hex") {
    out = Encoding::hex;
  } else if (name && *name == "raw") {
    out = Encoding::raw;
  } else if (!name || (!name->empty() && *name != "base64")) {
    return {"bad_encoding"};
  }
  return {};
}

// From `path`, or `basePath`.
Problem read_path(Reading& reading, const json::object& data) {
  const json::value* given = member(data, "path");
  if (!given) given = member(data, "basePath");
  if (!given) return {"missing_path"};
  const json::string* const text = given->if_string();
  return text ? take_path(reading, text_of(*text)) : Problem{"bad_path"};
}

Problem read_type(const json::object& item, DataType& out) {
  const json::value* const given = member(item, "type");
  if (!given) return {};
  const json::string* const text = given->if_string();
  const std::optional<DataType> type = text ? parse_data_type(text_of(*text)) : std::nullopt;
  if (!type) return {"bad_type"};
  out = *type;
  return {};
}

// {"path", "type", "value"} below `base`.
Problem read_item(Reading& reading, const Path& base, const json::value& given) {
  const json::object* const item = given.if_object();
  if (!item) return {"bad_content"};
  const json::value* const relative = member(*item, "path");
  if (!relative) return {"missing_path"};
  const json::string* const text = relative->if_string();
  const Path path = text ? below(base, text_of(*text)) : Path();
  if (path.depth == 0) return {"bad_path"};
  DataType type = DataType::none;
  if (const Problem problem = read_type(*item, type)) return problem;
  const json::value* const value = item->if_contains("value");
  if (!value) return {"missing_value"};
  return reading.command.operation == Operation::create ? take_created(reading, path, type, *value)
                                                        : take_item(reading, path, type, *value);
}

Problem read_content(Reading& reading, const Path& base, const json::object& data) {
  const json::value* const given = member(data, "content");
  const json::array* const content = given ? given->if_array() : nullptr;
  if (given && !content) return {"bad_content"};
  if (!content || content->empty()) return {"missing_content"};
  if (content->size() > reading.limits.max_items) return {"too_many_items"};
  reading.command.items.reserve(content->size());
  for (const json::value& item : *content) {
    if (const Problem problem = read_item(reading, base, item)) return problem;
  }
  return {};
}

Problem read_mode(const json::object& data, bool& replace) {
  const json::value* const given = member(data, "mode");
  if (!given) return {};
  const json::string* const mode = given->if_string();
  if (!mode || (*mode != "replace" && *mode != "update")) return {"bad_mode"};
  replace = *mode == "replace";
  return {};
}

Problem read_write(Reading& reading, const json::object& data) {
  Command& command = reading.command;
  if (const Problem problem = read_path(reading, data)) return problem;
  if (member(data, "content")) {
    if (command.path.depth > 3) return {"bad_path"};
    if (const Problem problem = read_mode(data, command.replace)) return problem;
    return read_content(reading, command.path, data);
  }
  const json::value* const value = data.if_contains("value");
  if (!value) return {"missing_value"};
  DataType type = DataType::none;
  if (const Problem problem = read_type(data, type)) return problem;
  return take_item(reading, command.path, type, *value);
}

Problem read_create(Reading& reading, const json::object& data) {
  if (const Problem problem = read_path(reading, data)) return problem;
  const json::value* const content = member(data, "content");
  const json::array* const list = content ? content->if_array() : nullptr;
  if (!content || (list && list->empty())) {
    reading.command.chosen_by_device = true;
    return {};
  }
  return read_content(reading, reading.command.path, data);
}

Problem read_attributes(Reading& reading, const json::object& data) {
  if (const Problem problem = read_path(reading, data)) return problem;
  for (const json::key_value_pair& pair : data) {
    const std::string_view name(pair.key().data(), pair.key().size());
    if (name == "path" || name == "basePath") continue;
    if (!is_attribute(name)) return {"unknown_attribute"};
    if (pair.value().is_null()) continue;
    std::optional<std::string> query = attribute_query(name, pair.value());
    if (!query) return {"bad_value"};
    reading.command.queries.push_back(std::move(*query));
  }
  return reading.command.queries.empty() ? Problem{"missing_attributes"} : Problem{};
}

Problem read_paths(Reading& reading, const json::object& data) {
  reading.command.request_path = "/";
  const json::value* const given = member(data, "paths");
  if (!given) return {"missing_path"};
  const json::array* const list = given->if_array();
  if (!list) return {"bad_path"};
  if (list->empty()) return {"missing_path"};
  if (list->size() > reading.limits.max_items) return {"too_many_items"};
  for (const json::value& item : *list) {
    const json::string* const text = item.if_string();
    const Path path = text ? below(Path(), text_of(*text)) : Path();
    if (path.depth == 0) return {"bad_path"};
    if (const Problem problem = permit(path)) return problem;
    reading.command.paths.push_back(path);
  }
  return {};
}

Problem read_data(Reading& reading, const json::object& data) {
  switch (reading.command.operation) {
    case Operation::write:
      return read_write(reading, data);
    case Operation::write_attributes:
      return read_attributes(reading, data);
    case Operation::create:
      return read_create(reading, data);
    case Operation::execute:
      if (const Problem problem = read_path(reading, data)) return problem;
      return take_arguments(reading, member(data, "args"));
    case Operation::read_composite:
      return read_paths(reading, data);
    case Operation::write_composite:
      reading.command.request_path = "/";
      return read_content(reading, Path(), data);
    case Operation::read:
    case Operation::discover:
    case Operation::remove:
    case Operation::observe:
    case Operation::cancel_observe:
      break;
  }
  return read_path(reading, data);
}

// For the answer: where there is an error elsewhere, it names the path nevertheless.
void note_path(Command& command, const json::object& data) {
  const json::value* given = member(data, "path");
  if (!given) given = member(data, "basePath");
  const json::string* const text = given ? given->if_string() : nullptr;
  if (!text) return;
  const std::string_view path = text_of(*text);
  command.request_path = path.substr(0, path.find('?'));
}

}  // namespace

Problem read_b(Reading& reading, const json::object& message) {
  Command& command = reading.command;
  const json::value* const given = member(message, "data");
  const json::object* const data = given ? given->if_object() : nullptr;
  if (data) note_path(command, *data);
  const json::value* const name = member(message, "msgType");
  const json::string* const text = name ? name->if_string() : nullptr;
  if (!text) return {name ? "unknown_msgType" : "missing_msgType"};
  command.name = text_of(*text);
  if (!read_operation(kOperations, command.name, command.operation)) return {"unknown_msgType"};
  if (!given) return {"missing_data"};
  if (!data) return {"bad_data"};
  if (const Problem problem = read_encoding(message, reading.encoding)) return problem;
  return read_data(reading, *data);
}

}  // namespace lwm2m
