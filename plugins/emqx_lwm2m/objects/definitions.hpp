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

// Below, equal to or above 0: number by number, so that "1.2" is below "1.10"; "1" is "1.0".
int compare_versions(std::string_view a, std::string_view b);

class Definitions {
 public:
  // True: it replaced one of the same id and version. Sorts its resources; of several with one id
  // the last stays.
  bool add(ObjectDefinition object);
  // The version wanted, else (also when that one is not there) the highest; null: the object is
  // unknown.
  const ObjectDefinition* find(std::uint16_t object, std::string_view version = {}) const;
  std::size_t size() const { return objects_.size(); }
  template <class F>  // f(const ObjectDefinition&), by id and version
  void each(F&& f) const {
    for (const auto& [key, object] : objects_) f(object);
  }

 private:
  struct View {
    std::uint16_t id;
    std::string_view version;
  };
  struct Order {
    using is_transparent = void;
    static View view(const std::pair<std::uint16_t, std::string>& key) {
      return {key.first, key.second};
    }
    static View view(View key) { return key; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      const View left = view(a), right = view(b);
      return left.id != right.id ? left.id < right.id
                                 : compare_versions(left.version, right.version) < 0;
    }
    // All versions of an object.
    template <class A>
    bool operator()(const A& a, std::uint16_t id) const {
      return view(a).id < id;
    }
    template <class B>
    bool operator()(std::uint16_t id, const B& b) const {
      return id < view(b).id;
    }
  };

  std::map<std::pair<std::uint16_t, std::string>, ObjectDefinition, Order> objects_;
};
using DefinitionsPtr = std::shared_ptr<const Definitions>;

// The versions of objects a device has said it has; those that are not there: any. Sorted by
// object, each once.
using ObjectVersions = std::vector<std::pair<std::uint16_t, std::string>>;

// What is known of one device's resources. A view, for the time of a call.
struct Types {
  const Definitions* definitions = nullptr;  // null: nothing is known
  const ObjectVersions* versions = nullptr;

  const ObjectDefinition* object(std::uint16_t id) const;
  // Null: the path is no resource (instance), or nothing is known of it.
  const ResourceDefinition* resource(const Path& path) const;
};

}  // namespace lwm2m
