/* Calls itself otherwise than its file. */
#define ZOO_NAME "somebody_else"
#include "zoo.h"
