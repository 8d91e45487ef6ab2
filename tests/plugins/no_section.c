/* A shared object, but no plugin. */
__attribute__((visibility("default"))) int keel_plugin_entry_v1 = 1;
