#include "rules/compile.h"

#include <stdio.h>

#include "rules/fields.h"

enum { PATTERN_MAX_BYTES = 4096 };

/* Bits of enum condition_operator; used by the table of what fits what. */
#define BIT(op) (1u << (op))
#define COMPARES                                                               \
    (BIT(OP_LESS) | BIT(OP_AT_MOST) | BIT(OP_MORE) | BIT(OP_AT_LEAST))
#define EQUALS (BIT(OP_EXISTS) | BIT(OP_IS) | BIT(OP_ISNT))
#define MATCHES (BIT(OP_MATCHES) | BIT(OP_MATCHES_NOT))

static const struct {
    unsigned operators;
    const char *text;
} fitting[] = {
    [TYPE_TEXT] = {EQUALS | MATCHES | BIT(OP_IN),
                   "a text takes is, isnt, ~, !~, in, exists"},
    [TYPE_WORD] = {EQUALS | BIT(OP_IN),
                   "a word takes is, isnt, in {a, b}, exists"},
    [TYPE_DOMAIN] = {EQUALS | MATCHES | BIT(OP_IN) | BIT(OP_UNDER),
                     "a name takes is, isnt, ~, !~, in, under, exists"},
    [TYPE_ADDRESS] = {EQUALS | MATCHES | BIT(OP_IN),
                      "an address takes is, isnt, ~, !~, in, exists"},
    [TYPE_FLAGS] = {BIT(OP_HAS) | BIT(OP_EXISTS), "flags take has, exists"},
    [TYPE_NUMBER] = {EQUALS | COMPARES,
                     "a number takes =, <, <=, >, >=, is, isnt, exists"},
    [TYPE_DURATION] = {EQUALS | COMPARES,
                       "a duration takes =, <, <=, >, >=, is, isnt, exists"},
    [TYPE_SIZE] = {EQUALS | COMPARES,
                   "a size takes =, <, <=, >, >=, is, isnt, exists"},
    [TYPE_PERCENT] = {EQUALS | COMPARES,
                      "a share takes =, <, <=, >, >=, is, isnt, exists"},
    [TYPE_BOOLEAN] = {EQUALS, "a yes-or-no field takes is, isnt, exists"},
};

static const struct {
    const char *name;
    enum condition_operator op;
} operators[] = {
    {"is", OP_IS},          {"isnt", OP_ISNT},   {"exists", OP_EXISTS},
    {"in", OP_IN},          {"has", OP_HAS},     {"under", OP_UNDER},
    {"=", OP_IS},           {"<", OP_LESS},      {"<=", OP_AT_MOST},
    {">", OP_MORE},         {">=", OP_AT_LEAST}, {"~", OP_MATCHES},
    {"!~", OP_MATCHES_NOT},
};

static enum rules_field_type type_of(enum rules_field_id field)
{
    return rules_fields[field].type;
}

static void unknown_field(struct compiler *c, struct lex_place place,
                          struct slice name)
{
    const char *elsewhere = fields_elsewhere(name);
    char why[80];

    snprintf(why, sizeof(why), "qscan.rules(5) lists the fields of %s",
             fields_scope_text(c->scope));
    if (elsewhere == NULL)
        compiler_error(c, place, why, "unknown field '%s'",
                       lex_show(name).text);
    else
        compiler_error(c, place, why, "'%s' is a field of %s",
                       lex_show(name).text, elsewhere);
}

static bool parse_field(struct compiler *c, struct lex_cursor *cursor,
                        struct condition *condition)
{
    struct lex_place place = lex_place(cursor);
    struct slice name = lex_name(cursor);

    if (name.len == 0) {
        compiler_error(c, place, "a condition is FIELD OPERATOR VALUE",
                       "here the name of a field is missing");
        return false;
    }
    if (!fields_find(c->scope, name, &condition->field, &condition->header)) {
        unknown_field(c, place, name);
        return false;
    }
    return true;
}

/* "is", or the longest run of operator signs. */
static struct slice operator_text(struct lex_cursor *cursor)
{
    struct slice rest = slice_skip(cursor->line->text, cursor->at);
    size_t len = 0;

    while (len < rest.len && rest.ptr[len] != '\0' &&
           strchr("=<>!~", rest.ptr[len]) != NULL)
        len++;
    if (len == 0)
        return lex_name(cursor);
    cursor->at += len;
    return slice_head(rest, len);
}

static bool parse_operator(struct compiler *c, struct lex_cursor *cursor,
                           struct condition *condition)
{
    struct lex_place place = lex_place(cursor);
    enum rules_field_type type = type_of(condition->field);
    struct slice text = operator_text(cursor);

    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (!slice_equal(text, slice_from_string(operators[i].name)))
            continue;
        condition->op = operators[i].op;
        if ((fitting[type].operators & BIT(condition->op)) != 0 &&
            (operators[i].name[0] != '=' || type >= TYPE_NUMBER))
            return true;
        compiler_error(c, place, fitting[type].text,
                       "'%s' does not go with %s%s", operators[i].name,
                       rules_fields[condition->field].name,
                       lex_show(condition->header).text);
        return false;
    }
    if (text.len == 0)
        compiler_error(c, place, fitting[type].text,
                       "here an operator is missing");
    else
        compiler_error(c, place, fitting[type].text, "unknown operator '%s'",
                       lex_show(text).text);
    return false;
}

/* VALUE: "text", <text> or a bare word. */
static bool parse_value(struct compiler *c, struct lex_cursor *cursor,
                        const char *stop, struct slice *value_r,
                        bool *is_bare_r)
{
    struct lex_place place = lex_place(cursor);
    bool is_closed = true;

    *is_bare_r = false;
    switch (lex_peek(cursor)) {
    case '"':
        is_closed = lex_quoted(cursor, &c->set->pool, value_r);
        break;
    case '<':
        cursor->at++;
        is_closed = lex_until(cursor, '>', value_r);
        break;
    case '/':
        compiler_error(c, place, "a regex goes with ~ or !~",
                       "a value cannot begin with '/' unless it is quoted");
        return false;
    default:
        *is_bare_r = true;
        *value_r = lex_word(cursor, stop);
        if (value_r->len == 0) {
            compiler_error(c, place, "a condition is FIELD OPERATOR VALUE",
                           "here a value is missing");
            return false;
        }
    }
    if (!is_closed)
        compiler_error(c, place, "a value begun with \" or < must be closed",
                       "the value does not end on this line");
    return is_closed;
}

static bool keep_text(struct compiler *c, struct slice text,
                      struct slice *copy_r)
{
    *copy_r = pool_copy(&c->set->pool, text);
    if (slice_is_absent(*copy_r))
        c->no_memory = true;
    return !c->no_memory;
}

/* ---- FIELD is VALUE, FIELD is FIELD, FIELD under FIELD ---- */

static bool is_text_type(enum rules_field_type type)
{
    return type == TYPE_TEXT || fields_is_name(type);
}

static enum condition_compare compare_of(enum rules_field_type a,
                                         enum rules_field_type b)
{
    if (a == TYPE_ADDRESS || b == TYPE_ADDRESS)
        return BY_IP;
    if (a == TYPE_DOMAIN || b == TYPE_DOMAIN)
        return BY_NAME;
    return fields_is_text(a) ? BY_BYTES : BY_NUMBER;
}

static bool compare_fields(struct compiler *c, struct lex_place place,
                           struct condition *condition)
{
    enum rules_field_type left = type_of(condition->field);
    enum rules_field_type right = type_of(condition->other);

    if (left != right && !(is_text_type(left) && is_text_type(right))) {
        compiler_error(c, place,
                       "two fields are compared when both are of "
                       "one kind; a text is put into quotes",
                       "%s cannot be compared with %s",
                       rules_fields[condition->field].name,
                       rules_fields[condition->other].name);
        return false;
    }
    condition->compare = compare_of(left, right);
    return true;
}

static bool text_value(struct compiler *c, struct lex_place place,
                       struct condition *condition, struct slice value)
{
    enum rules_field_type type = type_of(condition->field);

    if (type == TYPE_WORD && !fields_has_word(condition->field, value)) {
        compiler_error(c, place, fields_words(condition->field),
                       "%s is never '%s'", rules_fields[condition->field].name,
                       lex_show(value).text);
        return false;
    }
    if (type == TYPE_ADDRESS && !ip_parse(value, &condition->ip)) {
        compiler_error(c, place, "a network is asked with in",
                       "'%s' is not an address", lex_show(value).text);
        return false;
    }
    condition->compare = compare_of(type, type);
    return keep_text(c, value, &condition->value);
}

static bool number_value(struct compiler *c, struct lex_place place,
                         struct condition *condition, struct slice value)
{
    const char *expected;

    condition->compare = BY_NUMBER;
    if (fields_number(type_of(condition->field), value, &condition->number,
                      &expected))
        return true;
    compiler_error(c, place, expected, "'%s' does not fit %s",
                   lex_show(value).text, rules_fields[condition->field].name);
    return false;
}

static bool parse_comparison(struct compiler *c, struct lex_cursor *cursor,
                             struct condition *condition)
{
    struct lex_place place = lex_place(cursor);
    struct slice value;
    bool is_bare;

    if (!parse_value(c, cursor, "|", &value, &is_bare))
        return false;
    if (is_bare && (condition->op == OP_IS || condition->op == OP_ISNT) &&
        fields_find(c->scope, value, &condition->other,
                    &condition->other_header))
        return compare_fields(c, place, condition);
    if (fields_is_text(type_of(condition->field)))
        return text_value(c, place, condition, value);
    return number_value(c, place, condition, value);
}

static bool parse_under(struct compiler *c, struct lex_cursor *cursor,
                        struct condition *condition)
{
    struct lex_place place = lex_place(cursor);
    struct slice name = lex_name(cursor);

    if (!fields_find(c->scope, name, &condition->other,
                     &condition->other_header) ||
        type_of(condition->other) != TYPE_DOMAIN) {
        compiler_error(c, place,
                       "under compares two fields that hold names; "
                       "for a fixed domain: in {.example.org}",
                       "'%s' is not a field that holds a name",
                       lex_show(name).text);
        return false;
    }
    condition->compare = BY_NAME;
    return true;
}

static bool parse_has(struct compiler *c, struct lex_cursor *cursor,
                      struct condition *condition)
{
    struct lex_place place = lex_place(cursor);
    struct slice value;
    bool is_bare;

    if (!parse_value(c, cursor, "|", &value, &is_bare))
        return false;
    if (value.len != 1) {
        compiler_error(c, place, "has asks for one letter of the F line",
                       "'%s' is not one flag", lex_show(value).text);
        return false;
    }
    return keep_text(c, value, &condition->value);
}

/* ---- FIELD in LIST, CIDR or {a, b} ---- */

static struct list_table *new_inline_list(struct compiler *c,
                                          struct condition *condition)
{
    struct inline_list *list = pool_alloc(&c->set->pool, sizeof(*list));

    if (list == NULL) {
        c->no_memory = true;
        return NULL;
    }
    *list = (struct inline_list){.next = c->set->inline_lists};
    c->set->inline_lists = list;
    condition->table = &list->table;
    return &list->table;
}

static bool add_member(struct compiler *c, struct lex_place place,
                       const struct condition *condition,
                       struct list_table *table, struct slice value)
{
    enum list_outcome outcome;

    if (type_of(condition->field) == TYPE_WORD &&
        !fields_has_word(condition->field, value)) {
        compiler_error(c, place, fields_words(condition->field),
                       "%s is never '%s'", rules_fields[condition->field].name,
                       lex_show(value).text);
        return false;
    }
    outcome = list_add(table, value,
                       fields_is_name(type_of(condition->field)) ? LIST_HOST
                                                                 : LIST_BYTES);
    if (outcome == LIST_NO_MEMORY)
        c->no_memory = true;
    else if (outcome == LIST_BAD_NET)
        compiler_error(c, place, "bits beyond the prefix must be 0",
                       "'%s' is not a network", lex_show(value).text);
    else if (outcome == LIST_TOO_LONG)
        compiler_error(c, place, "a value has at most 1000 bytes",
                       "the value is too long");
    return outcome == LIST_OK;
}

/* Behind the '{'. */
static bool parse_members(struct compiler *c, struct lex_cursor *cursor,
                          struct condition *condition)
{
    struct lex_place open = lex_place(cursor);
    struct list_table *table = new_inline_list(c, condition);
    struct slice value;
    bool is_bare;

    while (table != NULL && lex_skip(cursor)) {
        struct lex_place place = lex_place(cursor);

        if (!parse_value(c, cursor, ",}", &value, &is_bare) ||
            !add_member(c, place, condition, table, value))
            return false;
        lex_skip(cursor);
        char end = lex_peek(cursor);
        cursor->at += end == ',' || end == '}';
        if (end == '}') {
            list_seal(table);
            return true;
        }
        if (end != ',')
            break;
    }
    if (!c->no_memory)
        compiler_error(c, open, "values are written {a, b}",
                       "'{' is not closed");
    return false;
}

static bool parse_in(struct compiler *c, struct lex_cursor *cursor,
                     struct condition *condition)
{
    struct lex_place place = lex_place(cursor);
    struct list_table *table;
    struct slice word;
    struct cidr net;

    if (lex_peek(cursor) == '{') {
        cursor->at++;
        return parse_members(c, cursor, condition);
    }
    word = lex_word(cursor, "|");
    if (type_of(condition->field) == TYPE_WORD) {
        compiler_error(c, place, fitting[TYPE_WORD].text,
                       "%s cannot be looked up in a list",
                       rules_fields[condition->field].name);
        return false;
    }
    if (cidr_parse(word, &net)) {
        table = new_inline_list(c, condition);
        if (table == NULL || list_add(table, word, LIST_HOST) != LIST_OK)
            return false;
        list_seal(table);
        return true;
    }
    if (slice_index(word, '/') < word.len) {
        compiler_error(c, place,
                       "it is ADDRESS/BITS, and bits beyond the "
                       "prefix are 0",
                       "'%s' is not a network", lex_show(word).text);
        return false;
    }
    condition->list = list_set_find(c->set->lists, word);
    if (condition->list == NULL)
        compiler_error(c, place, "in takes a list, a network or {a, b}",
                       "unknown list '%s'", lex_show(word).text);
    return condition->list != NULL;
}

/* ---- FIELD ~ /regex/flags ---- */

static bool parse_flags(struct compiler *c, struct lex_cursor *cursor,
                        uint32_t *options)
{
    struct lex_place place = lex_place(cursor);
    struct slice flags = lex_word(cursor, "|");

    for (size_t i = 0; i < flags.len; i++) {
        switch (flags.ptr[i]) {
        case 'i':
            *options |= PCRE2_CASELESS;
            break;
        case 'x':
            *options |= PCRE2_EXTENDED;
            break;
        case 's':
            *options |= PCRE2_DOTALL;
            break;
        default:
            compiler_error(c, place, "flags of a regex are i, x and s",
                           "unknown flags '%s'", lex_show(flags).text);
            return false;
        }
    }
    return true;
}

/* Whether the '{' at the offset is {n,}: as many as there are. */
static bool is_open_count(struct slice pattern, size_t at)
{
    size_t i = at + 1;

    while (i < pattern.len && byte_is_digit(pattern.ptr[i]))
        i++;
    return i > at + 1 && i + 1 < pattern.len && pattern.ptr[i] == ',' &&
           pattern.ptr[i + 1] == '}';
}

static bool is_endless_at(struct slice pattern, size_t at)
{
    if (at >= pattern.len)
        return false;
    switch (pattern.ptr[at]) {
    case '*':
    case '+':
        return true;
    case '{':
        return is_open_count(pattern, at);
    default:
        return false;
    }
}

/* "a++" gives nothing back. */
static bool is_possessive_at(struct slice pattern, size_t at)
{
    return strchr("*+?", pattern.ptr[at]) != NULL && pattern.ptr[at] != '\0' &&
           at + 1 < pattern.len && pattern.ptr[at + 1] == '+';
}

/* "(a+)+" and its like: an endless group that ends in something endless takes
 * exponential time where it does not match. Good enough for a warning. */
static bool is_pathological(struct slice pattern)
{
    bool is_last_endless = false;

    for (size_t i = 0; i < pattern.len; i++) {
        char byte = pattern.ptr[i];

        if (byte == '\\') {
            i++;
            is_last_endless = false;
        } else if (byte == '[') {
            size_t end = i + 2;
            while (end < pattern.len && pattern.ptr[end] != ']')
                end += pattern.ptr[end] == '\\' ? 2 : 1;
            i = end;
            is_last_endless = false;
        } else if (is_possessive_at(pattern, i)) {
            i++;
            is_last_endless = false;
        } else if (byte == ')') {
            if (is_last_endless && is_endless_at(pattern, i + 1))
                return true;
        } else if (byte == '{' && is_open_count(pattern, i)) {
            is_last_endless = true;
            i = i + slice_index(slice_skip(pattern, i), '}');
        } else if (byte != '?' || !is_last_endless) {
            is_last_endless = is_endless_at(pattern, i);
        }
    }
    return false;
}

/* The length of the class that the pattern begins with. */
static size_t class_length(struct slice pattern)
{
    size_t at = 1;

    if (at < pattern.len && pattern.ptr[at] == '^')
        at++;
    if (at < pattern.len && pattern.ptr[at] == ']')
        at++;
    while (at < pattern.len && pattern.ptr[at] != ']')
        at += pattern.ptr[at] == '\\' ? 2 : 1;
    return at + 1;
}

/* In or behind these a byte is another thing than it looks; they are rare. */
static bool is_hard_to_read(struct slice pattern)
{
    static const struct slice signs[] = {
        SLICE_TEXT("\\Q"), SLICE_TEXT("\\E"), SLICE_TEXT("\\c"),
        SLICE_TEXT("(?#"), SLICE_TEXT("(?C"), SLICE_TEXT("(*"),
        SLICE_TEXT("[:"),  SLICE_TEXT("[."),  SLICE_TEXT("[=")};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (slice_find(pattern, signs[i]) < pattern.len)
            return true;
    return false;
}

/* Whether the regex has alternatives that no group holds. */
static bool has_alternatives(struct slice pattern)
{
    int depth = 0;

    for (size_t i = 0; i < pattern.len; i++) {
        switch (pattern.ptr[i]) {
        case '\\':
            i++;
            break;
        case '[':
            i += class_length(slice_skip(pattern, i)) - 1;
            break;
        case '(':
            depth++;
            break;
        case ')':
            depth--;
            break;
        case '|':
            if (depth <= 0)
                return true;
            break;
        }
    }
    return false;
}

static void add_bytes(struct byte_set *set, unsigned char first,
                      unsigned char last)
{
    for (unsigned byte = first; byte <= last; byte++)
        set->bits[byte / 64] |= UINT64_C(1) << byte % 64;
}

/* Letters of either case are one. */
static void fold_case(struct byte_set *set)
{
    /* 'A' is bit 1 of the second word, 'a' bit 33. */
    const uint64_t letters = UINT64_C(0x07fffffe);
    uint64_t both = (set->bits[1] | set->bits[1] >> 32) & letters;

    set->bits[1] |= both | both << 32;
}

/* "[45]", "[^a-z]", "[ -]"; false for one that says more than bytes. */
static bool read_class(struct slice class, bool is_caseless,
                       struct byte_set *set)
{
    bool is_negated = class.len > 0 && class.ptr[0] == '^';
    size_t begin = is_negated, at = begin;

    while (at < class.len) {
        char byte = class.ptr[at];
        bool is_range = at + 2 < class.len && class.ptr[at + 1] == '-';
        char last = is_range ? class.ptr[at + 2] : byte;

        if (memchr("[]\\", byte, 3) != NULL ||
            memchr("[]\\-", last, is_range ? 4 : 3) != NULL ||
            (byte == '-' && at > begin && at + 1 < class.len))
            return false;
        add_bytes(set, (unsigned char)byte, (unsigned char)last);
        at += is_range ? 3 : 1;
    }
    if (is_caseless)
        fold_case(set);
    for (int i = 0; i < 4 && is_negated; i++)
        set->bits[i] = ~set->bits[i];
    return at > begin;
}

/* The byte that the pattern begins with, when it stands for itself. Returns
 * its length, or 0. */
static size_t read_literal(struct slice pattern, char *byte_r)
{
    *byte_r = pattern.ptr[0];
    if (*byte_r != '\\')
        return memchr("^$.[]()|?*+{}", *byte_r, 13) == NULL && *byte_r != '\0';
    if (pattern.len < 2)
        return 0;
    *byte_r = pattern.ptr[1];
    if (byte_is_digit(*byte_r) || (unsigned char)*byte_r >= 128 ||
        (byte_lower(*byte_r) >= 'a' && byte_lower(*byte_r) <= 'z'))
        return 0;
    return 2;
}

static bool is_repeated_at(struct slice pattern, size_t at)
{
    return at < pattern.len && memchr("?*+{", pattern.ptr[at], 4) != NULL;
}

/* Takes what stands for one byte off the pattern: which bytes it may be. */
static bool take_byte(struct slice *pattern, bool is_caseless,
                      struct byte_set *set_r)
{
    size_t len;
    char byte;

    *set_r = (struct byte_set){{0}};
    if (pattern->len == 0)
        return false;
    len = read_literal(*pattern, &byte);
    if (len > 0) {
        add_bytes(set_r, (unsigned char)byte, (unsigned char)byte);
        if (is_caseless)
            fold_case(set_r);
    } else if (slice_starts(*pattern, SLICE_LITERAL("\\d"))) {
        len = 2;
        add_bytes(set_r, '0', '9');
    } else if (pattern->ptr[0] == '[') {
        len = class_length(*pattern);
        if (len > pattern->len ||
            !read_class(slice_make(pattern->ptr + 1, len - 2), is_caseless,
                        set_r))
            return false;
    } else {
        return false;
    }
    /* What may stand several times, or not at all, is no single byte. */
    if (is_repeated_at(*pattern, len))
        return false;
    *pattern = slice_skip(*pattern, len);
    return true;
}

/* Takes the bytes that stand for themselves off the pattern. False when there
 * is no memory. */
static bool take_literal(struct compiler *c, struct slice *pattern,
                         struct slice *literal_r)
{
    char *literal = pool_alloc(&c->set->pool, pattern->len + 1);
    size_t len = 0, taken;

    if (literal == NULL) {
        c->no_memory = true;
        return false;
    }
    while (pattern->len > 0 &&
           (taken = read_literal(*pattern, &literal[len])) > 0 &&
           !is_repeated_at(*pattern, taken)) {
        *pattern = slice_skip(*pattern, taken);
        len++;
    }
    *literal_r = slice_make(literal, len);
    return true;
}

/* Behind the '^'. */
static bool find_head(struct compiler *c, struct condition *condition,
                      struct slice rest, bool is_caseless)
{
    struct byte_set sets[HEAD_MAX];
    struct byte_set *head;
    uint8_t count = 0;

    if (!is_caseless && !take_literal(c, &rest, &condition->prefix))
        return false;
    while (count < HEAD_MAX && take_byte(&rest, is_caseless, &sets[count]))
        count++;
    head = pool_alloc(&c->set->pool, (count + 1u) * sizeof(*head));
    if (head == NULL) {
        c->no_memory = true;
        return false;
    }
    memcpy(head, sets, count * sizeof(*head));
    condition->head = head;
    condition->head_count = count;
    condition->is_whole_text = slice_equal(rest, SLICE_LITERAL("$"));
    condition->is_all_head = (condition->is_whole_text || rest.len == 0) &&
                             condition->prefix.len + count > 0;
    return true;
}

static bool find_literal(struct compiler *c, struct condition *condition,
                         struct slice pattern)
{
    struct slice literal;

    if (!take_literal(c, &pattern, &literal))
        return false;
    if (pattern.len == 0)
        condition->literal = literal;
    return true;
}

/* Most regexes that meet a text do not match it: looking at a few bytes says
 * so more cheaply. */
static bool find_simple(struct compiler *c, struct condition *condition,
                        struct slice pattern, uint32_t options)
{
    bool is_caseless = (options & PCRE2_CASELESS) != 0;

    if ((options & PCRE2_EXTENDED) != 0 || is_hard_to_read(pattern) ||
        has_alternatives(pattern))
        return true;
    if (pattern.len > 0 && pattern.ptr[0] == '^')
        return find_head(c, condition, slice_skip(pattern, 1), is_caseless);
    return is_caseless || find_literal(c, condition, pattern);
}

static bool compile_regex(struct compiler *c, struct lex_cursor *cursor,
                          struct condition *condition, size_t offset,
                          struct slice pattern, uint32_t options)
{
    PCRE2_SIZE error_offset;
    int error;

    options |= PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
    condition->regex =
        pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, options, &error,
                      &error_offset, c->regex_context);
    if (condition->regex == NULL) {
        PCRE2_UCHAR why[160];
        pcre2_get_error_message(error, why, sizeof(why));
        compiler_error(c, lex_place_at(cursor->line, offset + error_offset),
                       (const char *)why, "broken regex");
        return false;
    }
    /* Where the system forbids writable code, the interpreter does it; and
     * under valgrind, which takes the JIT's reading whole vectors for a fault.
     */
#ifndef RULES_WITHOUT_JIT
    condition->has_jit =
        pcre2_jit_compile(condition->regex, PCRE2_JIT_COMPLETE) == 0;
#endif
    return true;
}

static bool parse_regex(struct compiler *c, struct lex_cursor *cursor,
                        struct condition *condition)
{
    struct lex_place place = lex_place(cursor);
    size_t offset = cursor->at + 1;
    struct slice pattern;
    uint32_t options = 0;

    if (lex_peek(cursor) != '/') {
        compiler_error(c, place, "a regex is written /.../",
                       "here a regex is missing");
        return false;
    }
    cursor->at++;
    if (!lex_until(cursor, '/', &pattern)) {
        compiler_error(c, place, "a regex ends with '/'; inside: \\/",
                       "the regex does not end on this line");
        return false;
    }
    if (!parse_flags(c, cursor, &options))
        return false;
    if (pattern.len > PATTERN_MAX_BYTES) {
        compiler_error(c, place, "a regex has at most 4096 bytes",
                       "the regex is too long");
        return false;
    }
    if (!compile_regex(c, cursor, condition, offset, pattern, options) ||
        !find_simple(c, condition, pattern, options))
        return false;
    if (is_pathological(pattern))
        compiler_warning(c, place,
                         "on a text that does not match, the match "
                         "limit will leave it undecided",
                         "an endless group ends in an endless part");
    return true;
}

/* ---- the condition ---- */

static bool parse_operand(struct compiler *c, struct lex_cursor *cursor,
                          struct condition *condition)
{
    lex_skip(cursor);
    switch (condition->op) {
    case OP_EXISTS:
        return true;
    case OP_MATCHES:
    case OP_MATCHES_NOT:
        return parse_regex(c, cursor, condition);
    case OP_IN:
        return parse_in(c, cursor, condition);
    case OP_HAS:
        return parse_has(c, cursor, condition);
    case OP_UNDER:
        return parse_under(c, cursor, condition);
    default:
        return parse_comparison(c, cursor, condition);
    }
}

static uint16_t *bucket_of(struct compiler *c, struct slice text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 16777619u;
    return &c->alike[hash % ALIKE_BUCKETS];
}

static uint16_t find_alike(const struct rules *set, uint16_t index,
                           const struct condition *wanted)
{
    while (index != NO_CONDITION) {
        const struct condition *condition = &set->conditions[index];

        if (condition->one_suffices == wanted->one_suffices &&
            rules_fields[condition->field].scope ==
                rules_fields[wanted->field].scope &&
            slice_equal(condition->text, wanted->text))
            break;
        index = condition->next_alike;
    }
    return index;
}

static void note_needs(struct rules *set, enum rules_field_id field)
{
    if (field == FIELD_COUNT || rules_fields[field].scope != SCOPE_MESSAGE)
        return;
    set->needs |= 1u << rules_fields[field].origin;
    /* Who the source of a bounce is stands in its data file, and who failed. */
    if (field == FIELD_SOURCE_BOUNCES || field == FIELD_SOURCE_GUESSES ||
        field == FIELD_SOURCE_WRITES || field == FIELD_SOURCE_STEADY ||
        field == FIELD_SOURCE_FORGES || field == FIELD_RECIPIENT_KNOWN ||
        field == FIELD_RECIPIENT_STEADY || field == FIELD_DSN_CLIENTS ||
        field == FIELD_SOURCE_HOSTILE)
        set->needs |= 1u << FROM_DATA_FILE;
}

static bool is_timed(enum rules_field_id field)
{
    return field == FIELD_AGE || field == FIELD_IDLE;
}

static void note_timed(struct rules *set, const struct condition *condition)
{
    if (!is_timed(condition->field) && !is_timed(condition->other))
        return;
    if (set->timed_count < TIMED_MAX)
        set->timed[set->timed_count] = (uint16_t)set->condition_count;
    set->timed_count++;
}

/* Whether the texts of a field repeat: no address stands in most of them. */
static bool does_repeat(enum rules_field_id field)
{
    switch (field) {
    case FIELD_STATUS:
    case FIELD_STATUS_ENVELOPE:
    case FIELD_DSN_STATUS:
    case FIELD_EVENT_STATUS:
    case FIELD_EVENT_DSN:
    case FIELD_EVENT_REASON:
    case FIELD_EVENT_RULESET:
    case FIELD_EVENT_COMMAND:
        return true;
    default:
        return false;
    }
}

/* "/.../flags", as written. */
static struct slice regex_text(const struct condition *condition)
{
    return slice_skip(condition->text, slice_index(condition->text, '/'));
}

static int remember_slot(struct rules *set, const struct condition *condition)
{
    enum rules_scope scope = rules_fields[condition->field].scope;
    int *count = &set->remembered_count[scope];

    if (condition->regex == NULL || condition->literal.len > 0 ||
        condition->is_all_head || !does_repeat(condition->field))
        return -1;
    for (int slot = 0; slot < *count; slot++)
        if (slice_equal(
                regex_text(&set->conditions[set->remembered_for[scope][slot]]),
                regex_text(condition)))
            return slot;
    if (*count == REMEMBERED_MAX)
        return -1;
    set->remembered_for[scope][*count] = (uint16_t)set->condition_count;
    return (*count)++;
}

static uint16_t add_condition(struct compiler *c, struct condition *condition)
{
    uint16_t *bucket = bucket_of(c, condition->text);
    uint16_t index = find_alike(c->set, *bucket, condition);
    struct rules *set = c->set;
    struct condition *grown;

    if (index != NO_CONDITION) {
        pcre2_code_free(condition->regex);
        return index;
    }
    grown = compiler_grow(c, set->conditions, set->condition_count,
                          &set->condition_capacity, sizeof(*grown));
    if (grown == NULL || !keep_text(c, condition->text, &condition->text)) {
        pcre2_code_free(condition->regex);
        return NO_CONDITION;
    }
    set->conditions = grown;
    note_needs(set, condition->field);
    note_needs(set, condition->other);
    note_timed(set, condition);
    condition->may_be_later = fields_may_be_later(condition->field) ||
                              (condition->other != FIELD_COUNT &&
                               fields_may_be_later(condition->other));
    if (condition->may_be_later && condition->other == FIELD_COUNT &&
        rules_fields[condition->field].scope == SCOPE_MESSAGE)
        condition->late_bit = UINT64_C(1) << condition->field;
    condition->remembered = remember_slot(set, condition);
    condition->next_alike = *bucket;
    *bucket = (uint16_t)set->condition_count;
    grown[set->condition_count] = *condition;
    return (uint16_t)set->condition_count++;
}

static bool keep_headers(struct compiler *c, struct condition *condition)
{
    return (slice_is_absent(condition->header) ||
            keep_text(c, condition->header, &condition->header)) &&
           (slice_is_absent(condition->other_header) ||
            keep_text(c, condition->other_header, &condition->other_header));
}

uint16_t condition_parse(struct compiler *c, struct lex_cursor *cursor,
                         bool one_suffices)
{
    struct condition condition = {.other = FIELD_COUNT,
                                  .one_suffices = one_suffices};
    struct lex_place place;
    size_t begin;

    lex_skip(cursor);
    place = lex_place(cursor);
    begin = cursor->at;
    if (!parse_field(c, cursor, &condition))
        return NO_CONDITION;
    lex_skip(cursor);
    if (!parse_operator(c, cursor, &condition) ||
        !parse_operand(c, cursor, &condition) || !keep_headers(c, &condition)) {
        pcre2_code_free(condition.regex);
        return NO_CONDITION;
    }
    condition.text = slice_trim(
        slice_skip(slice_head(cursor->line->text, cursor->at), begin));
    if (c->set->condition_count == CONDITIONS_MAX) {
        compiler_error(c, place, "a set has at most 20000 of them",
                       "too many conditions");
        pcre2_code_free(condition.regex);
        return NO_CONDITION;
    }
    return add_condition(c, &condition);
}
