// Object files of LwM2M: whatever is in them, what comes out is bounded, in order and can be told.
#include <cstdint>
#include <keel/utf8.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "emqx_lwm2m/objects/load.hpp"

namespace {

void check(const lwm2m::ObjectDefinition& object) {
  FUZZ_CHECK(object.id != 0xffff && !object.version.empty());
  for (const std::string* text : {&object.name, &object.urn, &object.version, &object.description})
    FUZZ_CHECK(keel::is_utf8(*text) && text->size() <= 1024);
  int last = -1;
  for (const lwm2m::ResourceDefinition& each : object.resources) {
    FUZZ_CHECK(each.id > last && each.id != 0xffff);
    last = each.id;
    FUZZ_CHECK(object.find(each.id) == &each);
    FUZZ_CHECK(each.executable == (each.type == lwm2m::DataType::none));
    FUZZ_CHECK(!each.executable || (!each.readable && !each.writable));
    for (const std::string* text : {&each.name, &each.range, &each.units, &each.description})
      FUZZ_CHECK(keel::is_utf8(*text) && text->size() <= 1024);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  lwm2m::Definitions definitions;
  std::vector<std::string> warnings;
  const bool whole = lwm2m::parse_objects(xml, "f.xml", definitions, warnings);
  FUZZ_CHECK(whole || definitions.size() == 0);
  FUZZ_CHECK(whole || !warnings.empty());
  FUZZ_CHECK(warnings.size() <= 11);
  for (const std::string& warning : warnings) FUZZ_CHECK(warning.starts_with("f.xml: "));
  definitions.each([&](const lwm2m::ObjectDefinition& object) {
    FUZZ_CHECK(definitions.find(object.id, object.version) == &object);
    check(object);
  });
  return 0;
}
