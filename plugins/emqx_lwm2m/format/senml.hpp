// SenML records, whether they came as JSON or as CBOR [RFC 8428 4]. For the two codecs.
#pragma once

#include <cstdint>
#include <keel/result.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emqx_lwm2m/format/typing.hpp"

namespace lwm2m {

// The fields that matter, with their labels in CBOR; vlo and what is unknown have none there.
enum class SenmlField : std::int8_t {
  base_name = -2,
  base_time = -3,
  base_value = -5,
  name = 0,
  value = 2,
  text = 3,
  truth = 4,
  time = 6,
  octets = 8,
  link = 100,
  ignored = 101,
  must_be_understood = 102,  // and is not: its name ends in _
};
SenmlField senml_field(std::string_view name);
SenmlField senml_field(std::int64_t label);

// Takes the records of a pack field by field, and hands the values to the collector.
class SenmlPack {
 public:
  explicit SenmlPack(Collector& out) : out_(out) {}

  keel::Status field(SenmlField field, Plain value);
  keel::Status end_of_record();

 private:
  struct Record {
    std::string name;
    std::optional<double> time;
    std::optional<Plain> value;
    bool is_named = false, has_base = false;
  };

  keel::Status value_field(SenmlField field, Plain value);
  keel::Result<std::optional<double>> time() const;
  Plain value();

  Collector& out_;
  Record record_;
  std::string base_name_;
  std::optional<double> base_time_;
  Plain base_value_;  // null: none
};

// How the names of a pack are written: the base, which the first record carries (empty: none), and
// what follows it.
struct SenmlNames {
  std::string base;
  std::string of(const Path& path) const { return path.text().substr(base.size()); }
};
SenmlNames senml_names(Shape shape, const Path& path, std::span<const Item> items);

}  // namespace lwm2m
