// Another store, which is one too many.
#define STORE_NAME "second_store"
#include "memory_store.hpp"

KEEL_PLUGIN(Store, STORE_NAME, STORE_VERSION, "a store of the zoo");
