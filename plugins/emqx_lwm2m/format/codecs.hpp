// The formats behind content.hpp, a file each. Decoders hand what they find to the collector and
// say what is wrong; encoders are given only what their format can carry, see encodable(). Pure
// functions, any thread.
#pragma once

#include <keel/result.hpp>
#include <span>
#include <string>
#include <string_view>

#include "emqx_lwm2m/format/content.hpp"
#include "emqx_lwm2m/format/typing.hpp"

namespace lwm2m {

keel::Status decode_text(std::string_view payload, Collector& out);
keel::Status decode_opaque(std::string_view payload, Collector& out);
keel::Status decode_tlv(std::string_view payload, Collector& out);
keel::Status decode_lwm2m_json(std::string_view payload, Collector& out);
keel::Status decode_senml_json(std::string_view payload, Collector& out);
keel::Status decode_senml_cbor(std::string_view payload, Collector& out);
keel::Status decode_cbor(std::string_view payload, Collector& out);  // one value

std::string encode_text(const Value& value);
std::string encode_tlv(Shape shape, const Path& path, std::span<const Item> items);
std::string encode_lwm2m_json(const Path& path, std::span<const Item> items);
std::string encode_senml_json(Shape shape, const Path& path, std::span<const Item> items);
std::string encode_senml_cbor(Shape shape, const Path& path, std::span<const Item> items);
std::string encode_paths_json(std::span<const Path> paths);
std::string encode_paths_cbor(std::span<const Path> paths);

}  // namespace lwm2m
