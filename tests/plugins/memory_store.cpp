// A store in memory.
#define STORE_NAME "memory_store"
#include "memory_store.hpp"

KEEL_PLUGIN(Store, STORE_NAME, STORE_VERSION, "a store of the zoo");
