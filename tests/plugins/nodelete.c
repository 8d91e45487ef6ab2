/* Linked so that it can never be unloaded. */
#define ZOO_NAME "nodelete"
#include "zoo.h"
