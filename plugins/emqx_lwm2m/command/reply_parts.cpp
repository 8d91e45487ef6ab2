#include "emqx_lwm2m/command/reply_parts.hpp"

#include <cmath>
#include <keel/utf8.hpp>

#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/json_text.hpp"
#include "emqx_lwm2m/format/link_format.hpp"

namespace lwm2m {

namespace {

constexpr std::size_t kMaxLinks = 16384;

void append_octets(std::string& out, std::string_view octets) {
  out.push_back('"');
  out.append(to_base64(octets));
  out.push_back('"');
}

Written append_text(std::string& out, const Item& item, const std::string& text) {
  if (item.mismatch || item.value.type == DataType::opaque) {
    append_octets(out, text);
    return {.opaque = true, .error = item.mismatch ? "type_mismatch" : std::string_view()};
  }
  if (!keel::is_utf8(text)) {
    append_octets(out, text);
    return {.opaque = true, .error = "bad_utf8"};
  }
  append_quoted(out, text);
  return {};
}

// The name and type that the definition gives.
void append_meta(std::string& out, const Item& item, const Types& types, bool with_type) {
  const ResourceDefinition* const known = types.resource(item.path);
  if (known) {
    out.append(R"(,"name":)");
    append_quoted(out, known->name);
  }
  const DataType type = known && known->type != DataType::none ? known->type : item.value.type;
  if (!with_type || type == DataType::none) return;
  out.append(R"(,"type":)");
  append_quoted(out, name(type));
}

void append_item(std::string& out, const Item& item, const Types& types, bool meta) {
  out.append(R"({"path":")");
  append_path(out, item.path);
  out.append(R"(","value":)");
  const Written written = append_value(out, item);
  const bool failed = !written.error.empty();
  if (failed && written.opaque) out.append(R"(,"type":"Opaque")");
  if (failed) {
    out.append(R"(,"error":)");
    append_quoted(out, written.error);
  }
  if (meta) append_meta(out, item, types, !failed);
  if (item.time) {
    out.append(R"(,"time":)");
    append_json_number(out, *item.time);
  }
  out.push_back('}');
}

}  // namespace

Written append_value(std::string& out, const Item& item) {
  struct Writer {
    std::string& out;
    const Item& item;

    Written operator()(std::monostate) const {
      out.append("null");
      return {};
    }
    Written operator()(std::int64_t number) const {
      append_number(out, number);
      return {};
    }
    Written operator()(std::uint64_t number) const {
      append_number(out, number);
      return {};
    }
    Written operator()(double number) const {
      append_json_number(out, number);
      return {.error = std::isfinite(number) ? std::string_view() : "not_finite"};
    }
    Written operator()(bool truth) const {
      out.append(truth ? "true" : "false");
      return {};
    }
    Written operator()(const std::string& text) const { return append_text(out, item, text); }
    Written operator()(ObjectLink link) const {
      append_quoted(out, text(link));
      return {};
    }
  };
  return std::visit(Writer{out, item}, item.value.data);
}

void append_content(std::string& out, const Decoded& content, const Types& types,
                    const ReplySettings& settings) {
  constexpr std::size_t kUsual = 48;
  out.reserve(out.size() + content.items.size() * kUsual + kUsual);
  out.append(R"("content":[)");
  bool first = true;
  for (const Item& item : content.items) {
    if (!first) out.push_back(',');
    first = false;
    append_item(out, item, types, settings.content_meta);
  }
  out.push_back(']');
  if (content.undefined) out.append(R"(,"warning":"no_xml_definition")");
}

bool append_links(std::string& out, std::string_view links) {
  const std::optional<std::vector<Link>> list = parse_links(links, kMaxLinks);
  if (!list) return false;
  out.push_back('[');
  bool first = true;
  for (const Link& link : *list) {
    if (!first) out.push_back(',');
    first = false;
    append_quoted(out, link.text);
  }
  out.push_back(']');
  return true;
}

void begin_reply(std::string& out, const Command& command, std::string_view key,
                 std::string_view name) {
  constexpr std::size_t kUsual = 160;
  out.reserve(command.echo.size() + kUsual);
  out.push_back('{');
  out.append(command.echo);
  if (!command.echo.empty()) out.push_back(',');
  append_quoted(out, key);
  out.push_back(':');
  append_quoted(out, name);
}

}  // namespace lwm2m
