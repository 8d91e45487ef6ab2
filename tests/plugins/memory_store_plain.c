/* A version of memory_store that is no store. */
#define ZOO_NAME "memory_store"
#define ZOO_VERSION "4.0.0"
#include "zoo.h"
