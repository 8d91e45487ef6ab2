// Throws from start().
#include "gateway_bad.h"
#define ZOO_START throw 1;
#include "gateway_entry.h"
