/* The entry of a bad udp_gateway: it knows the settings of the good one. */
#pragma once

#define ZOO_OWN_ENTRY
#include "zoo.h"

static const keel_setting gateway_settings[] = {{sizeof(keel_setting),
                                                 KEEL_SETTING_ADDRESS,
                                                 0,
                                                 {0, 0},
                                                 "udp_gateway.address",
                                                 "",
                                                 0,
                                                 "127.0.0.1:7780",
                                                 0,
                                                 0,
                                                 0},
                                                {sizeof(keel_setting),
                                                 KEEL_SETTING_INT,
                                                 0,
                                                 {0, 0},
                                                 "udp_gateway.max_devices",
                                                 "",
                                                 0,
                                                 "10000",
                                                 1,
                                                 1000000,
                                                 0}};

KEEL_PLUGIN_INFO(zoo_info, ZOO_NAME, ZOO_VERSION, "a version that fails", "");
#ifdef __cplusplus
extern "C" {
#endif
KEEL_EXPORT extern const keel_plugin_entry keel_plugin_entry_v1;
const keel_plugin_entry keel_plugin_entry_v1 = {
    sizeof(keel_plugin_entry), KEEL_ENTRY_MAGIC, &zoo_info, gateway_settings, 2, 0, zoo_create};
#ifdef __cplusplus
}
#endif
