/* The broker's log. Lines stand there as `plugin=<name>: <line>`. */
#ifndef KEEL_EXT_LOG_H
#define KEEL_EXT_LOG_H
#include "keel/abi.h"

#define KEEL_EXT_LOG "keel.log/1"

enum {
  KEEL_LOG_DEBUG = 0,
  KEEL_LOG_INFO = 1,
  KEEL_LOG_NOTICE = 2,
  KEEL_LOG_WARNING = 3,
  KEEL_LOG_ERROR = 4
};

typedef struct keel_ext_log {
  uint32_t size;
  uint32_t reserved;
  /* Writes one line; it is copied. A plugin that floods the log has its lines counted instead of
   * written. Never blocks. Works until destroy() returns. [any] since 1.0 */
  void (*write)(const keel_host* host, uint32_t level, keel_str line);
  /* Whether a line of this level would be written anywhere: ask before formatting. [any] since 1.0
   */
  int32_t (*enabled)(const keel_host* host, uint32_t level);
} keel_ext_log;
#endif
