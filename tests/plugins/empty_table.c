/* Leaves out what every plugin must have. */
#define ZOO_NAME "empty_table"
#define ZOO_CREATE return KEEL_OK;
#include "zoo.h"
