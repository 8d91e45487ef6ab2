// Leaves a thread behind that nobody joins and that never ends: its code must stay.
#define ZOO_NAME "detached_thread"
#define ZOO_START return start();
#include <pthread.h>
#include <time.h>

#include <atomic>

#include "keel/abi.h"

static keel_status start();
#include "zoo.h"

static std::atomic<long> turns;

static void* body(void*) {
  const timespec wait{0, 1'000'000};
  for (;; ++turns) nanosleep(&wait, nullptr);
  return nullptr;
}

static keel_status start() {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, body, nullptr) != 0) return KEEL_E_NOMEM;
  return pthread_detach(thread) == 0 ? KEEL_OK : KEEL_E_NOMEM;
}
