#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rules/rules.h"

/* That of the headers: PCRE2 keeps its ABI, and it needs no buffer. */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *rules_library_version(void)
{
    return TEXT(PCRE2_MAJOR) "." TEXT(PCRE2_MINOR) " " TEXT(PCRE2_DATE);
}
