#include "parsers/hostname.h"

#include "parsers/bytes.h"

enum { NAME_RUN_MAX_BYTES = 12 };

static bool is_hex_byte(char c)
{
    c = byte_lower(c);
    return byte_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* A run of digits (or hex digits) as a number; false when it is too long. */
static bool run_number(struct slice run, unsigned base, uint64_t *number_r)
{
    uint64_t number = 0;

    if (run.len == 0 || run.len > NAME_RUN_MAX_BYTES)
        return false;
    for (size_t i = 0; i < run.len; i++) {
        char c = byte_lower(run.ptr[i]);

        number = number * base +
                 (uint64_t)(byte_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *number_r = number;
    return true;
}

/* The next run of such digits in a name. */
static bool next_run(struct slice *rest, bool is_hex, struct slice *run_r)
{
    size_t start = 0, end;

    while (start < rest->len && !(is_hex ? is_hex_byte(rest->ptr[start])
                                         : byte_is_digit(rest->ptr[start])))
        start++;
    end = start;
    while (end < rest->len && (is_hex ? is_hex_byte(rest->ptr[end])
                                      : byte_is_digit(rest->ptr[end])))
        end++;
    *run_r = slice_make(rest->ptr + start, end - start);
    *rest = slice_skip(*rest, end);
    return run_r->len > 0;
}

/* The letters beside it may be hex digits, too: "dC6336407". */
static bool has_hex_v4(struct slice name, uint64_t whole)
{
    struct slice run;
    uint64_t number;

    while (next_run(&name, true, &run))
        if (run.len >= 8 &&
            ((run_number(slice_head(run, 8), 16, &number) && number == whole) ||
             (run_number(slice_skip(run, run.len - 8), 16, &number) &&
              number == whole)))
            return true;
    return false;
}

static bool is_generic_v4(struct slice name, const uint8_t bytes[4])
{
    uint64_t whole = (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 |
                     (uint64_t)bytes[2] << 8 | bytes[3];
    uint64_t padded = bytes[0] * UINT64_C(1000000000) +
                      bytes[1] * UINT64_C(1000000) + bytes[2] * UINT64_C(1000) +
                      bytes[3];
    struct slice rest = name, run;
    bool has_third = false, has_last = false;
    uint64_t number;

    while (next_run(&rest, false, &run)) {
        if (!run_number(run, 10, &number))
            continue;
        if (run.len > 9 && (number == padded || number == whole))
            return true;
        /* One number may stand for two equal bytes no more than once. */
        if (number == bytes[3] && !has_last)
            has_last = true;
        else if (number == bytes[2])
            has_third = true;
    }
    return (has_third && has_last) || has_hex_v4(name, whole);
}

/* "mail" has an "a" in it, which is no group of an address: one without a
 * digit stands between dots or dashes. */
static bool is_group_text(struct slice name, struct slice run)
{
    size_t at = (size_t)(run.ptr - name.ptr);

    for (size_t i = 0; i < run.len; i++)
        if (byte_is_digit(run.ptr[i]))
            return true;
    return (at == 0 || !byte_is_letter(name.ptr[at - 1])) &&
           (at + run.len == name.len ||
            !byte_is_letter(name.ptr[at + run.len]));
}

static bool is_generic_v6(struct slice name, const uint8_t bytes[16])
{
    struct slice rest = name, run;
    unsigned last = bytes[14] * 256u + bytes[15];
    bool has_last = false, has_other = false;
    uint64_t number;

    while (next_run(&rest, true, &run)) {
        if (run.len > 4 || !is_group_text(name, run) ||
            !run_number(run, 16, &number))
            continue;
        if (number == last && !has_last) {
            has_last = true;
            continue;
        }
        for (int i = 0; i < 14; i += 2)
            has_other = has_other || (number != 0 &&
                                      number == bytes[i] * 256u + bytes[i + 1]);
    }
    return has_last && has_other;
}

bool name_is_generic(struct slice name, const struct ip *ip)
{
    return ip_is_v4(ip) ? is_generic_v4(name, ip->bytes + 12)
                        : is_generic_v6(name, ip->bytes);
}

static bool is_line_word(struct slice word)
{
    static const struct slice words[] = {
        SLICE_TEXT("abo"),       SLICE_TEXT("adsl"),
        SLICE_TEXT("broadband"), SLICE_TEXT("cable"),
        SLICE_TEXT("catv"),      SLICE_TEXT("client"),
        SLICE_TEXT("cpe"),       SLICE_TEXT("cust"),
        SLICE_TEXT("customer"),  SLICE_TEXT("dhcp"),
        SLICE_TEXT("dial"),      SLICE_TEXT("dialin"),
        SLICE_TEXT("dialup"),    SLICE_TEXT("dsl"),
        SLICE_TEXT("dyn"),       SLICE_TEXT("dynamic"),
        SLICE_TEXT("dynip"),     SLICE_TEXT("fiber"),
        SLICE_TEXT("ftth"),      SLICE_TEXT("fttx"),
        SLICE_TEXT("gprs"),      SLICE_TEXT("hdsl"),
        SLICE_TEXT("home"),      SLICE_TEXT("kabel"),
        SLICE_TEXT("lte"),       SLICE_TEXT("mobile"),
        SLICE_TEXT("pool"),      SLICE_TEXT("ppp"),
        SLICE_TEXT("pppoe"),     SLICE_TEXT("residential"),
        SLICE_TEXT("sdsl"),      SLICE_TEXT("subscriber"),
        SLICE_TEXT("umts"),      SLICE_TEXT("user"),
        SLICE_TEXT("vdsl"),      SLICE_TEXT("vhdsl"),
        SLICE_TEXT("wimax"),     SLICE_TEXT("xdsl"),
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_starts_nocase(word, words[i]) &&
            (word.len == words[i].len ||
             (word.len == words[i].len + 1 &&
              byte_lower(word.ptr[word.len - 1]) == 's')))
            return true;
    return false;
}

static bool is_host_word(struct slice word)
{
    static const struct slice words[] = {
        SLICE_TEXT("host"), SLICE_TEXT("ip"),     SLICE_TEXT("nat"),
        SLICE_TEXT("res"),  SLICE_TEXT("static"), SLICE_TEXT("wan"),
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_equal_nocase(word, words[i]))
            return true;
    return false;
}

/* "-7" or "7" */
static bool begins_with_last_byte(struct slice text, const struct ip *ip)
{
    uint64_t number;
    size_t len = 0;

    if (text.len > 0 && !byte_is_digit(text.ptr[0]))
        text = slice_skip(text, 1);
    while (len < text.len && byte_is_digit(text.ptr[len]))
        len++;
    return ip_is_v4(ip) && len > 0 &&
           run_number(slice_head(text, len), 10, &number) &&
           number == ip->bytes[15];
}

static bool is_name_separator(char c)
{
    return c == '.' || c == '-';
}

bool name_is_line(struct slice name, const struct ip *ip)
{
    size_t last_dot;

    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    last_dot = bytes_last_index(name, '.');
    if (last_dot == name.len)
        return false;
    for (size_t at = 0, end; at < last_dot; at = end + 1) {
        struct slice word;

        for (end = at; end < last_dot && byte_is_letter(name.ptr[end]); end++)
            ;
        word = slice_make(name.ptr + at, end - at);
        if (end < last_dot &&
            (is_name_separator(name.ptr[end]) ||
             byte_is_digit(name.ptr[end])) &&
            (is_line_word(word) ||
             (is_host_word(word) &&
              begins_with_last_byte(slice_skip(name, end), ip))))
            return true;
        while (end < last_dot && !is_name_separator(name.ptr[end]))
            end++;
    }
    return false;
}

bool name_is_localhost(struct slice name)
{
    return slice_equal_nocase(name, SLICE_LITERAL("localhost")) ||
           slice_equal_nocase(name, SLICE_LITERAL("localhost.localdomain"));
}

bool name_may_be_public(struct slice name)
{
    enum { SHORT_MAX = 3 };
    size_t first = slice_index(name, '.');
    struct slice rest = slice_skip(name, first + 1);

    return first == name.len ||
           (first <= SHORT_MAX && slice_index(rest, '.') == rest.len);
}

struct slice name_owner(struct slice name)
{
    struct slice owner = {NULL, 0};

    for (; !name_may_be_public(name);
         name = slice_skip(name, slice_index(name, '.') + 1))
        owner = name;
    return owner;
}

bool name_is_same_owner(struct slice a, struct slice b)
{
    enum { END = 3 }; /* mostly enough to see that they are not of one */
    struct slice owner;

    if (a.len < END || b.len < END ||
        !slice_equal_nocase(slice_skip(a, a.len - END),
                            slice_skip(b, b.len - END)))
        return false;
    owner = name_owner(a);
    return owner.len > 0 && slice_equal_nocase(owner, name_owner(b));
}

static bool holds(struct slice domain, struct slice host)
{
    return slice_index(domain, '.') < domain.len &&
           domain_is_within(host, domain);
}

bool name_is_akin(struct slice name, struct slice other)
{
    if (name.len == 0 || other.len == 0)
        return false;
    return slice_equal_nocase(name, other) || holds(name, other) ||
           holds(other, name) || name_is_same_owner(name, other);
}
