#include "qscan/string_list.h"

#include <stdlib.h>
#include <string.h>

#include "parsers/array.h"

bool string_list_add(struct string_list *list, struct slice text)
{
    char **strings = array_with_room(list->strings, list->count,
                                     &list->capacity, sizeof(*strings));
    char *copy;

    if (strings == NULL)
        return false;
    list->strings = strings;
    copy = strndup(text.len == 0 ? "" : text.ptr, text.len);
    if (copy == NULL)
        return false;
    list->strings[list->count++] = copy;
    return true;
}

bool string_list_has(const struct string_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->strings[i], text) == 0)
            return true;
    return false;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void string_list_sort(struct string_list *list)
{
    if (list->count > 0)
        qsort(list->strings, list->count, sizeof(*list->strings),
              compare_strings);
}

void string_list_sort_once(struct string_list *list)
{
    size_t kept = 0;

    string_list_sort(list);
    for (size_t i = 0; i < list->count; i++)
        if (kept > 0 && strcmp(list->strings[kept - 1], list->strings[i]) == 0)
            free(list->strings[i]);
        else
            list->strings[kept++] = list->strings[i];
    list->count = kept;
}

size_t string_list_find(const struct string_list *list, const char *text)
{
    char **found = NULL;

    if (list->count > 0)
        found = bsearch(&text, list->strings, list->count,
                        sizeof(*list->strings), compare_strings);
    return found == NULL ? list->count : (size_t)(found - list->strings);
}

void string_list_free(struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->strings[i]);
    free(list->strings);
    *list = (struct string_list){0};
}
