// From what a payload holds to values of the types that definitions know. For the codecs behind
// content.hpp. Values; any thread.
#pragma once

#include <cstdint>
#include <keel/result.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "emqx_lwm2m/format/content.hpp"

namespace lwm2m {

struct Octets {
  std::string value;
};
// As a self-typed format has it; monostate is its null.
using Plain = std::variant<std::monostate, std::int64_t, std::uint64_t, double, bool, std::string,
                           Octets, ObjectLink>;
std::optional<double> number_of(const Plain& plain);  // none: it is not a number
// Of the self-typed formats' records. No name that is longer than any path is kept.
keel::Status take_name(Plain& from, std::string& to);
keel::Status take_time(const Plain& from, std::optional<double>& to);

// Of the type wanted when that loses nothing but the fraction's precision: 5 is a Float 5.0, 5.0 an
// Integer 5, "66:1" an Objlnk; else of the type it has by itself.
Value typed(Plain plain, DataType wanted);

// The octets of a text that is one value. None: they are none of that type.
std::optional<Value> value_of_text(std::string_view text, DataType type);

// Gathers the items of one payload, and sees to it that they are leaves below the path asked for,
// and not too many.
class Collector {
 public:
  Collector(const Path& path, const Types& types, double now)
      : path_(path), types_(types), now_(now) {}

  const Path& path() const { return path_; }
  double now() const { return now_; }
  DataType wanted(const Path& leaf) const;  // none: nothing is known

  keel::Status add(Item item);
  keel::Status add(const Path& leaf, Plain plain, std::optional<double> time);
  // Octets of a format without types; `parse` makes a value of them, or none.
  keel::Status add_octets(const Path& leaf, std::string_view octets,
                          std::optional<Value> (*parse)(std::string_view octets, DataType type));

  Decoded take() { return std::move(decoded_); }

 private:
  Path path_;
  const Types& types_;
  double now_;
  Decoded decoded_;
};

// SenML's rule, for `t` and the base time together: what is before 1978 is relative to now
// [RFC 8428 4.5.3].
keel::Result<double> absolute_time(double time, double now);

}  // namespace lwm2m
