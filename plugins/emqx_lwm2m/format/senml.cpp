#include "emqx_lwm2m/format/senml.hpp"

#include <keel/text.hpp>
#include <utility>

namespace lwm2m {

namespace {

using keel::concat, keel::Status;

struct Named {
  SenmlField field;
  std::string_view name;
};
constexpr Named kNames[] = {
    {SenmlField::base_name, "bn"}, {SenmlField::base_time, "bt"}, {SenmlField::base_value, "bv"},
    {SenmlField::name, "n"},       {SenmlField::value, "v"},      {SenmlField::text, "vs"},
    {SenmlField::truth, "vb"},     {SenmlField::time, "t"},       {SenmlField::octets, "vd"},
    {SenmlField::link, "vlo"},
};

// None: the field does not hold what it is for.
std::optional<Plain> checked(SenmlField field, Plain value) {
  const auto* const text = std::get_if<std::string>(&value);
  bool fits = false;
  if (field == SenmlField::value) fits = number_of(value).has_value();
  if (field == SenmlField::text) fits = text != nullptr;
  if (field == SenmlField::truth) fits = std::holds_alternative<bool>(value);
  if (field == SenmlField::octets) fits = std::holds_alternative<Octets>(value);
  if (field == SenmlField::link && text) {
    if (const auto link = parse_object_link(*text)) return *link;
  }
  if (!fits) return std::nullopt;
  return value;
}

}  // namespace

SenmlField senml_field(std::string_view name) {
  for (const Named& known : kNames) {
    if (known.name == name) return known.field;
  }
  return name.ends_with('_') ? SenmlField::must_be_understood : SenmlField::ignored;
}

SenmlField senml_field(std::int64_t label) {
  for (const Named& known : kNames) {
    if (known.field != SenmlField::link && static_cast<std::int64_t>(known.field) == label)
      return known.field;
  }
  return SenmlField::ignored;
}

Status SenmlPack::field(SenmlField field, Plain value) {
  switch (field) {
    case SenmlField::ignored:
      return {};
    case SenmlField::must_be_understood:
      return Status::error("a field that has to be understood, and is not");
    case SenmlField::base_name:
      record_.has_base = true;
      return take_name(value, base_name_);
    case SenmlField::base_time:
      record_.has_base = true;
      return take_time(value, base_time_);
    case SenmlField::base_value:
      record_.has_base = true;
      if (!number_of(value)) return Status::error("a base value that is no number");
      base_value_ = std::move(value);
      return {};
    case SenmlField::name:
      record_.is_named = true;
      return take_name(value, record_.name);
    case SenmlField::time:
      return take_time(value, record_.time);
    default:
      return value_field(field, std::move(value));
  }
}

Status SenmlPack::value_field(SenmlField field, Plain value) {
  if (record_.value) return Status::error("a record with two values");
  record_.value = checked(field, std::move(value));
  return record_.value ? Status() : Status::error("a value of another type than its field's");
}

keel::Result<std::optional<double>> SenmlPack::time() const {
  if (!record_.time && !base_time_) return std::optional<double>();
  auto time = absolute_time(record_.time.value_or(0) + base_time_.value_or(0), out_.now());
  if (!time) return time.status();
  return std::optional(*time);
}

// With the base value added to numbers.
Plain SenmlPack::value() {
  const auto number = number_of(*record_.value), base = number_of(base_value_);
  if (!number || !base) return std::move(*record_.value);
  const auto* const whole = std::get_if<std::int64_t>(&*record_.value);
  const auto* const whole_base = std::get_if<std::int64_t>(&base_value_);
  if (std::int64_t sum = 0;
      whole && whole_base && !__builtin_add_overflow(*whole, *whole_base, &sum))
    return sum;
  return *number + *base;
}

Status SenmlPack::end_of_record() {
  const bool only_base = record_.has_base && !record_.is_named && !record_.value;
  if (only_base) {
    record_ = {};
    return {};
  }
  const std::string name = base_name_ + record_.name;
  const auto path = name.starts_with('/') ? parse_path(name) : std::nullopt;
  if (!path) return Status::error("a name that is no path");
  if (!record_.value) return Status::error(concat("no value for ", path->text()));
  const auto at = time();
  if (!at) return at.status();
  Plain plain = value();
  record_ = {};
  return out_.add(*path, std::move(plain), *at);
}

SenmlNames senml_names(Shape shape, const Path& path, std::span<const Item> items) {
  const bool is_one = items.size() == 1 && items[0].path == path;
  if (is_one || shape == Shape::composite) return {};
  return {path.text() + "/"};
}

}  // namespace lwm2m
