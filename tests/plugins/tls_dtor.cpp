// A thread_local with a destructor, touched on a shard: keeps the code mapped as long as the shard
// lives.
#define ZOO_NAME "tls_dtor"
#define ZOO_START return start();
#include <string>

#include "keel/ext/shard.h"

static keel_status start();
#include "zoo.h"

struct Noisy {
  std::string text = "a text long enough to be on the heap, so that the destructor has work";
  ~Noisy() { text.clear(); }
};
static thread_local Noisy noisy;

static void touch(void*, int32_t) { noisy.text += "."; }

static keel_status start() {
  return static_cast<const keel_ext_shard*>(table(KEEL_EXT_SHARD))->post(host, 0, touch, nullptr);
}
