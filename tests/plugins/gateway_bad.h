/* A next version of the example `udp_gateway` that fails at one step. */
#define ZOO_NAME "udp_gateway"
#define ZOO_VERSION "9.9.9"
