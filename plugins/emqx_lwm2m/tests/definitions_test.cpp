// What is found of objects and resources, by id and version.
#include "emqx_lwm2m/objects/definitions.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace lwm2m;

namespace {

ObjectDefinition object(std::uint16_t id, std::string version, std::string name = {}) {
  ObjectDefinition out;
  out.id = id;
  out.version = std::move(version);
  out.name = std::move(name);
  return out;
}

ResourceDefinition resource(std::uint16_t id, DataType type) {
  ResourceDefinition out;
  out.id = id;
  out.type = type;
  return out;
}

std::string version_of(const ObjectDefinition* found) { return found ? found->version : "none"; }

}  // namespace

TEST_CASE("Versions compare number by number") {
  struct Case {
    std::string_view low, high;
  };
  for (const Case& c : {Case{"1.0", "1.1"}, Case{"1.2", "1.10"}, Case{"1.9", "2.0"},
                        Case{"9.0", "10.0"}, Case{"1", "1.1"}, Case{"1.0", "1.0.1"},
                        Case{"0.9", "1"}, Case{"1.09", "1.10"}, Case{"", "0.1"}}) {
    CAPTURE(c.low);
    CAPTURE(c.high);
    CHECK(compare_versions(c.low, c.high) < 0);
    CHECK(compare_versions(c.high, c.low) > 0);
  }
  for (const Case& c : {Case{"1", "1.0"}, Case{"1.0", "1.0.0"}, Case{"01.02", "1.2"},
                        Case{"1.", "1"}, Case{"", "0"}}) {
    CAPTURE(c.low);
    CAPTURE(c.high);
    CHECK(compare_versions(c.low, c.high) == 0);
    CHECK(compare_versions(c.high, c.low) == 0);
  }
}

TEST_CASE("The version wanted is found, else the highest") {
  Definitions all;
  for (const std::string_view version : {"1.2", "1.10", "1.0"})
    CHECK_FALSE(all.add(object(5, std::string(version))));
  all.add(object(4, "3.0"));
  all.add(object(6, "0.1"));
  CHECK(all.size() == 5);
  CHECK(version_of(all.find(5)) == "1.10");
  CHECK(version_of(all.find(5, "1.2")) == "1.2");
  CHECK(version_of(all.find(5, "1")) == "1.0");
  CHECK(version_of(all.find(5, "1.10")) == "1.10");
  CHECK(version_of(all.find(5, "1.1")) == "1.10");
  CHECK(version_of(all.find(5, "7.0")) == "1.10");
  CHECK(version_of(all.find(4)) == "3.0");
  CHECK(version_of(all.find(7)) == "none");
  CHECK(version_of(all.find(7, "1.0")) == "none");
  CHECK(version_of(Definitions().find(0)) == "none");
}

TEST_CASE("The largest id has nothing behind it") {
  Definitions all;
  all.add(object(65535, "1.0"));
  CHECK(version_of(all.find(65535)) == "1.0");
  CHECK_FALSE(all.find(65534));
}

TEST_CASE("Added again, an object replaces the one of the same version") {
  Definitions all;
  CHECK_FALSE(all.add(object(3, "1.0", "old")));
  CHECK(all.add(object(3, "1.0", "new")));
  CHECK(all.size() == 1);
  CHECK(all.find(3)->name == "new");
  CHECK(all.add(object(3, "1", "as 1.0")));
  CHECK(all.size() == 1);
  CHECK(all.find(3, "1.0")->name == "as 1.0");
}

TEST_CASE("All are visited by id and version") {
  Definitions all;
  for (const std::string_view version : {"1.10", "1.9", "1.0"})
    all.add(object(3303, std::string(version)));
  all.add(object(3, "1.0"));
  std::string seen;
  all.each([&](const ObjectDefinition& known) {
    seen += std::to_string(known.id) + "v" + known.version + " ";
  });
  CHECK(seen == "3v1.0 3303v1.0 3303v1.9 3303v1.10 ");
}

TEST_CASE("Resources are found in whatever order they came") {
  ObjectDefinition device = object(3, "1.0");
  device.resources = {resource(13, DataType::time), resource(0, DataType::string),
                      resource(9, DataType::integer), resource(0, DataType::opaque)};
  Definitions all;
  all.add(device);
  const ObjectDefinition& known = *all.find(3);
  REQUIRE(known.resources.size() == 3);
  CHECK(known.find(13)->type == DataType::time);
  CHECK(known.find(9)->type == DataType::integer);
  CHECK(known.find(0)->type == DataType::opaque);
  CHECK_FALSE(known.find(1));
  CHECK_FALSE(known.find(65535));
}

TEST_CASE("A device's versions decide which definition counts") {
  Definitions all;
  ObjectDefinition first = object(3303, "1.0"), second = object(3303, "1.1");
  first.resources = {resource(5700, DataType::floating)};
  second.resources = {resource(5700, DataType::integer), resource(6030, DataType::floating)};
  all.add(first);
  all.add(second);
  const Path value = *parse_path("/3303/0/5700");
  const ObjectVersions none, old{{3, "1.1"}, {3303, "1.0"}, {3304, "1.1"}}, newest{{3303, "1.1"}};

  CHECK(Types{&all, nullptr}.resource(value)->type == DataType::integer);
  CHECK(Types{&all, &none}.resource(value)->type == DataType::integer);
  CHECK(Types{&all, &newest}.resource(value)->type == DataType::integer);
  const Types types{&all, &old};
  CHECK(types.resource(value)->type == DataType::floating);
  CHECK(types.resource(value.with(7))->type == DataType::floating);
  CHECK_FALSE(types.resource(*parse_path("/3303/0/6030")));
  CHECK_FALSE(types.resource(*parse_path("/3303/0")));
  CHECK_FALSE(types.resource(*parse_path("/3302/0/5700")));
  CHECK(version_of(types.object(3303)) == "1.0");
  CHECK_FALSE(types.object(3));
  CHECK_FALSE(Types{}.object(3303));
  CHECK_FALSE(Types{}.resource(value));
}
