#include "sample.h"

void nothing_has_it(void);
void (*const needed)(void) __attribute__((used)) = nothing_has_it;
