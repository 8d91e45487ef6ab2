#include "emqx_auth_jwt/json_text.hpp"

#include <cstddef>

namespace jwt {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 8;

// Outside of strings, valid JSON has one colon for each member of an object.
std::size_t members_written(std::string_view text) {
  std::size_t n = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == ':') {
      ++n;
    }
  }
  return n;
}

std::size_t members_kept(const json::value& value) {
  std::size_t n = 0;
  if (const auto* const object = value.if_object()) {
    n = object->size();
    for (const auto& member : *object) n += members_kept(member.value());
  } else if (const auto* const array = value.if_array()) {
    for (const auto& element : *array) n += members_kept(element);
  }
  return n;
}

}  // namespace

std::optional<json::object> read_object(std::string_view text, std::string& why) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error) {
    why = error == json::error::too_deep ? "it is nested too deep" : "it is not JSON";
    return std::nullopt;
  }
  if (!value.is_object()) {
    why = "it is not a JSON object";
    return std::nullopt;
  }
  // The parser keeps the last of several members with one name; others may go by the first.
  if (members_kept(value) != members_written(text)) {
    why = "it has a name twice";
    return std::nullopt;
  }
  return std::move(value.as_object());
}

const json::string* text_member(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains({name.data(), name.size()});
  return found ? found->if_string() : nullptr;
}

}  // namespace jwt
