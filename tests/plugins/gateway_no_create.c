/* Cannot be made. */
#include "gateway_bad.h"
#define ZOO_CREATE return KEEL_E_IO;
#include "gateway_entry.h"
