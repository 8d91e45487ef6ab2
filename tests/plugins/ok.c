/* Loads, does nothing, unloads. */
#define ZOO_NAME "ok"
#include "zoo.h"
