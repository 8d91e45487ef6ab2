/* Exports more than the entry: a warning, no refusal. */
#define ZOO_NAME "extra_export"
#include "zoo.h"
__attribute__((visibility("default"))) int everybody_can_see_this(void) { return 1; }
