/*
 * A list of strings beside what it should hold: "a b c".
 */
#ifndef QSCAN_TESTS_STRINGS_H
#define QSCAN_TESTS_STRINGS_H

#include <string.h>

#include "qscan/string_list.h"

static inline void assert_list_is(const struct string_list *list,
                                  const char *want, const char *title)
{
    char got[1000] = "";

    for (size_t i = 0; i < list->count; i++) {
        strcat(got, i == 0 ? "" : " ");
        strcat(got, list->strings[i]);
    }
    if (strcmp(got, want) != 0)
        fail_msg("%s: got \"%s\", want \"%s\"", title, got, want);
}

#endif
