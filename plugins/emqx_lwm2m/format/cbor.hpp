// CBOR [RFC 8949], as much of it as LwM2M needs: read step by step from octets that lie there as a
// whole. What is declared is believed only as far as there is data. Values; any thread.
#pragma once

#include <cstdint>
#include <keel/result.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "emqx_lwm2m/format/typing.hpp"

namespace lwm2m {

class CborReader {
 public:
  explicit CborReader(std::string_view octets) : rest_(octets) {}

  bool at_end() const { return rest_.empty(); }

  // How many items an array, or pairs a map, has; none: it goes on until take_break().
  using Count = std::optional<std::uint64_t>;
  keel::Result<Count> take_array() { return take_container(Major::array); }
  keel::Result<Count> take_map() { return take_container(Major::map); }
  // Whether there is no other item in a container with that count; takes one off it.
  keel::Result<bool> at_end_of(Count& count);

  // A number, text, octets, truth value or null, without the tags before it; tag 4 is computed.
  keel::Result<Plain> take_scalar();
  // Whatever is there, with `depth` containers in it at most.
  keel::Status skip(int depth);

 private:
  enum class Major : std::uint8_t { natural, negative, octets, text, array, map, tag, simple };
  struct Head {
    Major major = Major::natural;
    std::uint8_t low = 0;  // 31: indefinite, or a break
    std::uint64_t argument = 0;
  };

  keel::Result<Head> take_head();
  keel::Result<Head> take_untagged(bool& is_decimal);
  keel::Result<Count> take_container(Major major);
  keel::Result<std::string> take_string(const Head& head);
  keel::Result<std::string> take_chunk(std::uint64_t size);
  keel::Result<Plain> take_decimal(const Head& head);
  keel::Result<Plain> simple(const Head& head) const;

  std::string_view rest_;
};

void append_cbor_head(std::string& out, std::uint8_t major, std::uint64_t argument);
void append_cbor_integer(std::string& out, std::int64_t number);
void append_cbor_text(std::string& out, std::string_view text);
void append_cbor_octets(std::string& out, std::string_view octets);
void append_cbor_double(std::string& out, double number);

}  // namespace lwm2m
