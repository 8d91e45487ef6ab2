/* Refuses to be made, and says why. */
#define ZOO_NAME "create_fails"
#define ZOO_CREATE return KEEL_E_DENIED;
#include "zoo.h"
