// Writing JSON without a library: escaping, and objects built field by field. Strings come from
// clients and can be anything: the output is always valid UTF-8 and valid JSON. Value types; [any].
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace keel::kernel {

// Appends `text` with quotes. Control characters as escapes, every broken UTF-8 byte as \ufffd.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

// {"name":value,...}, fields in the order they were added.
class JsonObject {
 public:
  JsonObject& add(std::string_view name, std::string_view value) {
    append_json_string(key(name), value);
    return *this;
  }
  JsonObject& add(std::string_view name, const char* value) {
    return add(name, std::string_view(value));
  }
  JsonObject& add(std::string_view name, const std::string& value) {
    return add(name, std::string_view(value));
  }
  JsonObject& add(std::string_view name, std::integral auto value) {
    if constexpr (std::is_same_v<decltype(value), bool>) {
      key(name) += value ? "true" : "false";
    } else {
      key(name) += fmt::to_string(value);
    }
    return *this;
  }
  JsonObject& add(std::string_view name, double value);  // not finite: null
  // `json` is a complete value already.
  JsonObject& add_raw(std::string_view name, std::string_view json) {
    key(name) += json;
    return *this;
  }
  JsonObject& add_null(std::string_view name) { return add_raw(name, "null"); }

  std::string str() const { return text_ + '}'; }

 private:
  std::string& key(std::string_view name);

  std::string text_ = "{";
};

// [value,...] of complete values.
class JsonArray {
 public:
  JsonArray& add_raw(std::string_view json) {
    if (text_.size() > 1) text_ += ',';
    text_ += json;
    return *this;
  }
  JsonArray& add(std::string_view value) { return add_raw(json_string(value)); }

  std::string str() const { return text_ + ']'; }

 private:
  std::string text_ = "[";
};

}  // namespace keel::kernel
