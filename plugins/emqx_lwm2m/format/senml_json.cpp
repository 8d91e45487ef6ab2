// SenML as JSON: an array of records [RFC 8428 5, LwM2M 1.1 core 7.4.4].
#include <keel/text.hpp>
#include <utility>

#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/codecs.hpp"
#include "emqx_lwm2m/format/json.hpp"
#include "emqx_lwm2m/format/json_text.hpp"
#include "emqx_lwm2m/format/senml.hpp"

namespace lwm2m {

namespace {

using keel::Status;

// The array is at depth 0, records at 1, their fields at 2.
class Sink final : public JsonSink {
 public:
  explicit Sink(Collector& out) : pack_(out) {}

  Status begin(int depth, std::string_view key, bool is_array) override {
    if (depth == 0 && !is_array) return Status::error("it is no array");
    if (depth == 1 && is_array) return Status::error("a record that is no object");
    if (depth == 2) return pack_.field(senml_field(key), {});
    return {};
  }
  Status end(int depth) override { return depth == 1 ? pack_.end_of_record() : Status(); }
  Status scalar(int depth, std::string_view key, Plain value) override {
    if (depth == 0) return Status::error("it is no array");
    if (depth == 1) return Status::error("a record that is no object");
    if (depth > 2) return {};
    const SenmlField field = senml_field(key);
    if (auto* const text = std::get_if<std::string>(&value); text && field == SenmlField::octets) {
      auto octets = from_base64(*text);
      if (!octets) return Status::error("octets that are not base64");
      value = Octets{std::move(*octets)};
    }
    return pack_.field(field, std::move(value));
  }

 private:
  SenmlPack pack_;
};

void append_field(std::string& out, std::string_view name, std::string_view text) {
  keel::append(out, "\"");
  keel::append(out, name);
  keel::append(out, "\":");
  append_quoted(out, text);
}

void append_value(std::string& out, const Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value.data)) {
    if (value.type == DataType::opaque) {
      append_field(out, "vd", to_base64url(*text));
    } else {
      append_field(out, "vs", *text);
    }
  } else if (const auto* const truth = std::get_if<bool>(&value.data)) {
    out += *truth ? "\"vb\":true" : "\"vb\":false";
  } else if (const auto* const link = std::get_if<ObjectLink>(&value.data)) {
    append_field(out, "vlo", lwm2m::text(*link));
  } else {
    out += "\"v\":";
    append_json_number(out, value);
  }
}

}  // namespace

Status decode_senml_json(std::string_view payload, Collector& out) {
  Sink sink(out);
  return read_json(payload, kMaxDepth, sink);
}

std::string encode_senml_json(Shape shape, const Path& path, std::span<const Item> items) {
  const SenmlNames names = senml_names(shape, path, items);
  std::string out = "[";
  for (const Item& item : items) {
    out += out.size() > 1 ? ",{" : "{";
    if (out.size() == 2 && !names.base.empty()) {
      append_field(out, "bn", names.base);
      out.push_back(',');
    }
    append_field(out, "n", names.of(item.path));
    out.push_back(',');
    append_value(out, item.value);
    out.push_back('}');
  }
  out.push_back(']');
  return out;
}

std::string encode_paths_json(std::span<const Path> paths) {
  std::string out = "[";
  for (const Path& path : paths) {
    out += out.size() > 1 ? ",{" : "{";
    append_field(out, "n", path.text());
    out.push_back('}');
  }
  out.push_back(']');
  return out;
}

}  // namespace lwm2m
