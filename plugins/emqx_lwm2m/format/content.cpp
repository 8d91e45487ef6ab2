#include "emqx_lwm2m/format/content.hpp"

#include <algorithm>
#include <cmath>
#include <keel/text.hpp>
#include <utility>

#include "emqx_lwm2m/format/codecs.hpp"

namespace lwm2m {

namespace {

using keel::concat, keel::Result, keel::Status;

std::string_view format_name(std::uint16_t format) {
  switch (format) {
    case kText:
      return "text";
    case kOpaque:
      return "opaque";
    case kCbor:
      return "CBOR";
    case kSenmlJson:
      return "SenML JSON";
    case kSenmlCbor:
      return "SenML CBOR";
    case kTlv:
      return "TLV";
    case kLwm2mJson:
      return "LwM2M JSON";
    default:
      return {};
  }
}

bool holds_one_value(std::uint16_t format) {
  return format == kText || format == kOpaque || format == kCbor;
}

Status decode_as(std::uint16_t format, std::string_view payload, Collector& out) {
  if (holds_one_value(format) && out.path().depth < 3)
    return Status::error(concat("one value in answer to ", out.path().text()));
  switch (format) {
    case kText:
      return decode_text(payload, out);
    case kOpaque:
      return decode_opaque(payload, out);
    case kCbor:
      return decode_cbor(payload, out);
    case kSenmlJson:
      return decode_senml_json(payload, out);
    case kSenmlCbor:
      return decode_senml_cbor(payload, out);
    case kTlv:
      return decode_tlv(payload, out);
    default:
      return decode_lwm2m_json(payload, out);
  }
}

Result<Decoded> decode_known(std::uint16_t format, std::string_view payload, const Path& path,
                             const Types& types, double now) {
  Collector out(path, types, now);
  const Status status = decode_as(format, payload, out);
  if (!status) return Status::error(concat(format_name(format), ": ", status.text()));
  return out.take();
}

// What no format is told for.
Result<Decoded> guess(std::string_view payload, const Path& path, const Types& types, double now) {
  const ResourceDefinition* const known = types.resource(path);
  const DataType type = known ? known->type : DataType::none;
  const bool is_one = path.depth == 4 || (known && !known->multiple);
  if (is_one && type != DataType::none && type != DataType::opaque)
    return decode_known(kText, payload, path, types, now);
  auto out = decode_known(kTlv, payload, path, types, now);
  if (out || path.depth < 3 || type != DataType::none || !printable(payload)) return out;
  return decode_known(kText, payload, path, types, now);
}

// Leaves, below the path; create_any: of the object.
bool are_below(Shape shape, const Path& path, std::span<const Item> items) {
  const Path top = shape == Shape::create_any ? path.up_to(1) : path;
  const Path instance = items.empty() ? top : items[0].path.up_to(2);
  const bool is_one_instance = shape == Shape::create || shape == Shape::create_any;
  return std::all_of(items.begin(), items.end(), [&](const Item& item) {
    return item.path.depth >= 3 && top.covers(item.path) &&
           (!is_one_instance || instance.covers(item.path));
  });
}

bool has_value(const Item& item, bool as_json) {
  const auto* const number = std::get_if<double>(&item.value.data);
  return item.value.type != DataType::none && (!as_json || !number || std::isfinite(*number));
}

// The length of what holds all the items has 24 bits; 24 octets of each are no text, at most.
bool fits_tlv(std::span<const Item> items) {
  std::size_t size = 0;
  for (const Item& item : items) {
    const auto* const text = std::get_if<std::string>(&item.value.data);
    size += 24 + (text ? text->size() : 0);
  }
  return size < 1u << 24;
}

// A resource has one value, or instances.
bool is_resource(const Path& path, std::span<const Item> items) {
  if (items.size() == 1 && items[0].path == path) return true;
  return path.depth == 3 && std::all_of(items.begin(), items.end(),
                                        [](const Item& item) { return item.path.depth == 4; });
}

// Whether the items are what such a request is about, and the format can say it: no items, or no
// number of an instance, is not for each of them.
bool has_shape(std::uint16_t format, Shape shape, const Path& path, std::span<const Item> items) {
  const bool is_senml = format == kSenmlJson || format == kSenmlCbor;
  switch (shape) {
    case Shape::write:
      if (path.depth == 2) return true;
      return is_resource(path, items) && (!items.empty() || format == kTlv);
    case Shape::create:
      if (path.depth == 1) return !items.empty();
      return path.depth == 2 && (!items.empty() || format == kTlv);
    case Shape::create_any:
      return path.depth == 1 && format == kTlv;
    case Shape::composite:
      return is_senml;
  }
  return false;
}

}  // namespace

std::uint16_t modern(std::uint16_t format) {
  switch (format) {
    case 1541:
      return kText;
    case 1542:
      return kTlv;
    case 1543:
      return kLwm2mJson;
    case 1544:
      return kOpaque;
    default:
      return format;
  }
}

Result<Decoded> decode(std::optional<std::uint16_t> format, std::string_view payload,
                       const Path& path, const Types& types, double now) {
  if (!format) return guess(payload, path, types, now);
  const std::uint16_t known = modern(*format);
  if (format_name(known).empty())
    return Status::error(concat("content format ", *format, " is none of values"));
  return decode_known(known, payload, path, types, now);
}

bool encodable(std::uint16_t format, Shape shape, const Path& path, std::span<const Item> items) {
  const bool as_json = format == kSenmlJson || format == kLwm2mJson || format == kText;
  const bool all_there = std::all_of(items.begin(), items.end(),
                                     [&](const Item& item) { return has_value(item, as_json); });
  if (!all_there || !are_below(shape, path, items)) return false;
  switch (format) {
    case kText:
    case kOpaque:
      return shape == Shape::write && items.size() == 1 && items[0].path == path &&
             (format == kText || items[0].value.type == DataType::opaque);
    case kTlv:
      return fits_tlv(items) && has_shape(format, shape, path, items);
    case kLwm2mJson:
    case kSenmlJson:
    case kSenmlCbor:
      return has_shape(format, shape, path, items);
    default:
      return false;
  }
}

Result<std::string> encode(std::uint16_t format, Shape shape, const Path& path,
                           std::span<const Item> items) {
  if (!encodable(format, shape, path, items))
    return Status::error(concat("content format ", format, " cannot carry this to ", path.text()));
  switch (format) {
    case kText:
      return encode_text(items[0].value);
    case kOpaque:
      return std::get<std::string>(items[0].value.data);
    case kTlv:
      return encode_tlv(shape, path, items);
    case kLwm2mJson:
      return encode_lwm2m_json(path, items);
    case kSenmlJson:
      return encode_senml_json(shape, path, items);
    default:
      return encode_senml_cbor(shape, path, items);
  }
}

Result<std::string> encode_paths(std::uint16_t format, std::span<const Path> paths) {
  if (format == kSenmlJson) return encode_paths_json(paths);
  if (format == kSenmlCbor) return encode_paths_cbor(paths);
  return Status::error(concat("content format ", format, " cannot carry paths"));
}

}  // namespace lwm2m
