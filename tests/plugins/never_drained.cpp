// Is asked to say goodbye and never says that it has.
#define ZOO_NAME "never_drained"
#define ZOO_EXTENSION return extension(id);
#include <cstring>

#include "keel/ext/plugin_drain.h"

static const void* extension(const char* id);
#include "zoo.h"

static const keel_ext_plugin_drain kDrain = {
    sizeof kDrain, 0, [](void*, uint32_t, uint32_t, void (*)(void*), void*) {}};

static const void* extension(const char* id) {
  return std::strcmp(id, KEEL_EXT_PLUGIN_DRAIN) == 0 ? &kDrain : nullptr;
}
