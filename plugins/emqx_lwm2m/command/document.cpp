#include "emqx_lwm2m/command/document.hpp"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

namespace json = boost::json;

// What json::basic_parser calls: builds the value.
struct Builder {
  static constexpr std::size_t max_object_size = json::object::max_size(),
                               max_array_size = json::array::max_size(),
                               max_key_size = json::string::max_size(),
                               max_string_size = json::string::max_size();

  json::value_stack stack;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t members, json::error_code&) {
    stack.push_object(members);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t values, json::error_code&) {
    stack.push_array(values);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    stack.push_key(part);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    stack.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
    stack.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    stack.push_uint64(number);
    return true;
  }
  // The text of the number is there as a whole, since all of the document is.
  bool on_double(double number, json::string_view text, json::error_code&) {
    stack.push_double(parse_float({text.data(), text.size()}).value_or(number));
    return true;
  }
  bool on_bool(bool truth, json::error_code&) {
    stack.push_bool(truth);
    return true;
  }
  bool on_null(json::error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

}  // namespace

std::optional<json::value> parse_document(std::string_view text, int max_depth,
                                          const json::storage_ptr& memory) {
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(max_depth);
  json::basic_parser<Builder> parser(options);
  parser.handler().stack.reset(memory);
  json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error || read != text.size()) return std::nullopt;
  return parser.handler().stack.release();
}

}  // namespace lwm2m
