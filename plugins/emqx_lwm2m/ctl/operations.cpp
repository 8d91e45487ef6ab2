#include "emqx_lwm2m/ctl/operations.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <keel/text.hpp>
#include <vector>

#include "emqx_lwm2m/format/number.hpp"
#include "emqx_lwm2m/format/path.hpp"
#include "emqx_lwm2m/report.hpp"

namespace lwm2m {
namespace {

namespace js = boost::json;
using keel::concat;

std::string with_data(std::string_view type, js::object data) {
  return js::serialize(js::object{{"msgType", type}, {"data", std::move(data)}});
}

std::string_view text_at(const js::object& object, std::string_view key) {
  const js::value* const found = object.if_contains(key);
  if (!found || !found->is_string()) return {};
  return {found->get_string().data(), found->get_string().size()};
}

// "1367491215 (2013-05-02 10:40:15 UTC)"
std::string time_text(std::int64_t seconds) {
  std::tm parts{};
  const std::time_t time = seconds;
  char text[64];
  if (!::gmtime_r(&time, &parts) ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
    return std::to_string(seconds);
  }
  return concat(seconds, " (", text, ')');
}

std::string value_text(const js::value& value, const ResourceDefinition* known) {
  if (value.is_string()) return on_one_line({value.get_string().data(), value.get_string().size()});
  if (known && known->type == DataType::time && value.is_int64())
    return time_text(value.get_int64());
  std::string out;
  if (value.is_double()) {
    append_number(out, value.get_double());
  } else {
    out = on_one_line(js::serialize(value));
  }
  if (known && !known->units.empty()) out += ' ' + on_one_line(known->units);
  return out;
}

struct Row {
  std::string path, name, value;
};

Row row_of(const js::value& item, const Types& types) {
  if (!item.is_object()) return {value_text(item, nullptr), {}, {}};  // of a Discover: a link
  const js::object& leaf = item.get_object();
  Row out;
  out.path = on_one_line(text_at(leaf, "path"));
  const auto path = parse_path(text_at(leaf, "path"));
  const ResourceDefinition* const known = path ? types.resource(*path) : nullptr;
  if (known) out.name = on_one_line(known->name);
  if (const js::value* const value = leaf.if_contains("value"))
    out.value = value_text(*value, known);
  if (const std::string_view error = text_at(leaf, "error"); !error.empty())
    out.value += concat("  (", on_one_line(error), ')');
  return out;
}

std::string content_text(const js::value& content, const Types& types) {
  if (!content.is_array()) return value_text(content, nullptr) + '\n';
  std::vector<Row> rows;
  std::size_t paths = 0, names = 0;
  for (const js::value& item : content.get_array()) {
    const Row& row = rows.emplace_back(row_of(item, types));
    paths = std::max(paths, row.path.size());
    names = std::max(names, row.name.size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line = padded(row.path, std::min<std::size_t>(paths, 24));
    if (names != 0) line += "  " + padded(row.name, std::min<std::size_t>(names, 48));
    if (!row.value.empty()) line += "  " + row.value;
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out.empty() ? "there is nothing in it\n" : out;
}

std::string failure_text(std::string_view message, const js::object& data) {
  std::string out = concat(text_at(data, "code"), ' ', text_at(data, "codeMsg"));
  if (message == "coap_timeout") out += ": the device did not answer";
  if (message == "coap_reset") out += ": the device refused to listen";
  if (const std::string_view reason = text_at(data, "reason"); !reason.empty())
    out += concat(": ", on_one_line(reason));
  return out + '\n';
}

}  // namespace

std::string operation(std::string_view type, std::string_view path) {
  return with_data(type, {{"path", path}});
}

std::string write_operation(std::string_view path, std::string_view value, std::string_view type) {
  js::object data{{"path", path}, {"value", value}};
  if (!type.empty()) data["type"] = type;
  return with_data("write", std::move(data));
}

std::string execute_operation(std::string_view path, std::string_view arguments) {
  js::object data{{"path", path}};
  if (!arguments.empty()) data["args"] = arguments;
  return with_data("execute", std::move(data));
}

OperationText operation_text(std::string_view answer, const Types& types, bool json) {
  boost::system::error_code error;
  const js::value parsed = js::parse(answer, error);
  const js::object* const whole = error ? nullptr : parsed.if_object();
  const js::value* const inner = whole ? whole->if_contains("data") : nullptr;
  const js::object* const data = inner ? inner->if_object() : nullptr;
  if (!data) return {false, concat("an answer that nobody can read: ", on_one_line(answer), '\n')};
  const std::string_view code = text_at(*data, "code");
  OperationText out;
  out.ok = code.starts_with("2.");
  if (json) {
    out.text = concat(answer, '\n');
  } else if (!out.ok) {
    out.text = failure_text(text_at(*whole, "msgType"), *data);
  } else if (const js::value* const content = data->if_contains("content")) {
    out.text = content_text(*content, types);
    if (data->contains("observed")) out.text += "the device does not observe it\n";
  } else {
    out.text = concat(code, ' ', text_at(*data, "codeMsg"), '\n');
  }
  return out;
}

}  // namespace lwm2m
