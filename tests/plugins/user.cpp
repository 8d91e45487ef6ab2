// Uses the service of `provider`, so that this one cannot be unloaded.
#define ZOO_NAME "user"
#define ZOO_DEPENDS "provider"
#define ZOO_START return start();
#include "keel/ext/services.h"

static keel_status start();
#include "zoo.h"

static keel_status start() {
  const void* found = nullptr;
  return static_cast<const keel_ext_services*>(table(KEEL_EXT_SERVICES))
      ->find(host, "zoo.provider/1", &found);
}
