/* The end of a process that caught itself in a mistake. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
    (void)fprintf(stderr, "godwit: assertion failed: %s (%s:%d)\n", expr, file, line);
    abort();
}
