/* The boundary between the Keel kernel and a plugin: plain C, the same for every language.
 *
 * A plugin is a shared object that exports one data symbol, `keel_plugin_entry_v1`, and carries its
 * name, version and ABI in the ELF section `.keel.plugin`, which the kernel reads without loading
 * it. Everything the kernel offers are tables of functions, one header each below ext/, found by
 * keel_host.get_extension(). Everything it asks of a plugin is keel_plugin below and the optional
 * tables ext/plugin_*.h.
 *
 * Rules that hold for every table:
 *  - Structs begin with `size`, the writer's sizeof. Fields are only appended, so a reader asks
 *    KEEL_HAS() for what came after 1.0. keel_str, keel_sink, keel_addr and keel_handle are fixed.
 *    An array of sized structs is stepped through by the `size` of its first element.
 *  - A table's id is "name/revision". Additions keep it; an incompatible change makes a new one.
 *  - A handle is a number. One that is no longer valid gives KEEL_E_STALE, never a crash.
 *  - Text and bytes (keel_str) are valid during the call only, in both directions: copy what you
 *    keep. Text is UTF-8 and not terminated by a zero byte.
 *  - Who allocates frees. Output of unknown length is written into a keel_sink, any number of
 * pieces.
 *  - Functions answer KEEL_OK (0) or a negative status; out-parameters are written on KEEL_OK only.
 *    host->last_error() has the text that belongs to the last failure on this thread.
 *  - No exception leaves a plugin. (keel/plugin.hpp catches them and answers KEEL_E_EXCEPTION.)
 *  - Threads stand in brackets: [control] the thread of lifecycle and commands, [shard] the data
 *    path's thread that owns the handle, [worker] a pool thread that may block, [any]. Callbacks of
 * a handle run on the shard it belongs to, one at a time.
 *  - The kernel does not call the plugin from within a call of the plugin into the kernel, except a
 *    keel_sink passed to that very call.
 *  - Once a plugin is being unloaded its calls answer KEEL_E_STATE, except log, close, cancel,
 * remove and message.unref.
 *  - `ctx` is the plugin's own and never looked into. A one-shot callback (post, worker, ...) is
 * called exactly once, with `cancelled` 1 when it was revoked, so that its ctx can always be freed.
 *  - Plugins do not fork, do not change signal handlers or masks, the locale or the working
 * directory. */
#ifndef KEEL_ABI_H
#define KEEL_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KEEL_ABI_MAJOR 1u
#define KEEL_ABI_MINOR 0u
#define KEEL_ENTRY_MAGIC 0x4b45454cu /* "KEEL" */
#define KEEL_INFO_MAGIC "KEELPLG"    /* with its zero byte: 8 bytes */

/* Whether `field` lies within the first `object->size` bytes of a sized struct. */
#define KEEL_HAS(object, field) \
  ((object)->size >= offsetof(__typeof__(*(object)), field) + sizeof((object)->field))

typedef int32_t keel_status;
enum {
  KEEL_OK = 0,
  KEEL_E_INVAL = -1,  /* an argument cannot be right */
  KEEL_E_STATE = -2,  /* not now: the plugin is being unloaded, or the thread is the wrong one */
  KEEL_E_NOENT = -3,  /* there is no such thing */
  KEEL_E_EXISTS = -4, /* there is one already */
  KEEL_E_STALE = -5,  /* the handle's object is gone */
  KEEL_E_DENIED = -6, /* not allowed */
  KEEL_E_LIMIT = -7,  /* a bound is reached: a buffer is full, a quota used up */
  KEEL_E_NOMEM = -8,  /* no memory */
  KEEL_E_UNSUPPORTED = -9, /* the other side is older and does not have it */
  KEEL_E_IO = -10,         /* the operating system said no; see last_error */
  KEEL_E_EXCEPTION = -11   /* the plugin's code threw */
};

typedef uint64_t keel_handle; /* 0 is none */

typedef struct keel_str {
  const char* data;
  size_t size;
} keel_str;

/* Takes output in pieces. Valid during the call it is passed to. */
typedef struct keel_sink {
  void* ctx;
  void (*write)(void* ctx, keel_str piece);
} keel_sink;

enum { KEEL_ADDR_NONE = 0, KEEL_ADDR_UNIX = 1, KEEL_ADDR_IP4 = 4, KEEL_ADDR_IP6 = 6 };

/* An address and port. 28 bytes, comparable with memcmp. */
typedef struct keel_addr {
  uint8_t family; /* KEEL_ADDR_* */
  uint8_t reserved;
  uint16_t port;     /* host byte order */
  uint8_t bytes[16]; /* network order; IPv4 in the first four, the rest 0 */
  uint32_t scope;    /* interface index of link-local addresses, else 0 */
  uint32_t reserved2;
} keel_addr;

/* What a TLS or DTLS handshake proved about a peer. Empty strings: nothing. */
typedef struct keel_verified {
  uint32_t size;
  uint32_t reserved;
  keel_str cn, san, dn;  /* of the peer's certificate; `san` is its first alternative name */
  keel_str psk_identity; /* of a pre-shared key */
  keel_str tls_version, cipher;
} keel_verified;

/* A one-shot callback. */
typedef void (*keel_task_fn)(void* ctx, int32_t cancelled);

typedef struct keel_host keel_host;
typedef struct keel_plugin keel_plugin;

/* What the kernel is to a plugin. Valid from create() until destroy() returns. [any] */
struct keel_host {
  uint32_t size;
  uint32_t abi_minor; /* of the kernel */
  void* impl;         /* the kernel's */
  /* The table for an id such as KEEL_EXT_TIMER, or null when this kernel has none. Valid as long as
   * the host. since 1.0 */
  const void* (*get_extension)(const keel_host* host, const char* id);
  /* Writes the text of the last failed call on this thread. since 1.0 */
  void (*last_error)(const keel_host* host, keel_sink out);
  /* Says that the plugin's code threw and the exception was caught at the boundary: it is counted
   * for `ctl plugins show` and logged, once a second at most. since 1.0 */
  void (*report_exception)(const keel_host* host, keel_str text);
};

/* What a plugin is to the kernel; filled by create(). All [control]. */
struct keel_plugin {
  uint32_t size;
  uint32_t reserved;
  void* self;
  /* Acquire everything: sockets, hooks, timers. They come to life after it answered KEEL_OK. On
   * failure the kernel revokes what was acquired and calls destroy(). After an upgrade that failed
   * it is called again on the same instance. */
  keel_status (*start)(void* self);
  /* No callback runs or will run any more. Join own threads, drop own resources. start() may
   * follow. */
  void (*stop)(void* self);
  /* The last call. */
  void (*destroy)(void* self);
  /* The plugin's own tables (ext/plugin_*.h), or null for an unknown id. May itself be null. */
  const void* (*get_extension)(void* self, const char* id);
};

enum {
  KEEL_SETTING_BOOL = 1,
  KEEL_SETTING_INT = 2,
  KEEL_SETTING_FLOAT = 3,
  KEEL_SETTING_STRING = 4,
  KEEL_SETTING_STRINGS = 5,  /* a list of strings */
  KEEL_SETTING_DURATION = 6, /* "15s"; a bare number counts in `unit_ms` */
  KEEL_SETTING_SIZE = 7,     /* "64KB"; in bytes */
  KEEL_SETTING_CHOICE = 8,   /* one of `choices` */
  KEEL_SETTING_ADDRESS = 9,  /* "1884", "0.0.0.0:1884", "[::]:1884", "unix:PATH" */
  KEEL_SETTING_TABLE = 10    /* a table of any keys with string values, read with config.keys() */
};
enum {
  KEEL_SETTING_RELOADABLE = 1, /* plugin.settings/1 can apply a change */
  KEEL_SETTING_SECRET = 2,     /* never shown */
  KEEL_SETTING_REQUIRED = 4    /* has no default; loading fails without it */
};

/* One setting of a plugin. A `*` part of the key stands for a name: "auth.client.*.password". */
typedef struct keel_setting {
  uint32_t size;
  uint8_t type;  /* KEEL_SETTING_* */
  uint8_t flags; /* KEEL_SETTING_RELOADABLE | ... */
  uint8_t reserved[2];
  const char* key;      /* "mqtt.sn.port" */
  const char* help;     /* one line */
  const char* choices;  /* "a|b|c" for CHOICE, else null */
  const char* fallback; /* the default as it would stand in the file without quotes; null: none */
  int64_t min, max;     /* of INT, DURATION (ms) and SIZE; both 0: no bounds */
  int64_t unit_ms;      /* what a bare number in a DURATION counts; 0: 1000 */
} keel_setting;

enum {
  KEEL_INFO_STORE = 1 /* it is a store, see ext/plugin_store.h: at the broker's start it is loaded
                         before the others */
};

/* Read from the file's `.keel.plugin` section before any of its code runs. Zero-terminated texts.
 */
typedef struct keel_plugin_info {
  char magic[8]; /* KEEL_INFO_MAGIC */
  uint32_t size;
  uint16_t abi_major; /* KEEL_ABI_MAJOR */
  uint16_t abi_minor; /* the least kernel minor that will do */
  uint32_t flags;     /* KEEL_INFO_* */
  uint32_t reserved;
  char name[32];     /* [a-z][a-z0-9_]*, the file's name without .so */
  char version[24];  /* "1.0.0" */
  char summary[128]; /* one line */
  char depends[128]; /* names of plugins that must be running, separated by spaces */
  char stamp[128];   /* compiler and such, for people */
} keel_plugin_info;

typedef struct keel_plugin_entry {
  uint32_t size;
  uint32_t magic; /* KEEL_ENTRY_MAGIC */
  const keel_plugin_info* info;
  const keel_setting* settings;
  uint32_t settings_count;
  uint32_t reserved;
  /* Makes the instance; fills `out` up to out->size. Only log and config may be used. Answers an
   * error without having filled anything. [control] */
  keel_status (*create)(const keel_host* host, keel_plugin* out);
} keel_plugin_entry;

#if defined(__SANITIZE_ADDRESS__)
#define KEEL_STAMP_SANITIZER "; address"
#elif defined(__SANITIZE_THREAD__)
#define KEEL_STAMP_SANITIZER "; thread"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEL_STAMP_SANITIZER "; address"
#elif __has_feature(thread_sanitizer)
#define KEEL_STAMP_SANITIZER "; thread"
#endif
#endif
#ifndef KEEL_STAMP_SANITIZER
#define KEEL_STAMP_SANITIZER ""
#endif
#ifdef __VERSION__
#define KEEL_STAMP __VERSION__ KEEL_STAMP_SANITIZER
#else
#define KEEL_STAMP "unknown" KEEL_STAMP_SANITIZER
#endif

/* Defines the section. Every argument is a string literal.
 *   KEEL_PLUGIN_INFO(info, "hello", "1.0.0", "UDP lines in, publishes out", ""); */
#define KEEL_PLUGIN_INFO(variable, name_, version_, summary_, depends_) \
  KEEL_PLUGIN_INFO_FLAGS(variable, 0, name_, version_, summary_, depends_)
/* The same of a plugin that is more than that: KEEL_INFO_STORE. */
#define KEEL_PLUGIN_INFO_FLAGS(variable, flags_, name_, version_, summary_, depends_) \
  __attribute__((section(".keel.plugin"), used,                                       \
                 aligned(8))) static const keel_plugin_info variable = {              \
      KEEL_INFO_MAGIC, (uint32_t)sizeof(keel_plugin_info),                            \
      KEEL_ABI_MAJOR,  0,                                                             \
      flags_,          0,                                                             \
      name_,           version_,                                                      \
      summary_,        depends_,                                                      \
      KEEL_STAMP}

/* Before the definition of keel_plugin_entry_v1, the only symbol a plugin exports. */
#define KEEL_EXPORT __attribute__((visibility("default"), used))

#ifdef __cplusplus
}
#endif
#endif
