// The JSON of LwM2M 1.0: an object with a base name and a list of elements [LwM2M 1.0.2 6.4.4].
#include <keel/text.hpp>
#include <utility>
#include <vector>

#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/codecs.hpp"
#include "emqx_lwm2m/format/json.hpp"
#include "emqx_lwm2m/format/json_text.hpp"

namespace lwm2m {

namespace {

using keel::concat, keel::Status;

struct Element {
  std::string name;
  std::optional<Plain> value;
  std::optional<double> time;
};

// The object is at depth 0, its members at 1 ("e" among them), elements at 2, their members at 3.
// The base name may come last: elements wait until all is read.
class Sink final : public JsonSink {
 public:
  Status begin(int depth, std::string_view key, bool is_array) override {
    if (depth == 0) return is_array ? Status::error("it is no object") : Status();
    if (depth == 1) return begin_member(key, is_array);
    if (!in_elements_) return {};
    if (depth == 2) return begin_element(is_array);
    if (depth == 3) return element_member(key, {});
    return {};
  }
  Status end(int depth) override {
    if (depth == 1) in_elements_ = false;
    if (depth == 2 && in_elements_ && !elements_.back().value)
      return Status::error("an element without a value");
    return {};
  }
  Status scalar(int depth, std::string_view key, Plain value) override {
    if (depth == 0) return Status::error("it is no object");
    if (depth == 1) return member(key, std::move(value));
    if (!in_elements_) return {};
    if (depth == 2) return Status::error("an element that is no object");
    if (depth == 3) return element_member(key, std::move(value));
    return {};
  }

  Status collect(Collector& out) {
    if (!has_elements_) return Status::error("it has no elements");
    for (Element& element : elements_) KEEL_TRY(collect(out, element));
    return {};
  }

 private:
  Status begin_member(std::string_view key, bool is_array) {
    if (key != "e") return member(key, {});
    if (!is_array) return Status::error("elements that are no array");
    in_elements_ = has_elements_ = true;
    return {};
  }
  Status begin_element(bool is_array) {
    if (is_array) return Status::error("an element that is no object");
    if (elements_.size() == kMaxItems)
      return Status::error(concat("more than ", kMaxItems, " values"));
    elements_.emplace_back();
    return {};
  }
  Status member(std::string_view key, Plain value) {
    if (key == "bn") return take_name(value, base_);
    if (key == "bt") return take_time(value, base_time_);
    if (key == "e") return Status::error("elements that are no array");
    return {};
  }
  Status element_member(std::string_view key, Plain value) {
    Element& element = elements_.back();
    if (key == "n") return take_name(value, element.name);
    if (key == "t") return take_time(value, element.time);
    bool fits = false;
    if (key == "v") {
      fits = number_of(value).has_value();
    } else if (key == "bv") {
      fits = std::holds_alternative<bool>(value);
    } else if (key == "sv" || key == "ov") {
      fits = std::holds_alternative<std::string>(value);
    } else {
      return {};
    }
    if (!fits) return Status::error("a value of another type than its name says");
    if (element.value) return Status::error("an element with two values");
    if (key == "ov") {
      const auto link = parse_object_link(std::get<std::string>(value));
      if (!link) return Status::error("an object link that is none");
      value = *link;
    }
    element.value = std::move(value);
    return {};
  }

  // The base and the name, with one slash between them.
  std::string name_of(const Collector& out, const Element& element) const {
    std::string name = base_.empty() ? out.path().text() : base_;
    if (element.name.empty()) return name;
    const bool ends = name.ends_with('/'), begins = element.name.starts_with('/');
    if (ends && begins) name.pop_back();
    if (!ends && !begins) name.push_back('/');
    return name + element.name;
  }
  Status collect(Collector& out, Element& element) const {
    const auto path = parse_path(name_of(out, element));
    if (!path) return Status::error("a name that is no path");
    std::optional<double> time;
    if (base_time_ || element.time) {
      auto absolute = absolute_time(base_time_.value_or(0) + element.time.value_or(0), out.now());
      if (!absolute) return absolute.status();
      time = *absolute;
    }
    Plain value = std::move(*element.value);
    auto* const text = std::get_if<std::string>(&value);
    if (text && out.wanted(*path) == DataType::opaque) {
      if (auto octets = from_base64(*text)) value = Octets{std::move(*octets)};
    }
    return out.add(*path, std::move(value), time);
  }

  std::string base_;
  std::optional<double> base_time_;
  std::vector<Element> elements_;
  bool in_elements_ = false, has_elements_ = false;
};

void append_value(std::string& out, const Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value.data)) {
    out += "\"sv\":";
    append_quoted(out, value.type == DataType::opaque ? to_base64(*text) : *text);
  } else if (const auto* const truth = std::get_if<bool>(&value.data)) {
    out += *truth ? "\"bv\":true" : "\"bv\":false";
  } else if (const auto* const link = std::get_if<ObjectLink>(&value.data)) {
    out += concat("\"ov\":\"", lwm2m::text(*link), "\"");
  } else {
    out += "\"v\":";
    append_json_number(out, value);
  }
}

}  // namespace

Status decode_lwm2m_json(std::string_view payload, Collector& out) {
  Sink sink;
  KEEL_TRY(read_json(payload, kMaxDepth, sink));
  return sink.collect(out);
}

std::string encode_lwm2m_json(const Path& path, std::span<const Item> items) {
  const bool is_one = items.size() == 1 && items[0].path == path;
  const Path base = is_one ? path.up_to(static_cast<std::uint8_t>(path.depth - 1)) : path;
  const std::string base_name = base.text() + "/";
  std::string out = concat("{\"bn\":\"", base_name, "\",\"e\":[");
  bool is_first = true;
  for (const Item& item : items) {
    if (!std::exchange(is_first, false)) out.push_back(',');
    out += concat("{\"n\":\"", item.path.text().substr(base_name.size()), "\",");
    append_value(out, item.value);
    out.push_back('}');
  }
  out += "]}";
  return out;
}

}  // namespace lwm2m
