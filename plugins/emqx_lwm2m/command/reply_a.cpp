// Answers of dialect A: the CmdID, the Command, and a Result or an Error.
#include <span>

#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/command/reply_parts.hpp"
#include "emqx_lwm2m/format/json_text.hpp"

namespace lwm2m {

namespace {

std::string with_text(const Command& command, std::string_view key, std::string_view text) {
  std::string out;
  begin_reply(out, command, "Command", command.name);
  out.push_back(',');
  append_quoted(out, key);
  out.push_back(':');
  append_quoted(out, text);
  out.push_back('}');
  return out;
}

std::string error(const Command& command, std::string_view text) {
  return with_text(command, "Error", text);
}

std::string_view success_word(coap::Code code) {
  switch (code) {
    case coap::kCreated:
      return "Created";
    case coap::kDeleted:
      return "Deleted";
    case coap::kValid:
      return "Valid";
    case coap::kContent:
      return "Content";
    default:
      return "Changed";
  }
}

std::string_view error_words(coap::Code code) {
  switch (code) {
    case coap::kUnauthorized:
      return "Unauthorized";
    case coap::kForbidden:
      return "Forbidden";
    case coap::kNotFound:
      return "Not Found";
    case coap::kMethodNotAllowed:
      return "Method Not Allowed";
    case coap::kNotAcceptable:
      return "Not Acceptable";
    case coap::kUnsupportedFormat:
      return "Unsupported Content Format";
    default:
      return coap::class_of(code) == 4 ? "Bad Request" : "Internal Server Error";
  }
}

// The field of an element; empty: there is no value.
std::string_view field(const Item& item) {
  struct Namer {
    std::string_view operator()(std::monostate) const { return {}; }
    std::string_view operator()(std::int64_t) const { return "v"; }
    std::string_view operator()(std::uint64_t) const { return "v"; }
    std::string_view operator()(double) const { return "v"; }
    std::string_view operator()(bool) const { return "bv"; }
    std::string_view operator()(const std::string&) const { return "sv"; }
    std::string_view operator()(ObjectLink) const { return "ov"; }
  };
  return std::visit(Namer{}, item.value.data);
}

// The part of the path behind `base`; without a name when it is the base itself.
void append_name(std::string& out, const Path& base, const Path& path) {
  if (path == base) return;
  out.append(R"("n":")");
  const bool inside = base.covers(path);
  if (!inside) append_path(out, path);
  for (std::uint8_t i = base.depth; inside && i < path.depth; ++i) {
    if (i > base.depth) out.push_back('/');
    append_number(out, path.ids[i]);
  }
  out.push_back('"');
}

void append_element(std::string& out, const Path& base, const Item& item) {
  out.push_back('{');
  append_name(out, base, item.path);
  const auto comma = [&] {
    if (out.back() != '{') out.push_back(',');
  };
  if (const std::string_view name = field(item); !name.empty()) {
    comma();
    append_quoted(out, name);
    out.push_back(':');
    append_value(out, item);
  }
  if (item.time) {
    comma();
    out.append(R"("t":)");
    append_json_number(out, *item.time);
  }
  out.push_back('}');
}

std::string result(const Command& command, std::span<const Item> items) {
  std::string out;
  begin_reply(out, command, "Command", command.name);
  out.append(R"(,"Result":{"bn":")");
  append_path(out, command.path);
  out.append(R"(","e":[)");
  bool first = true;
  for (const Item& item : items) {
    if (!first) out.push_back(',');
    first = false;
    append_element(out, command.path, item);
  }
  out.append("]}}");
  return out;
}

}  // namespace

std::string answer_a(const Command& command, const Answer& answer, const ReplySettings& settings) {
  if (answer.raw) return error(command, "Bad Request");
  if (coap::class_of(answer.code) != 2) return error(command, error_words(answer.code));
  if (answer.code == coap::kContent && command.operation == Operation::discover) {
    return with_text(command, "Result", answer.links);
  }
  const bool values =
      command.operation == Operation::read || command.operation == Operation::observe;
  if (!values) return with_text(command, "Result", success_word(answer.code));
  if (answer.content && answer.content->undefined && settings.strict_xml_a) {
    return error(command, "No XML Definition");
  }
  return result(command, answer.content ? std::span<const Item>(answer.content->items)
                                        : std::span<const Item>());
}

std::string refused_a(const Command& command, Refusal why) {
  switch (why) {
    case Refusal::unauthorized:
      return error(command, "Unauthorized");
    case Refusal::timeout:
    case Refusal::expired:
      return error(command, "Timeout");
    case Refusal::reset:
      return error(command, "Reset");
    case Refusal::not_registered:
    case Refusal::shutdown:
      return error(command, "Device Offline");
    case Refusal::queue_full:
      return error(command, "Queue Full");
    case Refusal::bad_request:
    case Refusal::too_large:
    case Refusal::broken_body:
      break;
  }
  return error(command, "Bad Request");
}

}  // namespace lwm2m
