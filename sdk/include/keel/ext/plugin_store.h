/* Of a plugin that keeps the broker's durable state: an ordered store of keys and values in
 * numbered spaces. The kernel decides what stands in it; the store only has to write batches
 * atomically, in order, and to say when they are safe. One plugin at a time is the store; a
 * second one is refused. It opens its files in start() and closes them in stop(), and its
 * KEEL_PLUGIN_INFO_FLAGS() have KEEL_INFO_STORE, so that it is loaded before plugins that use it.
 *
 * Batches. Every batch has a ticket, ascending by one. The store applies batches in that order,
 * each whole or not at all, any number of them in one write, and reports with store/1 committed()
 * the last one that survives a loss of power. What a batch points to stays valid until it was
 * reported, or until stop() returned. After an upgrade, and after a store had to reopen its files,
 * batches that were not reported are submitted again: the store keeps the last ticket it applied
 * among its own data and passes over what it has already. Within a batch the operations count in
 * their order.
 *
 * A batch that cannot be written is never reported and never skipped: the store says so with
 * store/1 condition(), keeps trying (later batches wait behind it), and reports it once the cause
 * is gone. The kernel acknowledges nothing meanwhile.
 *
 * Reads see at least what was reported. Keys are compared as unsigned octets. */
#ifndef KEEL_EXT_PLUGIN_STORE_H
#define KEEL_EXT_PLUGIN_STORE_H
#include "keel/abi.h"

#define KEEL_EXT_PLUGIN_STORE "keel.plugin.store/1"

enum {
  KEEL_STORE_PUT = 1,         /* key := value */
  KEEL_STORE_ERASE = 2,       /* the key, if it is there */
  KEEL_STORE_ERASE_RANGE = 3, /* all keys from `key` to `value`, that one not included */
  KEEL_STORE_HOLD = 4,        /* key := value, with `count` holders; the key is new */
  KEEL_STORE_RELEASE = 5      /* `count` holders fewer; with the last one the key goes */
};
enum {
  KEEL_STORE_ONCE = 1 /* of ERASE: the key was put once, and will not be again */
};

/* How many spaces there are: 0 ... KEEL_STORE_SPACES - 1. Which keys are in which is the kernel's
 * business; those of one space are alike in size and life. */
#define KEEL_STORE_SPACES 16

typedef struct keel_store_op { /* fixed */
  uint8_t kind;                /* KEEL_STORE_PUT ... */
  uint8_t space;
  uint8_t flags; /* KEEL_STORE_ONCE */
  uint8_t reserved;
  uint32_t count; /* of HOLD and RELEASE */
  keel_str key;   /* 1 ... 65 800 octets */
  keel_str value; /* less than 270 MiB */
} keel_store_op;

typedef struct keel_store_batch {
  uint32_t size;
  uint32_t op_count;
  const keel_store_op* ops;
  uint64_t ticket;
  uint64_t bytes; /* of all keys and values */
} keel_store_batch;

enum {
  KEEL_STORE_RANGE = 1, /* rows from `from` (included) to `to` (not included), ascending */
  KEEL_STORE_LAST = 2,  /* the last row of that range */
  KEEL_STORE_COUNT =
      3,              /* how many rows the range has, and their octets; at most max_rows counted */
  KEEL_STORE_MANY = 4 /* the rows of the keys in `keys`; those that are not there are left out */
};

typedef struct keel_store_query {
  uint32_t size;
  uint8_t kind; /* KEEL_STORE_RANGE ... */
  uint8_t space;
  uint8_t reserved[2];
  uint32_t max_rows;  /* 0: no bound */
  uint32_t max_bytes; /* of keys and values; the row that passes it is the last one; 0: no bound */
  keel_str from, to;  /* an empty `to`: to the end */
  const keel_str* keys;
  uint32_t key_count;
  uint32_t reserved2;
} keel_store_query;

enum {
  KEEL_STORE_INCOMPLETE = 1 /* damage was set aside when the store was opened, now or since it was
                             * last closed in order: rows may be missing, and older ones stand in
                             * their place. The kernel then trusts no row that others depend on. */
};

typedef struct keel_store_info {
  uint32_t size;
  uint32_t reserved;
  uint64_t last_ticket; /* applied, and safe; 0: the store is new */
  uint32_t flags;       /* KEEL_STORE_INCOMPLETE, or 0 */
  uint32_t reserved2;
} keel_store_info;

typedef struct keel_ext_plugin_store {
  uint32_t size;
  uint32_t reserved;
  /* Of the open store. [control] since 1.0 */
  keel_status (*info)(void* self, keel_store_info* out);
  /* Takes a batch to be written; answers at once. Several threads may call it, one at a time; the
   * kernel has put the tickets in order. KEEL_OK is the only answer: after another one the kernel
   * gives the store nothing more. Nothing of store/1 may be called from within. [any] since 1.0 */
  keel_status (*submit)(void* self, const keel_store_batch* batch);
  /* Asks for rows; answers at once. store/1 rows() brings the answer under `request`, once, on any
   * thread but this call's. What the query points to is copied. An error: there will be no answer.
   * Queries may be answered in any order. [any] since 1.0 */
  keel_status (*read)(void* self, uint64_t request, const keel_store_query* query);
} keel_ext_plugin_store;
#endif
