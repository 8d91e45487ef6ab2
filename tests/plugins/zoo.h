/* What every animal of the zoo needs: the section, the entry and a life. Define ZOO_NAME, and
 * before including this whichever of ZOO_START, ZOO_STOP, ZOO_DESTROY, ZOO_EXTENSION, ZOO_CREATE
 * the animal misbehaves in. */
#pragma once
#include "keel/abi.h"

#ifndef ZOO_VERSION
#define ZOO_VERSION "1.0.0"
#endif
#ifndef ZOO_DEPENDS
#define ZOO_DEPENDS ""
#endif

static const keel_host* host;

static inline const void* table(const char* id) { return host->get_extension(host, id); }

#ifndef ZOO_START
#define ZOO_START return KEEL_OK;
#endif
#ifndef ZOO_STOP
#define ZOO_STOP
#endif
#ifndef ZOO_DESTROY
#define ZOO_DESTROY
#endif
#ifndef ZOO_EXTENSION
#define ZOO_EXTENSION return 0;
#endif

static keel_status zoo_start(void* self) {
  (void)self;
  ZOO_START
}
static void zoo_stop(void* self) {
  (void)self;
  ZOO_STOP
}
static void zoo_destroy(void* self) {
  (void)self;
  ZOO_DESTROY
}
static const void* zoo_extension(void* self, const char* id) {
  (void)self;
  (void)id;
  ZOO_EXTENSION
}

static keel_status zoo_create(const keel_host* given, keel_plugin* out) {
  host = given;
#ifdef ZOO_CREATE
  ZOO_CREATE
#endif
  out->self = &host;
  out->start = zoo_start;
  out->stop = zoo_stop;
  out->destroy = zoo_destroy;
  out->get_extension = zoo_extension;
  return KEEL_OK;
}

#ifndef ZOO_OWN_ENTRY
KEEL_PLUGIN_INFO(zoo_info, ZOO_NAME, ZOO_VERSION, "an animal of the zoo", ZOO_DEPENDS);
#ifdef __cplusplus
extern "C" {
#endif
KEEL_EXPORT extern const keel_plugin_entry keel_plugin_entry_v1;
const keel_plugin_entry keel_plugin_entry_v1 = {
    sizeof(keel_plugin_entry), KEEL_ENTRY_MAGIC, &zoo_info, 0, 0, 0, zoo_create};
#ifdef __cplusplus
}
#endif
#endif
