#include "rules/compile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum list_entry kind;
} builtin_lists[] = {{"our-domains", LIST_DOMAIN},
                     {"our-senders", LIST_DOMAIN},
                     {"our-hosts", LIST_HOST},
                     {"friends", LIST_HOST}};

/* ---- lists ---- */

struct named_list *list_set_find(const struct list_set *set, struct slice name)
{
    for (size_t i = 0; i < set->count; i++)
        if (slice_equal(set->lists[i].name, name))
            return &set->lists[i];
    return NULL;
}

void list_set_release(struct list_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->user_count, 1) > 1)
        return;
    for (size_t i = 0; i < set->count; i++) {
        list_free(&set->lists[i].own);
        list_free(&set->lists[i].preset);
    }
    free(set->lists);
    pool_free(&set->pool);
    free(set);
}

static struct named_list *new_list(struct compiler *c, struct slice name)
{
    struct list_set *set = c->set->lists;
    struct named_list *lists = compiler_grow(c, set->lists, set->count,
                                             &set->capacity, sizeof(*lists));
    struct slice copy;

    if (lists == NULL)
        return NULL;
    set->lists = lists;
    copy = pool_copy(&set->pool, name);
    if (slice_is_absent(copy)) {
        c->no_memory = true;
        return NULL;
    }
    lists[set->count] = (struct named_list){.name = copy, .kind = LIST_PLAIN};
    return &lists[set->count++];
}

bool lists_init(struct compiler *c)
{
    c->set->lists = calloc(1, sizeof(*c->set->lists));
    if (c->set->lists == NULL)
        return false;
    atomic_init(&c->set->lists->user_count, 1);
    for (size_t i = 0; i < sizeof(builtin_lists) / sizeof(builtin_lists[0]);
         i++) {
        struct named_list *list =
            new_list(c, slice_from_string(builtin_lists[i].name));

        if (list == NULL)
            return false;
        list->is_builtin = true;
        list->kind = builtin_lists[i].kind;
    }
    return true;
}

void lists_add_presets(struct compiler *c, const struct rules_preset *presets,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct named_list *list =
            list_set_find(c->set->lists, slice_from_string(presets[i].list));
        struct slice value = slice_trim(slice_from_string(presets[i].value));

        assert(list != NULL && list->is_builtin);
        if (value.len > 0 &&
            list_add(&list->preset, value, list->kind) == LIST_NO_MEMORY)
            c->no_memory = true;
    }
}

/* What is wrong with an entry; NULL when nothing is. */
static const char *entry_mistake(struct compiler *c, enum list_outcome outcome)
{
    switch (outcome) {
    case LIST_OK:
        break;
    case LIST_TOO_LONG:
        return "a value has at most 1000 bytes, a list 4000000 values";
    case LIST_BAD_NET:
        return "bits beyond the prefix of a network must be 0";
    case LIST_NO_MEMORY:
        c->no_memory = true;
        break;
    }
    return NULL;
}

static void parse_list_values(struct compiler *c, struct lex_cursor *cursor,
                              struct named_list *list)
{
    do {
        struct lex_place place;
        struct slice value;
        const char *why;
        bool is_more = lex_skip(cursor);

        place = lex_place(cursor);
        if (is_more && lex_peek(cursor) == '"') {
            if (!lex_quoted(cursor, &c->scratch, &value)) {
                compiler_error(c, place, "a value begun with \" must be closed",
                               "the value does not end on this line");
                lex_rest(cursor, true);
                return;
            }
        } else {
            value = lex_word(cursor, ",");
        }
        if (value.len == 0)
            compiler_error(c, place, "values are written value a, b",
                           "here a value is missing");
        else if ((why = entry_mistake(
                      c, list_add(&list->own, value, list->kind))) != NULL)
            compiler_error(c, place, why, "'%s' cannot be in a list",
                           lex_show(value).text);
        lex_skip(cursor);
        if (lex_peek(cursor) != ',')
            return;
        cursor->at++;
    } while (!c->no_memory);
}

static struct slice without_comment(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == '#' && (i == 0 || byte_is_blank(line.ptr[i - 1])))
            line.len = i;
    return slice_trim(line);
}

/* The lines of a file that a list names: one value each. */
static void add_lines(struct compiler *c, struct lex_place place,
                      struct named_list *list, const char *path,
                      struct slice text, enum list_entry kind)
{
    struct slice line;

    for (unsigned number = 1; !c->no_memory && slice_next_line(&text, &line);
         number++) {
        const char *why = NULL;

        line = without_comment(line);
        if (line.len > 0)
            why = entry_mistake(c, list_add(&list->own, line, kind));
        if (why != NULL)
            compiler_error(c, place, why, "%s:%u: '%s' cannot be in a list",
                           lex_show(slice_from_string(path)).text, number,
                           lex_show(line).text);
    }
}

static void read_list_file(struct compiler *c, struct lex_place place,
                           struct named_list *list, struct slice path,
                           enum list_entry kind, bool may_be_missing)
{
    struct slice name = pool_copy(&c->scratch, path);
    char *text = NULL;
    size_t len = 0;
    int error;

    if (slice_is_absent(name)) {
        c->no_memory = true;
        return;
    }
    error = c->read_file == NULL
                ? ENOENT
                : c->read_file(c->context, name.ptr, &text, &len);
    if (error == ENOENT && may_be_missing)
        compiler_warning(c, place, "the list is shorter by it", "no file '%s'",
                         lex_show(name).text);
    else if (error != 0)
        compiler_error(c, place, strerror(error), "cannot read '%s'",
                       lex_show(name).text);
    else
        add_lines(c, place, list, name.ptr, slice_make(text, len), kind);
    free(text);
}

static void parse_list_file(struct compiler *c, struct lex_cursor *cursor,
                            struct slice word, struct named_list *list)
{
    enum list_entry kind = list->kind;
    struct lex_place place;
    struct slice path;

    if (slice_equal(word, SLICE_LITERAL("domains")))
        kind = LIST_DOMAIN;
    if (lex_skip(cursor) && lex_peek(cursor) == '"') {
        place = lex_place(cursor);
        if (!lex_quoted(cursor, &c->scratch, &path))
            path = SLICE_LITERAL("");
    } else {
        place = lex_place(cursor);
        path = lex_rest(cursor, false);
    }
    if (path.len == 0 || memchr(path.ptr, '\0', path.len) != NULL)
        compiler_error(c, place, "the word is followed by a path",
                       "here the path of a file is missing");
    else
        read_list_file(c, place, list, path, kind,
                       word.ptr[word.len - 1] == '?');
}

static void parse_list_line(struct compiler *c, const struct lex_line *line,
                            struct named_list *list)
{
    struct lex_cursor cursor = lex_begin(line);
    struct lex_place place;
    struct slice word;

    lex_skip(&cursor);
    place = lex_place(&cursor);
    word = lex_word(&cursor, "");
    if (is_word(word, "value"))
        parse_list_values(c, &cursor, list);
    else if (is_word(word, "file") || is_word(word, "file?") ||
             is_word(word, "domains"))
        parse_list_file(c, &cursor, word, list);
    else if (is_word(word, "about"))
        lex_rest(&cursor, true);
    else {
        compiler_error(c, place,
                       "a list has about, value, file, file?, domains",
                       "unknown line '%s'", lex_show(word).text);
        return;
    }
    compiler_expect_end(c, &cursor);
}

void list_parse(struct compiler *c, size_t first, size_t end)
{
    struct lex_place place;
    struct slice name = stanza_name(c, &c->lines[first], &place);
    struct named_list *list;

    if (slice_is_absent(name))
        return;
    list = list_set_find(c->set->lists, name);
    if (list == NULL)
        list = new_list(c, name);
    if (list == NULL)
        return;
    if (list->is_declared)
        compiler_error(c, place, "two lists of one name",
                       "list '%s' stands at %s:%u already", list->name.ptr,
                       c->files[list->place.file].name, list->place.line);
    else
        list->place = place;
    list->is_declared = true;
    for (size_t i = first + 1; i < end && !c->no_memory; i++)
        parse_list_line(c, &c->lines[i], list);
}
