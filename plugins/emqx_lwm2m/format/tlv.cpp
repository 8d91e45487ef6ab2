// LwM2M TLV [LwM2M 1.1 core 7.4.3]: entries with a kind, an id and a length, one within the other.
#include <bit>
#include <cstddef>
#include <keel/text.hpp>
#include <keel/utf8.hpp>
#include <map>
#include <utility>

#include "emqx_lwm2m/format/codecs.hpp"

namespace lwm2m {

namespace {

using keel::concat, keel::Status;

enum class Kind : std::uint8_t { instance, resource_instance, multiple, resource };

struct Entry {
  Kind kind = Kind::instance;
  std::uint16_t id = 0;
  std::string_view value;
};

std::uint64_t big_endian(std::string_view octets) {
  std::uint64_t out = 0;
  for (const char c : octets) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

// Takes the first entry off `in`, which is not empty.
Status take(std::string_view& in, Entry& out) {
  const auto type = static_cast<unsigned char>(in[0]);
  const std::size_t id_size = type & 0x20 ? 2 : 1, length_size = type >> 3 & 3;
  if (in.size() < 1 + id_size + length_size) return Status::error("it ends within a header");
  out.kind = static_cast<Kind>(type >> 6);
  out.id = static_cast<std::uint16_t>(big_endian(in.substr(1, id_size)));
  const std::uint64_t length =
      length_size == 0 ? type & 7u : big_endian(in.substr(1 + id_size, length_size));
  in.remove_prefix(1 + id_size + length_size);
  if (out.id > kMaxId) return Status::error("an id of 65535");
  if (length > in.size())
    return Status::error(
        concat("id ", out.id, " has ", length, " octets, there are ", in.size(), " left"));
  out.value = in.substr(0, length);
  in.remove_prefix(length);
  return {};
}

std::optional<Value> value_of_octets(std::string_view octets, DataType type) {
  const std::size_t size = octets.size();
  const bool is_number = size >= 1 && size <= 8;
  const std::uint64_t number = is_number ? big_endian(octets) : 0;
  switch (type) {
    case DataType::string:
    case DataType::corelnk:
      if (!keel::is_utf8(octets)) break;
      return Value{type, std::string(octets)};
    case DataType::opaque:
      return Value{type, std::string(octets)};
    case DataType::integer:
    case DataType::time: {
      if (!is_number) break;
      const auto unused = static_cast<int>(64 - 8 * size);
      return Value{type, static_cast<std::int64_t>(number << unused) >> unused};
    }
    case DataType::unsigned_integer:
      if (!is_number) break;
      return Value{type, number};
    case DataType::floating:
      if (size == 4)
        return Value{type, double{std::bit_cast<float>(static_cast<std::uint32_t>(number))}};
      if (size == 8) return Value{type, std::bit_cast<double>(number)};
      break;
    case DataType::boolean:
      if (size != 1 || number > 1) break;
      return Value{type, number == 1};
    case DataType::objlnk:
      if (size != 4) break;
      return Value{type, ObjectLink{static_cast<std::uint16_t>(number >> 16),
                                    static_cast<std::uint16_t>(number)}};
    case DataType::none:
      break;
  }
  return std::nullopt;
}

Status read_value(Collector& out, const Path& leaf, std::string_view octets) {
  return out.add_octets(leaf, octets, value_of_octets);
}

// Instances of a resource.
Status read_multiple(Collector& out, const Path& resource, std::string_view in) {
  for (Entry entry; !in.empty();) {
    KEEL_TRY(take(in, entry));
    if (entry.kind != Kind::resource_instance)
      return Status::error(
          concat("among the instances of ", resource.text(), " is something else"));
    KEEL_TRY(read_value(out, resource.with(entry.id), entry.value));
  }
  return {};
}

// Resources of an instance.
Status read_resources(Collector& out, const Path& instance, std::string_view in) {
  for (Entry entry; !in.empty();) {
    KEEL_TRY(take(in, entry));
    const Path resource = instance.with(entry.id);
    if (entry.kind == Kind::resource) {
      KEEL_TRY(read_value(out, resource, entry.value));
    } else if (entry.kind == Kind::multiple) {
      KEEL_TRY(read_multiple(out, resource, entry.value));
    } else {
      return Status::error(
          concat("among the resources of ", instance.text(), " is something else"));
    }
  }
  return {};
}

Status read_object(Collector& out, std::string_view in, Kind first) {
  if (first != Kind::instance) return read_resources(out, out.path().with(0), in);
  for (Entry entry; !in.empty();) {
    KEEL_TRY(take(in, entry));
    if (entry.kind != Kind::instance)
      return Status::error(
          concat("among the instances of ", out.path().text(), " is something else"));
    KEEL_TRY(read_resources(out, out.path().with(entry.id), entry.value));
  }
  return {};
}

Status other_id(const Entry& entry, const Path& path) {
  return Status::error(concat("id ", entry.id, " in answer to ", path.text()));
}

Status read_instance(Collector& out, std::string_view in, Kind first) {
  const Path& path = out.path();
  if (first != Kind::instance) return read_resources(out, path, in);
  Entry entry;
  KEEL_TRY(take(in, entry));
  if (entry.id != path.instance() || !in.empty()) return other_id(entry, path);
  return read_resources(out, path, entry.value);
}

Status read_resource(Collector& out, std::string_view in, Kind first) {
  const Path& path = out.path();
  if (first == Kind::resource_instance) return read_multiple(out, path, in);
  Entry entry;
  KEEL_TRY(take(in, entry));
  if (entry.kind == Kind::instance)
    return Status::error(concat("an instance in answer to ", path.text()));
  if (entry.id != path.resource() || !in.empty()) return other_id(entry, path);
  return entry.kind == Kind::resource ? read_value(out, path, entry.value)
                                      : read_multiple(out, path, entry.value);
}

Status read_resource_instance(Collector& out, std::string_view in) {
  const Path& path = out.path();
  Entry entry;
  KEEL_TRY(take(in, entry));
  if (!in.empty() || entry.kind == Kind::instance)
    return Status::error(concat("more than one value in answer to ", path.text()));
  if (entry.kind == Kind::multiple) {
    if (entry.id != path.resource()) return other_id(entry, path);
    return read_multiple(out, path.up_to(3), entry.value);  // another one is outside of the path
  }
  const bool named = entry.id == path.resource_instance() ||
                     (entry.kind == Kind::resource && entry.id == path.resource());
  return named ? read_value(out, path, entry.value) : other_id(entry, path);
}

void append_big_endian(std::string& out, std::uint64_t number, int octets) {
  for (int i = octets - 1; i >= 0; --i) out.push_back(static_cast<char>(number >> 8 * i & 0xff));
}

void append_signed(std::string& out, std::int64_t number) {
  const int octets = number == static_cast<std::int8_t>(number)    ? 1
                     : number == static_cast<std::int16_t>(number) ? 2
                     : number == static_cast<std::int32_t>(number) ? 4
                                                                   : 8;
  append_big_endian(out, static_cast<std::uint64_t>(number), octets);
}

void append_unsigned(std::string& out, std::uint64_t number) {
  append_big_endian(out, number,
                    number <= 0xff         ? 1
                    : number <= 0xffff     ? 2
                    : number <= 0xffffffff ? 4
                                           : 8);
}

std::string octets_of(const Value& value) {
  std::string out;
  if (const auto* const text = std::get_if<std::string>(&value.data)) {
    out = *text;
  } else if (const auto* const number = std::get_if<std::int64_t>(&value.data)) {
    append_signed(out, *number);
  } else if (const auto* const natural = std::get_if<std::uint64_t>(&value.data)) {
    append_unsigned(out, *natural);
  } else if (const auto* const real = std::get_if<double>(&value.data)) {
    append_big_endian(out, std::bit_cast<std::uint64_t>(*real), 8);
  } else if (const auto* const truth = std::get_if<bool>(&value.data)) {
    out.push_back(*truth ? 1 : 0);
  } else if (const auto* const link = std::get_if<ObjectLink>(&value.data)) {
    append_big_endian(out, link->object, 2);
    append_big_endian(out, link->instance, 2);
  }
  return out;
}

void append_entry(std::string& out, Kind kind, std::uint16_t id, std::string_view value) {
  const std::size_t size = value.size();
  const int length_size = size < 8 ? 0 : size <= 0xff ? 1 : size <= 0xffff ? 2 : 3;
  unsigned type = static_cast<unsigned>(kind) << 6 | static_cast<unsigned>(length_size) << 3;
  if (id > 0xff) type |= 0x20;
  if (length_size == 0) type |= static_cast<unsigned>(size);
  out.push_back(static_cast<char>(type));
  append_big_endian(out, id, id > 0xff ? 2 : 1);
  append_big_endian(out, size, length_size);
  out += value;
}

// The resources of one instance, in the order of the items; those of a multiple one together.
std::string resources_of(std::span<const Item> items) {
  struct Part {
    Kind kind;
    std::uint16_t id;
    std::string value;
  };
  std::vector<Part> parts;
  std::map<std::uint16_t, std::size_t> multiples;  // where they are among the parts
  for (const Item& item : items) {
    const std::uint16_t id = item.path.resource();
    if (item.path.depth == 3) {
      parts.push_back({Kind::resource, id, octets_of(item.value)});
      continue;
    }
    const auto [at, is_new] = multiples.try_emplace(id, parts.size());
    if (is_new) parts.push_back({Kind::multiple, id, {}});
    append_entry(parts[at->second].value, Kind::resource_instance, item.path.resource_instance(),
                 octets_of(item.value));
  }
  std::string out;
  for (const Part& part : parts) append_entry(out, part.kind, part.id, part.value);
  return out;
}

}  // namespace

Status decode_tlv(std::string_view payload, Collector& out) {
  if (out.path().depth == 0) return Status::error("it cannot hold several objects");
  if (payload.empty()) return {};
  const auto first = static_cast<Kind>(static_cast<unsigned char>(payload[0]) >> 6);
  switch (out.path().depth) {
    case 1:
      return read_object(out, payload, first);
    case 2:
      return read_instance(out, payload, first);
    case 3:
      return read_resource(out, payload, first);
    default:
      return read_resource_instance(out, payload);
  }
}

std::string encode_tlv(Shape shape, const Path& path, std::span<const Item> items) {
  std::string out;
  if (shape == Shape::create) {
    const std::uint16_t id = path.depth > 1 ? path.instance() : items[0].path.instance();
    append_entry(out, Kind::instance, id, resources_of(items));
  } else if (path.depth == 3 && items.empty()) {
    append_entry(out, Kind::multiple, path.resource(), {});
  } else {
    out = resources_of(items);
  }
  return out;
}

}  // namespace lwm2m
