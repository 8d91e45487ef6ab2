/* What the samples have in common. SAMPLE_NAME is the file's. */
#pragma once

#include <keel/abi.h>

#ifdef SAMPLE_MISNAMED
#undef SAMPLE_NAME
#define SAMPLE_NAME "other"
#endif
#ifndef SAMPLE_WITHOUT_INFO
KEEL_PLUGIN_INFO(info, SAMPLE_NAME, "1.0.0", "A sample", "");
#define SAMPLE_INFO &info
#else
#define SAMPLE_INFO 0
#endif

static keel_status create(const keel_host* host, keel_plugin* out) {
  (void)host;
  (void)out;
  return KEEL_E_UNSUPPORTED;
}

#ifdef __cplusplus
extern "C" {
extern __attribute__((visibility("default"))) const keel_plugin_entry keel_plugin_entry_v1;
}
#else
KEEL_EXPORT
#endif
const keel_plugin_entry keel_plugin_entry_v1 = {
    sizeof(keel_plugin_entry), KEEL_ENTRY_MAGIC, SAMPLE_INFO, 0, 0, 0, create};

#ifdef SAMPLE_EXPORTS
KEEL_EXPORT int one_too_many;
#endif
