/* The plugin's own settings, from its file, checked against the schema in its entry, with defaults
 * filled in. All [control], from create() on. The values are those of the last load or reload. */
#ifndef KEEL_EXT_CONFIG_H
#define KEEL_EXT_CONFIG_H
#include "keel/abi.h"

#define KEEL_EXT_CONFIG "keel.config/1"

typedef struct keel_ext_config {
  uint32_t size;
  uint32_t reserved;
  /* The value of a key of the schema (for keys with `*`: with the name put in). KEEL_E_NOENT: it is
   * not set and has no default. KEEL_E_INVAL: not in the schema, or of another type. since 1.0 */
  keel_status (*get_bool)(const keel_host* host, const char* key, int32_t* out);
  keel_status (*get_int)(const keel_host* host, const char* key, int64_t* out);
  keel_status (*get_float)(const keel_host* host, const char* key, double* out);
  /* STRING, CHOICE and ADDRESS. since 1.0 */
  keel_status (*get_str)(const keel_host* host, const char* key, keel_sink out);
  keel_status (*get_duration_ms)(const keel_host* host, const char* key, int64_t* out);
  keel_status (*get_size)(const keel_host* host, const char* key, uint64_t* out); /* bytes */
  /* STRINGS: how many, and each. since 1.0 */
  keel_status (*count)(const keel_host* host, const char* key, uint32_t* out);
  keel_status (*get_str_at)(const keel_host* host, const char* key, uint32_t index, keel_sink out);
  /* The names present below a table, or where a `*` stands: one write per name, in the file's
   * order. An absent table has none. since 1.0 */
  keel_status (*keys)(const keel_host* host, const char* table, keel_sink out);
  /* Reports a value that cannot work although its type is right. It is printed with the place of
   * the key in the file, and start() (or settings.apply) should then fail. since 1.0 */
  void (*fail)(const keel_host* host, const char* key, keel_str text);
  /* A path of the settings made absolute: relative ones count from the directory the broker's own
   * settings count from. since 1.0 */
  keel_status (*path)(const keel_host* host, keel_str path, keel_sink out);
} keel_ext_config;
#endif
