// What object files say about objects and their resources. Immutable once loaded; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emqx_lwm2m/format/path.hpp"
#include "emqx_lwm2m/format/value.hpp"

namespace lwm2m {

struct ResourceDefinition {
  std::uint16_t id = 0;
  std::string name;
  DataType type = DataType::none;  // none: executable
  bool readable = false, writable = false, executable = false;
  bool multiple = false, mandatory = false;
  std::string range, units, description;
};

struct ObjectDefinition {
  std::uint16_t id = 0;
  std::string name, urn, version = "1.0", description;
  bool multiple = false, mandatory = false;
  std::vector<ResourceDefinition> resources;  // by id
  std::string file;

  const ResourceDefinition* find(std::uint16_t resource) const;  // null: none
};

class Definitions {
 public:
  using Key = std::pair<std::uint16_t, std::string>;  // object, version

  // True: it replaced one of the same id and version.
  bool add(ObjectDefinition object);
  // The version wanted, else the highest; null: the object is unknown.
  const ObjectDefinition* find(std::uint16_t object, std::string_view version = {}) const;
  std::size_t size() const { return objects_.size(); }
  template <class F>  // f(const ObjectDefinition&), by id and version
  void each(F&& f) const {
    for (const auto& [key, object] : objects_) f(object);
  }

 private:
  std::map<Key, ObjectDefinition> objects_;
};
using DefinitionsPtr = std::shared_ptr<const Definitions>;

// The versions of objects a device has said it has; those that are not there: any.
using ObjectVersions = std::vector<std::pair<std::uint16_t, std::string>>;  // by object

// What is known of one device's resources. A view, for the time of a call.
struct Types {
  const Definitions* definitions = nullptr;  // null: nothing is known
  const ObjectVersions* versions = nullptr;

  const ObjectDefinition* object(std::uint16_t id) const;
  // Null: the path is no resource (instance), or nothing is known of it.
  const ResourceDefinition* resource(const Path& path) const;
};

}  // namespace lwm2m
