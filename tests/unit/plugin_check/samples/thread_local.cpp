#include "sample.h"

struct Noisy {
  Noisy() : value(1) {}
  ~Noisy() { value = 0; }
  volatile int value;
};
thread_local Noisy noisy;
KEEL_EXPORT int touch() { return noisy.value; }
