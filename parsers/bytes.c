#include "parsers/bytes.h"

void bytes_clear(void *memory, size_t count)
{
    memset(memory, 0, count);
}

void bytes_copy(void *to, const void *from, size_t count)
{
    memcpy(to, from, count);
}
