/* Takes the state, then does not start. */
#include "gateway_bad.h"
#define ZOO_START return KEEL_E_IO;
#include "gateway_entry.h"
