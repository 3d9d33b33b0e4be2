#include "qscan/cfclass.h"

/* ---- words ---- */

struct slice cf_take_name(struct slice *rest)
{
    bool is_long = slice_starts(*rest, SLICE_LITERAL("{"));
    size_t end = is_long ? slice_index(*rest, '}') : 1;
    struct slice name = slice_skip(slice_head(*rest, end), is_long);

    *rest = slice_skip(*rest, end + is_long);
    return name;
}

/* Where a comment begins: readcf.c, translate_dollars. */
static size_t comment_of(struct slice word)
{
    size_t at = slice_index(word, '#');

    while (at < word.len && at > 0 &&
           (word.ptr[at - 1] == '\\' || word.ptr[at - 1] == '$'))
        at += 1 + slice_index(slice_skip(word, at + 1), '#');
    return at < word.len ? at : word.len;
}

struct slice cf_next_word(struct slice *rest)
{
    struct slice word;
    size_t end;

    do {
        word = slice_next_word(rest);
        end = comment_of(word);
        if (end < word.len)
            *rest = slice_skip(*rest, slice_index(*rest, '\n'));
    } while (end == 0 && word.len > 0);
    return slice_head(word, end);
}

/* ---- classes ---- */

enum cf_class_kind cf_class_kind(const struct cf *cf, struct slice name)
{
    for (size_t i = 0; i < cf->class_count; i++)
        if (slice_equal(cf->classes[i].name, name))
            return cf->classes[i].kind;
    return CLASS_OTHER;
}

/* True when the class was less before. */
static bool raise_class(struct cf *cf, struct slice name,
                        enum cf_class_kind kind)
{
    size_t i = 0;

    while (i < cf->class_count && !slice_equal(cf->classes[i].name, name))
        i++;
    if (i == CF_CLASSES_MAX)
        return false;
    if (i == cf->class_count)
        cf->classes[cf->class_count++] = (struct cf_class){name, CLASS_OTHER};
    if (cf->classes[i].kind >= kind)
        return false;
    cf->classes[i].kind = kind;
    return true;
}

void cf_note_references(struct cf *cf, struct slice rest)
{
    struct slice to = cf_take_name(&rest);

    for (struct slice word = cf_next_word(&rest);
         word.len > 0 && cf->reference_count < CF_REFERENCES_MAX;
         word = cf_next_word(&rest)) {
        if (!slice_starts(word, SLICE_LITERAL("$=")))
            continue;
        word = slice_skip(word, 2);
        cf->references[cf->reference_count++] =
            (struct cf_reference){cf_take_name(&word), to};
    }
}

void cf_find_our_classes(struct cf *cf)
{
    static const struct {
        const char *name;
        enum cf_class_kind kind;
    } ours[] = {{"w", CLASS_OF_NAMES},        {"R", CLASS_OF_RELAYED},
                {"VirtHost", CLASS_OF_NAMES}, {"M", CLASS_OF_SENDERS},
                {"G", CLASS_OF_SENDERS},      {"LDAPRoute", CLASS_OF_SENDERS}};
    bool is_more = true;

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        raise_class(cf, slice_from_string(ours[i].name), ours[i].kind);
    while (is_more) {
        is_more = false;
        for (size_t i = 0; i < cf->reference_count; i++)
            if (raise_class(cf, cf->references[i].from,
                            cf_class_kind(cf, cf->references[i].to)))
                is_more = true;
    }
}

/* ---- macros ---- */

void cf_note_macro(struct cf *cf, struct slice rest)
{
    struct cf_macro macro = {.name = cf_take_name(&rest)};

    macro.value = cf_next_word(&rest);
    if (cf->macro_count < CF_MACROS_MAX)
        cf->macros[cf->macro_count++] = macro;
}

/* The value of a macro that a D line defines; absent: none does. */
static struct slice macro_value(const struct cf *cf, struct slice name)
{
    for (size_t i = cf->macro_count; i > 0; i--)
        if (slice_equal(cf->macros[i - 1].name, name))
            return cf->macros[i - 1].value;
    return (struct slice){NULL, 0};
}

/* The host's own names are ours without being told. */
static bool is_own_name(struct slice macro)
{
    return slice_equal(macro, SLICE_LITERAL("w")) ||
           slice_equal(macro, SLICE_LITERAL("j"));
}

enum cf_expansion cf_expand(const struct cf *cf, struct slice word,
                            char text[static CF_NAME_MAX_BYTES],
                            struct slice *expanded_r)
{
    struct slice rest = word;
    size_t len = 0;

    while (rest.len > 0) {
        size_t dollar = slice_index(rest, '$');
        struct slice part = slice_head(rest, dollar);

        rest = slice_skip(rest, dollar);
        if (dollar == 0) {
            struct slice name;

            rest = slice_skip(rest, 1);
            name = cf_take_name(&rest);
            part = macro_value(cf, name);
            if (part.len == 0 || slice_index(part, '$') < part.len)
                return is_own_name(name) ? CF_IS_OWN_NAME : CF_IS_NOT_DEFINED;
        }
        if (part.len > CF_NAME_MAX_BYTES - len)
            return CF_IS_TOO_LONG;
        memcpy(text + len, part.ptr, part.len);
        len += part.len;
    }
    *expanded_r = slice_make(text, len);
    return CF_EXPANDED;
}
