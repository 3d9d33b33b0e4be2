#include "parsers/bytes.h"

void bytes_clear(void *memory, size_t count)
{
    memset(memory, 0, count);
}
