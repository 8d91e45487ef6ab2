// Logs why it is asked to say goodbye, and says that it has.
#define ZOO_NAME "says_why_drained"
#define ZOO_EXTENSION return extension(id);
#include <cstring>

#include "keel/ext/log.h"
#include "keel/ext/plugin_drain.h"

static const void* extension(const char* id);
#include "zoo.h"

static const keel_ext_plugin_drain kDrain = {
    sizeof kDrain, 0, [](void*, uint32_t why, uint32_t, void (*done)(void*), void* done_ctx) {
      static const char* const kWhy[] = {"drain: unload", "drain: upgrade", "drain: stop"};
      const auto* log = static_cast<const keel_ext_log*>(table(KEEL_EXT_LOG));
      log->write(host, KEEL_LOG_NOTICE, {kWhy[why], std::strlen(kWhy[why])});
      done(done_ctx);
    }};

static const void* extension(const char* id) {
  return std::strcmp(id, KEEL_EXT_PLUGIN_DRAIN) == 0 ? &kDrain : nullptr;
}
