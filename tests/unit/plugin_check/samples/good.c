/* A plugin that does nothing, and nothing wrong. The samples beside it are this one with a flaw. */
#include "sample.h"
