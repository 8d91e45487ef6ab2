// Reads object files [LwM2M registry's schema] with pugixml. Touches files: on a worker, or on the
// control thread at start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emqx_lwm2m/objects/definitions.hpp"

namespace lwm2m {

struct LoadedObjects {
  DefinitionsPtr definitions;
  std::vector<std::string> warnings;  // a line each: file, what is wrong, what happens
};
// All *.xml of the directory, by name. Never fails: what is broken is left out, with a warning.
LoadedObjects load_objects(const std::string& directory);

// The objects of one file; adds to `out`, warnings to `warnings`. False: the file is broken as a
// whole.
bool parse_objects(std::string_view xml, std::string_view file, Definitions& out,
                   std::vector<std::string>& warnings);

}  // namespace lwm2m
