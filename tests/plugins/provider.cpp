// Offers a service.
#define ZOO_NAME "provider"
#define ZOO_START return start();
#include "keel/ext/services.h"

static keel_status start();
#include "zoo.h"

static const int kTable = 7;

static keel_status start() {
  keel_handle out = 0;
  return static_cast<const keel_ext_services*>(table(KEEL_EXT_SERVICES))
      ->provide(host, "zoo.provider/1", &kTable, &out);
}
