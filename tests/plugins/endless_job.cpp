// Gives the worker threads a job that ends only when the process does.
#define ZOO_NAME "endless_job"
#define ZOO_START return start();
#include <time.h>

#include "keel/ext/worker.h"

static keel_status start();
#include "zoo.h"

static void work(void*) {
  const timespec wait{0, 10'000'000};
  for (;;) nanosleep(&wait, nullptr);
}
static void done(void*, int32_t) {}

static keel_status start() {
  return static_cast<const keel_ext_worker*>(table(KEEL_EXT_WORKER))
      ->run(host, work, done, nullptr, 0);
}
