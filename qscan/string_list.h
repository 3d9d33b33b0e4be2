/* Texts that a program owns: paths, names, ids. */
#ifndef QSCAN_STRING_LIST_H
#define QSCAN_STRING_LIST_H

#include "parsers/slice.h"

/* Begins as zeros. */
struct string_list {
    char **strings; /* owned; NUL-terminated */
    size_t count, capacity;
};

/* A copy of the text, which ends at its first NUL. False without memory. */
bool string_list_add(struct string_list *list, struct slice text);
bool string_list_has(const struct string_list *list, const char *text);
void string_list_sort(struct string_list *list);
/* Each string stays once. */
void string_list_sort_once(struct string_list *list);
/* Where it stands in a sorted list, or list->count. */
size_t string_list_find(const struct string_list *list, const char *text);
void string_list_free(struct string_list *list);

#endif
