// SenML as CBOR: an array of maps with numbers for names [RFC 8428 6, LwM2M 1.1 core 7.4.5]; and a
// single value as CBOR [7.4.2].
#include <keel/text.hpp>
#include <utility>

#include "emqx_lwm2m/format/cbor.hpp"
#include "emqx_lwm2m/format/codecs.hpp"
#include "emqx_lwm2m/format/senml.hpp"

namespace lwm2m {

namespace {

using keel::Result, keel::Status;

// Within what a record has that is not known; the pack and the record are two more.
constexpr int kMaxCborDepth = 4 - 2;

Result<SenmlField> take_label(CborReader& in) {
  const auto label = in.take_scalar();
  if (!label) return label.status();
  if (const auto* const number = std::get_if<std::int64_t>(&*label)) return senml_field(*number);
  const auto* const name = std::get_if<std::string>(&*label);
  if (!name) return Status::error("a label that is neither number nor text");
  const SenmlField field = senml_field(*name);
  const bool counts = field == SenmlField::link || field == SenmlField::must_be_understood;
  return counts ? field : SenmlField::ignored;  // the others have numbers
}

Status read_record(CborReader& in, SenmlPack& pack) {
  auto count = in.take_map();
  if (!count) return count.status();
  for (;;) {
    const auto ended = in.at_end_of(*count);
    if (!ended) return ended.status();
    if (*ended) return pack.end_of_record();
    const auto field = take_label(in);
    if (!field) return field.status();
    if (*field == SenmlField::ignored) {
      KEEL_TRY(in.skip(kMaxCborDepth));
      continue;
    }
    auto value = in.take_scalar();
    if (!value) return value.status();
    KEEL_TRY(pack.field(*field, std::move(*value)));
  }
}

void append_label(std::string& out, SenmlField field) {
  if (field == SenmlField::link) {
    append_cbor_text(out, "vlo");
  } else {
    append_cbor_integer(out, static_cast<std::int64_t>(field));
  }
}

void append_value(std::string& out, const Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value.data)) {
    const bool is_opaque = value.type == DataType::opaque;
    append_label(out, is_opaque ? SenmlField::octets : SenmlField::text);
    is_opaque ? append_cbor_octets(out, *text) : append_cbor_text(out, *text);
  } else if (const auto* const truth = std::get_if<bool>(&value.data)) {
    append_label(out, SenmlField::truth);
    append_cbor_head(out, 7, *truth ? 21 : 20);
  } else if (const auto* const link = std::get_if<ObjectLink>(&value.data)) {
    append_label(out, SenmlField::link);
    append_cbor_text(out, lwm2m::text(*link));
  } else {
    append_label(out, SenmlField::value);
    if (const auto* const whole = std::get_if<std::int64_t>(&value.data)) {
      append_cbor_integer(out, *whole);
    } else if (const auto* const natural = std::get_if<std::uint64_t>(&value.data)) {
      append_cbor_head(out, 0, *natural);
    } else if (const auto* const real = std::get_if<double>(&value.data)) {
      append_cbor_double(out, *real);
    }
  }
}

}  // namespace

Status decode_senml_cbor(std::string_view payload, Collector& out) {
  CborReader in(payload);
  SenmlPack pack(out);
  auto count = in.take_array();
  if (!count) return count.status();
  for (;;) {
    const auto ended = in.at_end_of(*count);
    if (!ended) return ended.status();
    if (*ended) break;
    KEEL_TRY(read_record(in, pack));
  }
  return in.at_end() ? Status() : Status::error("something follows the pack");
}

Status decode_cbor(std::string_view payload, Collector& out) {
  CborReader in(payload);
  auto value = in.take_scalar();
  if (!value) return value.status();
  if (!in.at_end()) return Status::error("something follows the value");
  if (std::holds_alternative<std::monostate>(*value)) return Status::error("it is no value");
  return out.add(out.path(), std::move(*value), std::nullopt);
}

std::string encode_senml_cbor(Shape shape, const Path& path, std::span<const Item> items) {
  const SenmlNames names = senml_names(shape, path, items);
  std::string out;
  append_cbor_head(out, 4, items.size());
  bool has_base = !names.base.empty();
  for (const Item& item : items) {
    append_cbor_head(out, 5, has_base ? 3 : 2);
    if (std::exchange(has_base, false)) {
      append_label(out, SenmlField::base_name);
      append_cbor_text(out, names.base);
    }
    append_label(out, SenmlField::name);
    append_cbor_text(out, names.of(item.path));
    append_value(out, item.value);
  }
  return out;
}

std::string encode_paths_cbor(std::span<const Path> paths) {
  std::string out;
  append_cbor_head(out, 4, paths.size());
  for (const Path& path : paths) {
    append_cbor_head(out, 5, 1);
    append_label(out, SenmlField::name);
    append_cbor_text(out, path.text());
  }
  return out;
}

}  // namespace lwm2m
