#include "emqx_lwm2m/device/saved.hpp"

#include <algorithm>
#include <cmath>
#include <keel/fields.hpp>

#include "emqx_lwm2m/device/packed_registration.hpp"

namespace lwm2m {
namespace {

constexpr std::uint8_t kFormat = 1;

// The fields of each part, in order; later ones go to the end. Io writes or reads.
template <class Io, class S>
bool fields(Io& io, S& device, const Device::Saved*) {
  return io.field(device.registration) && io.field(device.location) && io.field(device.saved_at) &&
         io.field(device.expires) && io.field(device.heard) && io.field(device.read_format) &&
         io.field(device.write_format) && io.field(device.next_message_id) &&
         io.field(device.waiting) && io.field(device.observations);
}
template <class Io, class W>
bool fields(Io& io, W& waiting, const Device::Saved::Waiting*) {
  return io.field(waiting.payload) && io.field(waiting.channel) && io.field(waiting.sent) &&
         io.field(waiting.expires);
}
template <class Io, class O>
bool fields(Io& io, O& o, const Observation*) {
  return io.field(o.path) && io.field(o.automatic) && io.field(o.anew) && io.field(o.dialect) &&
         io.field(o.channel) && io.field(o.tries) && io.field(o.sequence) && io.field(o.token) &&
         io.field(o.echo) && io.field(o.name) && io.field(o.request_path);
}

class Writer : public keel::FieldWriter {
 public:
  using FieldWriter::field, FieldWriter::FieldWriter;

  bool field(bool value) { return field(static_cast<std::uint8_t>(value)); }
  bool field(const Path& path) {
    field(path.depth);
    for (const auto id : path.ids) field(id);
    return true;
  }
  bool field(const std::optional<std::uint32_t>& number) {
    return field(number.has_value()) && field(number.value_or(0));
  }
  bool field(const Registration& registration) {
    return field(std::string(PackedRegistration(registration).text()));
  }
  template <class T>
  bool field(const std::vector<T>& all) {
    field(static_cast<std::uint32_t>(all.size()));
    for (const T& one : all) block(one);
    return true;
  }
  template <class T>
  void block(const T& part) {
    std::string out;
    Writer to(out);
    fields(to, part, &part);
    field(out);
  }
};

class Reader : public keel::FieldReader {
 public:
  using FieldReader::field, FieldReader::FieldReader;

  bool field(bool& value) {
    std::uint8_t octet = 0;
    if (!field(octet) || octet > 1) return false;
    value = octet == 1;
    return true;
  }
  bool field(Path& path) {
    if (!field(path.depth) || path.depth > std::size(path.ids)) return false;
    return std::all_of(std::begin(path.ids), std::end(path.ids),
                       [this](std::uint16_t& id) { return field(id); });
  }
  bool field(std::optional<std::uint32_t>& number) {
    bool there = false;
    std::uint32_t value = 0;
    if (!field(there) || !field(value)) return false;
    if (there) number = value;
    return true;
  }
  bool field(Registration& registration) {
    std::string text;
    if (!field(text)) return false;
    const auto packed = PackedRegistration::from(text);
    if (packed) registration = packed->unpack();
    return packed.has_value();
  }
  template <class T>
  bool field(std::vector<T>& all) {
    std::uint32_t left = 0;
    if (!field(left)) return false;
    for (; left != 0; --left)
      if (!block(all.emplace_back())) return false;
    return true;
  }
  template <class T>
  bool block(T& part) {
    std::string in;
    if (!field(in)) return false;
    Reader from(in);
    return fields(from, part, &part);
  }
};

// What the machine relies on.
bool in_range(const Device::Saved& device) {
  const auto finite = [](double time) { return std::isfinite(time) && std::abs(time) < 1e12; };
  const auto channel = [](Channel c) { return c == Channel::documented || c == Channel::v3; };
  const auto waiting = [&](const Device::Saved::Waiting& w) {
    return channel(w.channel) && finite(w.expires);
  };
  const auto observation = [](const Observation& o) {
    return o.dialect <= Dialect::a && o.channel <= Channel::operation && o.token.size() <= 8 &&
           o.path == o.path.up_to(o.path.depth);
  };
  return !device.registration.endpoint.empty() && !device.location.empty() &&
         finite(device.saved_at) && finite(device.expires) && finite(device.heard) &&
         std::all_of(device.waiting.begin(), device.waiting.end(), waiting) &&
         std::all_of(device.observations.begin(), device.observations.end(), observation);
}

}  // namespace

void append(std::string& blob, const Device::Saved& device) {
  Writer to(blob);
  to.field(kFormat);
  to.block(device);
}

bool read_saved(std::string_view blob, Device::Saved& out) {
  Reader from(blob);
  std::uint8_t format = 0;
  return from.field(format) && format == kFormat && from.block(out) && in_range(out);
}

}  // namespace lwm2m
