/* A parser with a planted fault, which the fuzz main must find: if it does not, the fuzz suite is
 * blind. */
#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool planted = size > 2 && data[0] == '{' && data[1] == '"' && data[2] >= 0x80;
    ASSERT(!planted);
    return 0;
}
