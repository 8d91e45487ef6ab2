// Payloads of the device's content formats from and to items [LwM2M 1.1 core 7.4]. Pure functions,
// any thread. Decoders take anything: they end with an error, never deeper than kMaxDepth and never
// with more memory than a small multiple of the payload.
#pragma once

#include <cstdint>
#include <keel/result.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emqx_lwm2m/format/value.hpp"
#include "emqx_lwm2m/objects/definitions.hpp"

namespace lwm2m {

// Numbers of content formats.
inline constexpr std::uint16_t kText = 0, kLinkFormat = 40, kOpaque = 42, kCbor = 60,
                               kSenmlJson = 110, kSenmlCbor = 112, kTlv = 11542, kLwm2mJson = 11543;
// 1541..1544 of early drafts become what they are called today; others stay.
std::uint16_t modern(std::uint16_t format);

inline constexpr int kMaxDepth = 8;
inline constexpr std::size_t kMaxItems = 65'536;  // of one payload

struct Decoded {
  Items items;
  bool undefined = false;  // the type of some item was guessed: no definition knows it
};
// What a device answered to a request for `path` (the root: of any object), in its order. `format`
// none: text for a resource of a simple type, else TLV, then text for a resource of which nothing
// is known. CBOR is one value. Numbers may be infinite or NaN. Errors name what does not fit and
// where; a value outside of the path is one. `now`: Unix seconds, for relative times.
keel::Result<Decoded> decode(std::optional<std::uint16_t> format, std::string_view payload,
                             const Path& path, const Types& types, double now);

// How the payload of a request is laid out.
enum class Shape : std::uint8_t {
  write,   // PUT or POST to the path of an instance, resource or resource instance
  create,  // POST to an object; items below one instance, whose id the payload names. The path is
           // the object, or that instance (then TLV can do without items) ...
  create_any,  // ... or leaves to the device: the instance in the items' paths is ignored. TLV
               // only: the others cannot name a resource without its instance
  composite,   // iPATCH to the root
};
// Items in the order given, the instances of a resource together. Error: see encodable().
keel::Result<std::string> encode(std::uint16_t format, Shape shape, const Path& path,
                                 std::span<const Item> items);
// Of a Read-Composite; SenML only.
keel::Result<std::string> encode_paths(std::uint16_t format, std::span<const Path> paths);
// Whether encode() can. Text: one item at the path itself; opaque: likewise, of type Opaque; else a
// hierarchical format is needed. Only SenML carries a composite; no JSON an infinite number; a
// resource without instances only TLV. False also for items that are not below the path.
bool encodable(std::uint16_t format, Shape shape, const Path& path, std::span<const Item> items);

}  // namespace lwm2m
