#include "parsers/bytes.h"

void bytes_clear(void *memory, size_t count)
{
    memset(memory, 0, count);
}

void bytes_copy(char *to, struct slice text)
{
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
}
