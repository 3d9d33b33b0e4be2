/* Texts of maps: whom they relay for, and where to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "qscan/maptext.h"
#include "tests/strings.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *title, *map, *text, *domains, *senders, *hosts;
} cases[] = {
    {"nothing", "access", "", "", "", ""},
    {"targets", "access",
     "To:a.example\tRELAY\nto:.b.example relay\n# To:no.example RELAY\n"
     " To:no.example RELAY\nTo:c.example RELAY",
     "a.example b.example c.example", "", ""},
    {"what is not relayed", "access",
     "To:a.example\tOK\nb.example\tREJECT\nc.example\tRELAYED\nd.example\n"
     "Connect:e.example\tOK\nf.example ERROR:550 RELAY\n",
     "", "", ""},
    {"either way", "access", "a.example RELAY\nb.example RELAY # ours\n",
     "a.example b.example", "", ""},
    {"senders", "access", "From:a.example RELAY\nFrom:ann@b.example RELAY\n",
     "", "a.example b.example", ""},
    {"one address is not its domain", "access",
     "To:ann@a.example RELAY\nann@b.example RELAY\n", "", "a.example b.example",
     ""},
    {"clients by name", "access",
     "Connect:mx.a.example RELAY\nconnect:.b.example RELAY\n", "", "",
     ".b.example .mx.a.example b.example mx.a.example"},
    {"clients by address", "access",
     "Connect:192.0.2.7 RELAY\nConnect:198.51.100\tRELAY\n10 RELAY\n"
     "172.16 RELAY\n203.0.113. RELAY\n",
     "", "",
     "10.0.0.0/8 172.16.0.0/16 192.0.2.7/32 198.51.100.0/24 203.0.113.0/24"},
    {"clients by IPv6", "access",
     "Connect:IPv6:2001:db8:1 RELAY\nipv6:2001:db8:2:: RELAY\n"
     "Connect:IPv6:2001:db8::25 RELAY\nIPv6:2001:db8:3:4:5:6:7:8 RELAY\n"
     "Connect:IPv6:::1 RELAY\nConnect:2001:db8:9 RELAY\n",
     "", "",
     "2001:db8:1::/48 2001:db8:2::/48 2001:db8:3:4:5:6:7:8 2001:db8:9::/48 "
     "2001:db8::25 ::1"},
    {"what is no address", "access",
     "Connect:192.0.2.0/24 RELAY\nConnect:1.2.3.4.5.6.7.8 RELAY\n"
     "Connect:IPv6:1:2:3:4:5:6:7:8:9 RELAY\nIPv6: RELAY\n:: RELAY\n. RELAY\n"
     "To: RELAY\nConnect: RELAY\nFrom:@ RELAY\n"
     "IPv6:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0 RELAY\n",
     "", "", ".1.2.3.4.5.6.7.8 1.2.3.4.5.6.7.8"},
    {"other tags", "access",
     "CERTISSUER:/C=US/CN=a.example RELAY\nSpam:b.example RELAY\n", "", "", ""},
    {"mailertable", "mailertable",
     "a.example esmtp:[gw.example]\n.b.example local:ann\n. smtp:[x.example]\n"
     "a.example esmtp:[gw.example]\nc.example\n",
     "", "a.example b.example c.example", "gw.example x.example"},
    {"virtuser", "VirtUser",
     "ann@a.example\tann\nbob@a.example bob@no.example\n@b.example %1@c\n"
     "postmaster root\n\"x@y\"@d.example z\n@ e\n",
     "", "a.example b.example d.example", ""},
};

static void names_come_from_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct map_names names;

        map_names_read(&names, slice_from_string(cases[i].map),
                       slice_from_string(cases[i].text));
        assert_list_is(&names.domains, cases[i].domains, cases[i].title);
        assert_list_is(&names.senders, cases[i].senders, cases[i].title);
        assert_list_is(&names.hosts, cases[i].hosts, cases[i].title);
        assert_false(names.is_cut);
        map_names_free(&names);
    }
}

static void maps_are_known_by_name(void **state)
{
    (void)state;
    assert_true(map_is_known(SLICE_LITERAL("access")));
    assert_true(map_is_known(SLICE_LITERAL("MailerTable")));
    assert_true(map_is_known(SLICE_LITERAL("virtuser")));
    assert_false(map_is_known(SLICE_LITERAL("generics")));
    assert_false(map_is_known(SLICE_LITERAL("")));
}

static void a_key_of_any_length(void **state)
{
    enum { LENGTH = 100000 };
    static char text[LENGTH + 100];

    (void)state;
    for (const char *const *tag =
             (const char *const[]){"Connect:", "To:", "", "IPv6:", NULL};
         *tag != NULL; tag++)
        for (const char *fill = "a.1:"; *fill != '\0'; fill++) {
            struct map_names names;
            int len = snprintf(text, sizeof(text), "%s", *tag);

            memset(text + len, *fill, LENGTH);
            strcpy(text + len + LENGTH, " RELAY\n");
            map_names_read(&names, SLICE_LITERAL("access"),
                           slice_from_string(text));
            assert_true(names.hosts.count == 0);
            map_names_free(&names);
        }
}

static void names_are_bounded(void **state)
{
    enum { LINES = MAP_NAMES_MAX + 1000, LINE = 20 };
    char *text = malloc((size_t)LINES * LINE + 1);
    struct map_names names;
    size_t len = 0;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < LINES; i++)
        len += (size_t)snprintf(text + len, LINE + 1, "@d%d.example x\n",
                                i < 1500 ? i / 2 : i);
    map_names_read(&names, SLICE_LITERAL("virtuser"), slice_make(text, len));
    assert_int_equal(names.senders.count, MAP_NAMES_MAX);
    assert_true(names.is_cut);
    free(text);
    map_names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_from_keys),
        cmocka_unit_test(maps_are_known_by_name),
        cmocka_unit_test(a_key_of_any_length),
        cmocka_unit_test(names_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
