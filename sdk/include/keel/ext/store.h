/* What a store says to the kernel; see plugin_store.h. Of the plugin that is the store alone:
 * KEEL_E_DENIED to others. */
#ifndef KEEL_EXT_STORE_H
#define KEEL_EXT_STORE_H
#include "keel/abi.h"

#define KEEL_EXT_STORE "keel.store/1"

typedef struct keel_store_row { /* fixed */
  keel_str key, value;
} keel_store_row;

typedef struct keel_store_rows {
  uint32_t size;
  keel_status status; /* KEEL_OK; KEEL_E_NOENT: damaged rows are left out, and the answer goes
                       * on behind them; KEEL_E_IO: not all could be read now, ask again */
  const keel_store_row* rows; /* none of COUNT */
  uint32_t row_count;
  uint32_t more; /* 1: the range goes on behind the last row, or behind what was counted */
  uint64_t counted, octets; /* of COUNT */
} keel_store_rows;

enum {
  KEEL_STORE_FINE = 0,
  KEEL_STORE_SHORT = 1,   /* space runs short: no new messages for clients that are away */
  KEEL_STORE_SHORTER = 2, /* nor new retained messages */
  KEEL_STORE_FULL = 3,    /* nor anything that has to be durable */
  KEEL_STORE_FAILING = 4  /* a write failed and is being repeated; as FULL */
};

typedef struct keel_ext_store {
  uint32_t size;
  uint32_t reserved;
  /* Every batch up to this ticket survives a loss of power. [any] since 1.0 */
  keel_status (*committed)(const keel_host* host, uint64_t ticket);
  /* The answer to a query. The kernel copies what it keeps before this returns. KEEL_E_NOENT:
   * nobody waits for it any more. [any] since 1.0 */
  keel_status (*rows)(const keel_host* host, uint64_t request, const keel_store_rows* rows);
  /* How the store is. `text` says cause and remedy, one line, for logs and `ctl durability`; empty
   * when it is fine. [any] since 1.0 */
  keel_status (*condition)(const keel_host* host, uint32_t condition, keel_str text);
  /* How long the last write took until it was safe, in nanoseconds, and how many operations it had:
   * for the percentiles of `ctl durability`. [any] since 1.0 */
  keel_status (*synced)(const keel_host* host, uint64_t duration_ns, uint32_t operations);
} keel_ext_store;
#endif
