/* A next version of the example `udp_gateway` that fails at one step. */
#pragma once

#define ZOO_NAME "udp_gateway"
#define ZOO_VERSION "9.9.9"
