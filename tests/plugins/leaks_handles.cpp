// Acquires on and on and gives nothing back: the kernel has to.
#define ZOO_NAME "leaks_handles"
#define ZOO_START return start();
#include "keel/ext/metrics.h"
#include "keel/ext/services.h"
#include "keel/ext/shard.h"
#include "keel/ext/timer.h"
#include "keel/ext/udp.h"
#include "keel/ext/worker.h"

static keel_status start();
#include "zoo.h"

static void on_timer(void*) {}
static void on_datagrams(void*, keel_handle, const keel_datagram*, uint32_t) {}
static void work(void*) {}
static void done(void*, int32_t) {}

static keel_status start() {
  keel_handle out = 0;
  const auto* timer = static_cast<const keel_ext_timer*>(table(KEEL_EXT_TIMER));
  const auto* udp = static_cast<const keel_ext_udp*>(table(KEEL_EXT_UDP));
  const auto* worker = static_cast<const keel_ext_worker*>(table(KEEL_EXT_WORKER));
  const auto* shard = static_cast<const keel_ext_shard*>(table(KEEL_EXT_SHARD));
  for (uint32_t i = 0; i < 1000; ++i) {
    timer->start(host, i % shard->count(host), 50 + i, 50, on_timer, nullptr, &out);
    worker->run(host, work, done, nullptr, i % shard->count(host));
    shard->post(host, i % shard->count(host), done, nullptr);
  }
  for (int i = 0; i < 8; ++i) {
    keel_udp_options options{};
    options.size = sizeof options;
    options.address = {"127.0.0.1:0", 11};
    keel_udp_callbacks callbacks{};
    callbacks.size = sizeof callbacks;
    callbacks.datagrams = on_datagrams;
    if (udp->bind(host, &options, &callbacks, nullptr, &out) != KEEL_OK) return KEEL_E_IO;
  }
  const auto* metrics = static_cast<const keel_ext_metrics*>(table(KEEL_EXT_METRICS));
  metrics->counter(host, "zoo_leaks_total", "never removed", "", &out);
  const auto* services = static_cast<const keel_ext_services*>(table(KEEL_EXT_SERVICES));
  static const int kTable = 0;
  return services->provide(host, "zoo.leaks/1", &kTable, &out);
}
