/* Counters and gauges: in /metrics and `ctl metrics --prometheus` as keel_<name>{plugin="..."}.
 * They go when the plugin goes. */
#ifndef KEEL_EXT_METRICS_H
#define KEEL_EXT_METRICS_H
#include "keel/abi.h"

#define KEEL_EXT_METRICS "keel.metrics/1"

/* Read at each scrape. [control] */
typedef double (*keel_gauge_fn)(void* ctx);

typedef struct keel_ext_metrics {
  uint32_t size;
  uint32_t reserved;
  /* `name` [a-z][a-z0-9_]*, counters ending in _total; `labels` "kind=\"a\",x=\"b\"" or empty.
   * [control] since 1.0 */
  keel_status (*counter)(const keel_host* host, const char* name, const char* help,
                         const char* labels, keel_handle* out);
  keel_status (*gauge)(const keel_host* host, const char* name, const char* help,
                       const char* labels, keel_handle* out);
  keel_status (*gauge_fn)(const keel_host* host, const char* name, const char* help,
                          const char* labels, keel_gauge_fn fn, void* ctx, keel_handle* out);
  /* Buckets with these upper bounds, ascending, at most 20. [control] since 1.0 */
  keel_status (*histogram)(const keel_host* host, const char* name, const char* help,
                           const char* labels, const double* bounds, uint32_t bounds_n,
                           keel_handle* out);
  /* Counts up. Each shard has a cell of its own: no contention. [any] since 1.0 */
  keel_status (*add)(const keel_host* host, keel_handle counter, uint64_t n);
  /* Changes a gauge by n, or sets it. [any] since 1.0 */
  keel_status (*add_gauge)(const keel_host* host, keel_handle gauge, int64_t n);
  keel_status (*set)(const keel_host* host, keel_handle gauge, int64_t value);
  keel_status (*observe)(const keel_host* host, keel_handle histogram, double value);
  keel_status (*remove)(const keel_host* host, keel_handle metric); /* [control] since 1.0 */
} keel_ext_metrics;
#endif
