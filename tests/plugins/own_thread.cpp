// A thread of its own that posts to the shards without end, joined in stop(): as it should be.
#define ZOO_NAME "own_thread"
#define ZOO_START return start();
#define ZOO_STOP stop();
#include <pthread.h>

#include <atomic>

#include "keel/ext/shard.h"

static keel_status start();
static void stop();
#include "zoo.h"

static pthread_t thread;
static std::atomic<bool> running;
static std::atomic<long> posted, ran;

static void on_post(void*, int32_t) { ++ran; }
static void* body(void*) {
  const auto* shard = static_cast<const keel_ext_shard*>(table(KEEL_EXT_SHARD));
  const uint32_t shards = shard->count(host);
  for (uint32_t i = 0; running.load(); ++i) {
    if (posted - ran > 100) continue;
    if (shard->post(host, i % shards, on_post, nullptr) == KEEL_OK) ++posted;
  }
  return nullptr;
}

static keel_status start() {
  running = true;
  return pthread_create(&thread, nullptr, body, nullptr) == 0 ? KEEL_OK : KEEL_E_NOMEM;
}
static void stop() {
  running = false;
  pthread_join(thread, nullptr);
}
