// The next version of memory_store.
#define STORE_NAME "memory_store"
#define STORE_VERSION "2.0.0"
#include "memory_store.hpp"

KEEL_PLUGIN(Store, STORE_NAME, STORE_VERSION, "a store of the zoo");
