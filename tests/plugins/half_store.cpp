// A store whose table has a hole.
#define ZOO_NAME "half_store"
#define ZOO_EXTENSION return extension(id);
#include <cstring>

#include "keel/ext/plugin_store.h"

static const void* extension(const char* id);
#include "zoo.h"

static const void* extension(const char* id) {
  static const keel_ext_plugin_store store = {sizeof store, 0, nullptr, nullptr, nullptr};
  return std::strcmp(id, KEEL_EXT_PLUGIN_STORE) == 0 ? &store : nullptr;
}
