/* A place for the plugin's files. */
#ifndef KEEL_EXT_STATE_H
#define KEEL_EXT_STATE_H
#include "keel/abi.h"

#define KEEL_EXT_STATE "keel.state/1"

typedef struct keel_ext_state {
  uint32_t size;
  uint32_t reserved;
  /* The absolute path of <data_dir>/plugins/<name>, which exists and is the plugin's alone (mode
   * 0700). It outlives the plugin. [control] since 1.0 */
  keel_status (*dir)(const keel_host* host, keel_sink out);
} keel_ext_state;
#endif
