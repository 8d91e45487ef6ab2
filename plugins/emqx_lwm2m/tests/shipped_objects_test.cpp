// The definitions that are shipped: they load without a word, and what they say is what the OMA
// registry says.
#include <doctest/doctest.h>

#include <set>

#include "emqx_lwm2m/objects/load.hpp"

namespace {

using lwm2m::DataType;

const lwm2m::Definitions& shipped() {
  static const lwm2m::LoadedObjects loaded = lwm2m::load_objects(LWM2M_XML_DIR);
  for (const std::string& warning : loaded.warnings) FAIL_CHECK(warning);
  return *loaded.definitions;
}

std::string operations(const lwm2m::ResourceDefinition& resource) {
  std::string out;
  if (resource.readable) out += 'R';
  if (resource.writable) out += 'W';
  if (resource.executable) out += 'E';
  return out;
}

}  // namespace

TEST_CASE("all of them are there") {
  std::set<std::uint16_t> ids;
  shipped().each([&](const lwm2m::ObjectDefinition& object) { ids.insert(object.id); });
  const std::set<std::uint16_t> wanted = {0,    1,    2,    3,    4,    5,    6,    7,    3200,
                                          3202, 3300, 3301, 3302, 3303, 3304, 3305, 3306, 3311,
                                          3312, 3313, 3314, 3315, 3316, 3320, 3321, 3322, 3323,
                                          3324, 3325, 3335, 3336, 3337, 3338, 3341, 3342, 3347};
  CHECK(ids == wanted);
}

TEST_CASE("every definition is complete") {
  shipped().each([&](const lwm2m::ObjectDefinition& object) {
    CAPTURE(object.id);
    CHECK_FALSE(object.name.empty());
    CHECK_FALSE(object.description.empty());
    CHECK(object.urn.starts_with(object.id < 1024 ? "urn:oma:lwm2m:oma:" : "urn:oma:lwm2m:ext:"));
    CHECK(object.urn.find(':' + std::to_string(object.id)) != std::string::npos);
    CHECK(object.file.ends_with('/' + std::to_string(object.id) + ".xml"));
    CHECK(object.mandatory == (object.id == 0 || object.id == 1 || object.id == 3));
    const bool single = object.id >= 3 && object.id <= 7;
    CHECK(object.multiple == !single);
    CHECK_FALSE(object.resources.empty());
    bool some_mandatory = object.id == 7 || object.id == 3;  // hardly anything is there
    for (const lwm2m::ResourceDefinition& resource : object.resources) {
      CAPTURE(resource.id);
      CHECK_FALSE(resource.name.empty());
      CHECK_FALSE(resource.description.empty());
      CHECK(resource.executable == (resource.type == DataType::none));
      // Which instances of resources of sensors and actuators there are nobody has to ask.
      if (object.id >= 1024) CHECK_FALSE(resource.multiple);
      some_mandatory = some_mandatory || resource.mandatory;
    }
    CHECK(some_mandatory);
  });
}

TEST_CASE("what the registry says of resources that matter") {
  struct Case {
    std::uint16_t object, resource;
    const char* name;
    const char* operations;
    DataType type;
    bool multiple;
    const char* units;
  };
  const Case cases[] = {
      {0, 0, "LWM2M Server URI", "", DataType::string, false, ""},
      {0, 5, "Secret Key", "", DataType::opaque, false, ""},
      {1, 0, "Short Server ID", "R", DataType::integer, false, ""},
      {1, 1, "Lifetime", "RW", DataType::integer, false, "s"},
      {1, 4, "Disable", "E", DataType::none, false, ""},
      {1, 6, "Notification Storing When Disabled or Offline", "RW", DataType::boolean, false, ""},
      {1, 7, "Binding", "RW", DataType::string, false, ""},
      {1, 8, "Registration Update Trigger", "E", DataType::none, false, ""},
      {2, 2, "ACL", "RW", DataType::integer, true, ""},
      {3, 0, "Manufacturer", "R", DataType::string, false, ""},
      {3, 4, "Reboot", "E", DataType::none, false, ""},
      {3, 6, "Available Power Sources", "R", DataType::integer, true, ""},
      {3, 7, "Power Source Voltage", "R", DataType::integer, true, "mV"},
      {3, 9, "Battery Level", "R", DataType::integer, false, "%"},
      {3, 11, "Error Code", "R", DataType::integer, true, ""},
      {3, 13, "Current Time", "RW", DataType::time, false, ""},
      {3, 14, "UTC Offset", "RW", DataType::string, false, ""},
      {3, 22, "ExtDevInfo", "R", DataType::objlnk, true, ""},
      {4, 2, "Radio Signal Strength", "R", DataType::integer, false, "dBm"},
      {4, 4, "IP Addresses", "R", DataType::string, true, ""},
      {5, 0, "Package", "W", DataType::opaque, false, ""},
      {5, 1, "Package URI", "RW", DataType::string, false, ""},
      {5, 2, "Update", "E", DataType::none, false, ""},
      {5, 3, "State", "R", DataType::integer, false, ""},
      {5, 5, "Update Result", "R", DataType::integer, false, ""},
      {6, 0, "Latitude", "R", DataType::floating, false, "lat"},
      {6, 5, "Timestamp", "R", DataType::time, false, ""},
      {7, 2, "Tx Data", "R", DataType::integer, false, "KB"},
      {3200, 5500, "Digital Input State", "R", DataType::boolean, false, ""},
      {3303, 5700, "Sensor Value", "R", DataType::floating, false, ""},
      {3303, 5701, "Sensor Units", "R", DataType::string, false, ""},
      {3303, 5605, "Reset Min and Max Measured Values", "E", DataType::none, false, ""},
      {3306, 5850, "On/Off", "RW", DataType::boolean, false, ""},
      {3311, 5851, "Dimmer", "RW", DataType::integer, false, "/100"},
      {3336, 5517, "Velocity", "R", DataType::opaque, false, ""},
      {3341, 5527, "Text", "RW", DataType::string, false, ""},
      {3347, 5501, "Digital Input Counter", "R", DataType::integer, false, ""},
  };
  for (const Case& each : cases) {
    CAPTURE(each.object);
    CAPTURE(each.resource);
    const lwm2m::ObjectDefinition* const object = shipped().find(each.object);
    REQUIRE(object);
    const lwm2m::ResourceDefinition* const found = object->find(each.resource);
    REQUIRE(found);
    CHECK(found->name == each.name);
    CHECK(operations(*found) == each.operations);
    CHECK(found->type == each.type);
    CHECK(found->multiple == each.multiple);
    CHECK(found->units == each.units);
  }
}

TEST_CASE("objects of LwM2M 1.1 stand beside those of 1.0") {
  CHECK(shipped().find(0, "1.0")->find(13) == nullptr);
  CHECK(shipped().find(0, "1.1")->find(16)->type == DataType::unsigned_integer);
  CHECK(shipped().find(1, "1.0")->find(23) == nullptr);
  CHECK(shipped().find(1, "1.1")->find(23)->type == DataType::boolean);
  CHECK(shipped().find(4, "1.2")->find(11)->units == "dB");
}
