/*
 * What names of hosts say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/hostname.h"
#include "tests/assert_slice.h"
#include "tests/guard.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *name, *ip;
    bool is_generic;
} name_cases[] = {
    {"dsl-198-51-100-7.example.net", "198.51.100.7", true},
    {"7.100.51.198.dsl.example.net", "198.51.100.7", true},
    {"host7.sub100.example.net", "198.51.100.7", true},
    {"c6336407.pool.example.net", "198.51.100.7", true},
    {"C6336407.pool.example.net", "198.51.100.7", true},
    {"dC6336407.upc.example.net", "198.51.100.7", true},
    {"pC6336407.dip.example.net", "198.51.100.7", true},
    {"c6336407dsl.example.net", "198.51.100.7", true},
    {"dC6336408.upc.example.net", "198.51.100.7", false},
    {"C633640.7.example.net", "198.51.100.7", false},
    {"ddC6336407d.upc.example.net", "198.51.100.7", false},
    {"198051100007.pool.example.net", "198.51.100.7", true},
    {"3325256711.pool.example.net", "198.51.100.7", true},
    {"h7-7.example.net", "198.51.7.7", true},
    {"mail.example.net", "198.51.100.7", false},
    {"mail7.example.net", "198.51.100.7", false},
    {"mx100.example.net", "198.51.100.7", false},
    {"h7.example.net", "198.51.7.7", false},
    {"", "198.51.100.7", false},
    {"99999999999999999999.100.7x.example.net", "198.51.100.7", true},
    {"cust-2001-db8-bad-316.example.net", "2001:db8:bad::316", true},
    {"mail-316.example.net", "2001:db8:bad::316", false},
    {"mail.example.net", "2001:db8:bad::316", false},
    {"mail-27.example.net", "2001:db8:0:a::27", false},
    {"Beta-27.example.net", "2001:db8:0:be::27", false},
    {"mail-a-27.example.net", "2001:db8:0:a::27", true},
    {"a.27.example.net", "2001:db8:0:a::27", true},
    {"27.a", "2001:db8:0:a::27", true},
};

static void names_made_of_their_address_are_generic(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(name_cases); i++) {
        struct slice name =
            guard_text(&guard, slice_from_string(name_cases[i].name));
        struct ip ip;

        assert_true(ip_parse(slice_from_string(name_cases[i].ip), &ip));
        if (name_is_generic(name, &ip) != name_cases[i].is_generic)
            fail_msg("%s of %s", name_cases[i].name, name_cases[i].ip);
    }
    guard_close(&guard);
}

static const struct {
    const char *name, *ip;
    bool is_line;
} line_cases[] = {
    {"dsl-7.example.net", "198.51.100.9", true},
    {"h3.cable.example.net", "198.51.100.9", true},
    {"h3.cable.example", "198.51.100.9", false},
    {"h3.cable.example.", "198.51.100.9", false},
    {"mta1.mobile.example", "198.51.100.9", false},
    {"VDSL7.example.net", "198.51.100.9", true},
    {"a.pppoe.example.net", "198.51.100.9", true},
    {"7.Users.example.net", "198.51.100.9", true},
    {"gprs-7.example.net", "198.51.100.9", true},
    {"xdslx-7.example.net", "198.51.100.9", false},
    {"mail-cpe-7.example.net", "198.51.100.9", true},
    {"host-9.example.net", "198.51.100.9", true},
    {"static.009.example.net", "198.51.100.9", true},
    {"wan9.example.net", "198.51.100.9", true},
    {"host-8.example.net", "198.51.100.9", false},
    {"host-98.example.net", "198.51.100.9", false},
    {"hosts-9.example.net", "198.51.100.9", false},
    {"host.example.net", "198.51.100.9", false},
    {"host-9", "198.51.100.9", false},
    {"host-9.example.net", "2001:db8::9", false},
    {"cpe-9.example.net", "2001:db8::9", true},
    {"mail.example.net", "198.51.100.9", false},
    {"..-.", "198.51.100.9", false},
    {"", "198.51.100.9", false},
};

static void names_of_lines_say_so(void **state)
{
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(line_cases); i++) {
        struct slice name =
            guard_text(&guard, slice_from_string(line_cases[i].name));
        struct ip ip;

        assert_true(ip_parse(slice_from_string(line_cases[i].ip), &ip));
        if (name_is_line(name, &ip) != line_cases[i].is_line)
            fail_msg("%s of %s", line_cases[i].name, line_cases[i].ip);
    }
    guard_close(&guard);
}

static void names_have_owners(void **state)
{
    static const struct {
        const char *name, *owner; /* NULL: none */
    } cases[] = {
        {"ppp7.dialin.netz.example", "netz.example"},
        {"netz.example", "netz.example"},
        {"a.b.netz.co.example", "netz.co.example"},
        {"netz.co.example", "netz.co.example"},
        {"co.example", NULL},
        {"example", NULL},
        {"", NULL},
        {"a.", NULL},
        {".", NULL},
        {"...", NULL},
    };
    struct guard guard;

    (void)state;
    guard_open(&guard, 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice owner =
            name_owner(guard_text(&guard, slice_from_string(cases[i].name)));

        if (cases[i].owner == NULL)
            assert_true(owner.len == 0 || owner.ptr[0] == '.');
        else
            assert_slice_is(owner, cases[i].owner, cases[i].name);
    }
    guard_close(&guard);
}

static void names_are_akin_or_not(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_akin;
    } cases[] = {
        {"mail.example.org", "mx2.example.org", true},
        {"example.org", "MAIL.example.org", true},
        {"tum.de", "tum.de", true},
        {"tum.de", "mail.tum.de", true},
        {"ibm.com", "www.ibm.com", true},
        {"pc7", "pc7", true},
        {"pc7", "x.pc7", false},
        {"org", "example.org", false},
        {"example.org", "example.net", false},
        {"example.org", "badexample.org", false},
        {"ibm.com", "sap.com", false},
        {"", "", false},
        {"", "example.org", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice a = slice_from_string(cases[i].a);
        struct slice b = slice_from_string(cases[i].b);

        if (name_is_akin(a, b) != cases[i].is_akin ||
            name_is_akin(b, a) != cases[i].is_akin)
            fail_msg("'%s' and '%s'", cases[i].a, cases[i].b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_made_of_their_address_are_generic),
        cmocka_unit_test(names_of_lines_say_so),
        cmocka_unit_test(names_have_owners),
        cmocka_unit_test(names_are_akin_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
