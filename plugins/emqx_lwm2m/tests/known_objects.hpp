// A few definitions for tests of commands and answers.
#pragma once

#include <string>

#include "emqx_lwm2m/objects/definitions.hpp"

namespace lwm2m::test {

inline ResourceDefinition resource(std::uint16_t id, std::string name, DataType type) {
  ResourceDefinition out;
  out.id = id;
  out.name = std::move(name);
  out.type = type;
  out.readable = out.writable = true;
  return out;
}

// Device, and a sensor with one resource of each type.
inline Definitions known_objects() {
  Definitions out;
  ObjectDefinition device;
  device.id = 3;
  device.name = "Device";
  device.resources = {
      resource(0, "Manufacturer", DataType::string),
      resource(4, "Reboot", DataType::none),
      resource(6, "Available Power Sources", DataType::integer),
      resource(9, "Battery Level", DataType::integer),
      resource(13, "Current Time", DataType::time),
      resource(14, "UTC Offset", DataType::string),
  };
  out.add(std::move(device));
  ObjectDefinition types;
  types.id = 3303;
  types.name = "Of all types";
  types.resources = {
      resource(1, "Text", DataType::string),
      resource(2, "Whole", DataType::integer),
      resource(3, "Natural", DataType::unsigned_integer),
      resource(4, "Fraction", DataType::floating),
      resource(5, "Truth", DataType::boolean),
      resource(6, "Octets", DataType::opaque),
      resource(7, "Moment", DataType::time),
      resource(8, "Link", DataType::objlnk),
      resource(9, "Links", DataType::corelnk),
  };
  out.add(std::move(types));
  return out;
}

}  // namespace lwm2m::test
