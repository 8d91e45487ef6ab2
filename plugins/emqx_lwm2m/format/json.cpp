#include "emqx_lwm2m/format/json.hpp"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

namespace json = boost::json;
using keel::Status;

// What json::basic_parser calls.
class Handler {
 public:
  static constexpr std::size_t max_object_size = SIZE_MAX, max_array_size = SIZE_MAX,
                               max_key_size = SIZE_MAX, max_string_size = SIZE_MAX;

  explicit Handler(JsonSink& sink) : sink_(sink) {}

  Status take_status() { return std::move(status_); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code& error) { return begin(false, error); }
  bool on_object_end(std::size_t, json::error_code& error) { return end(error); }
  bool on_array_begin(json::error_code& error) { return begin(true, error); }
  bool on_array_end(std::size_t, json::error_code& error) { return end(error); }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    return append(key_, part);
  }
  bool on_key(json::string_view part, std::size_t, json::error_code&) { return append(key_, part); }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    return append(text_, part);
  }
  bool on_string(json::string_view part, std::size_t, json::error_code& error) {
    append(text_, part);
    return scalar(std::exchange(text_, {}), error);
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code& error) {
    return scalar(number, error);
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code& error) {
    return scalar(number, error);
  }
  // The parser's own number may be off in its last digits. The text is there as a whole, since all
  // of the document is.
  bool on_double(double number, json::string_view text, json::error_code& error) {
    const double exact = parse_float({text.data(), text.size()}).value_or(number);
    if (!std::isfinite(exact)) return done(Status::error("a number is too large"), error);
    return scalar(exact, error);
  }
  bool on_bool(bool truth, json::error_code& error) { return scalar(truth, error); }
  bool on_null(json::error_code& error) { return scalar(std::monostate(), error); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  static bool append(std::string& to, json::string_view part) {
    to.append(part.data(), part.size());
    return true;
  }
  int depth() const { return static_cast<int>(is_array_.size()); }

  bool begin(bool is_array, json::error_code& error) {
    Status status = sink_.begin(depth(), std::exchange(key_, {}), is_array);
    is_array_.push_back(is_array);
    return done(std::move(status), error);
  }
  bool end(json::error_code& error) {
    is_array_.pop_back();
    return done(sink_.end(depth()), error);
  }
  bool scalar(Plain value, json::error_code& error) {
    return done(sink_.scalar(depth(), std::exchange(key_, {}), std::move(value)), error);
  }
  bool done(Status status, json::error_code& error) {
    if (status) return true;
    status_ = std::move(status);
    error = json::error::exception;
    return false;
  }

  JsonSink& sink_;
  Status status_;
  std::vector<bool> is_array_;
  std::string key_, text_;
};

}  // namespace

Status read_json(std::string_view text, int max_depth, JsonSink& sink) {
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(max_depth);
  json::basic_parser<Handler> parser(options, sink);
  json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (Status status = parser.handler().take_status(); !status) return status;
  if (error == json::error::too_deep) return Status::error("it is nested too deep");
  if (error || read != text.size()) return Status::error("it is not JSON");
  return {};
}

void append_json_number(std::string& out, const Value& number) {
  if (const auto* const whole = std::get_if<std::int64_t>(&number.data)) {
    append_number(out, *whole);
  } else if (const auto* const natural = std::get_if<std::uint64_t>(&number.data)) {
    append_number(out, *natural);
  } else if (const auto* const real = std::get_if<double>(&number.data)) {
    append_number(out, *real);
  }
}

}  // namespace lwm2m
