/* sendmail.cf in its shapes, lists of names, time spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "qscan/config.h"
#include "tests/folder.h"
#include "tests/strings.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *title, *text, *queues, *domains;
    int64_t return_sec;
} cases[] = {
    {"empty", "", "", "", CONFIG_RETURN_SEC},
    {"comments and blanks",
     "# O QueueDirectory=/no\n\n\tO QueueDirectory=/no\n   Cw no.example\n", "",
     "", CONFIG_RETURN_SEC},
    {"queue directory", "O QueueDirectory=/var/spool/mqueue\n",
     "/var/spool/mqueue", "", CONFIG_RETURN_SEC},
    {"wildcard and blanks", "O  QueueDirectory = /q/d* \r\n", "/q/d*", "",
     CONFIG_RETURN_SEC},
    {"case of the name", "O queuedirectory=/q\n", "/q", "", CONFIG_RETURN_SEC},
    {"the last one counts", "O QueueDirectory=/a\nO QueueDirectory=/b\n", "/b",
     "", CONFIG_RETURN_SEC},
    {"before 8.7", "OQ/var/spool/mqueue\n", "/var/spool/mqueue", "",
     CONFIG_RETURN_SEC},
    {"groups", "Qmain, P=/q/main*, F=f, R=3\nQslow,Path=/q/slow\nQx, R=1\n",
     "/q/main* /q/slow", "", CONFIG_RETURN_SEC},
    {"groups and directory", "O QueueDirectory=/q\nQone, P=/q/one\n",
     "/q/one /q", "", CONFIG_RETURN_SEC},
    {"no newline at the end", "O QueueDirectory=/q", "/q", "",
     CONFIG_RETURN_SEC},
    {"option without value", "O QueueDirectory\nO QueueDirectory=\nO\n", "", "",
     CONFIG_RETURN_SEC},
    {"classes", "Cwexample.org mx.example.org\nCR example.net\nCPREDIRECT\n",
     "", "example.org mx.example.org example.net", CONFIG_RETURN_SEC},
    {"classes by long names", "C{w}example.org\nC{R} .example.net\nC{x}no\n",
     "", "example.org example.net", CONFIG_RETURN_SEC},
    {"localhost and macros are no domains", "Cwlocalhost $j example.org\n", "",
     "example.org", CONFIG_RETURN_SEC},
    {"return after", "O Timeout.queuereturn=2d\n", "", "", 2 * 24 * 3600},
    {"return of a DSN", "O Timeout.queuereturn.dsn=12h\n", "", "", 12 * 3600},
    {"return of others", "O Timeout.queuereturn.urgent=1h\n", "", "",
     CONFIG_RETURN_SEC},
    {"return never", "O Timeout.queuereturn=now\n", "", "", CONFIG_RETURN_SEC},
    {"file that is not there", "Fw-o /nowhere/local-host-names\n", "", "",
     CONFIG_RETURN_SEC},
    {"file that is a map or a program",
     "Fw@ldap\nFw|/bin/echo no.example\nFR\n", "", "", CONFIG_RETURN_SEC},
};

static const struct {
    const char *title, *text, *relays;
} relay_cases[] = {
    {"a name", "DSrelay.example\n", "relay.example .relay.example"},
    {"what an MX may be called", "DSmail.provider.example\n",
     "mail.provider.example .provider.example"},
    {"a name that may be public", "DSisp.example\n",
     "isp.example .isp.example"},
    {"addresses have none", "DSesmtp:192.0.2.9:[2001:db8::25]\n",
     "192.0.2.9 2001:db8::25"},
    {"none", "DS\nDR\nDH\n", ""},
    {"hub and local relay", "DHhub.example\nDR[192.0.2.9]\n",
     "hub.example .hub.example 192.0.2.9"},
    {"a mailer before it", "DSesmtp:[relay.example]\n", "relay.example"},
    {"several", "DSrelay:a.example:[b.example]\n",
     "a.example .a.example b.example"},
    {"literals have colons", "DS[IPv6:2001:db8::25]:[192.0.2.9]\n",
     "IPv6:2001:db8::25 192.0.2.9"},
    {"a bracket that never closes", "DS[relay.example\n", "relay.example"},
    {"a mailer alone", "DSesmtp:\n", ""},
    {"macros are no names", "DSesmtp:$w.example\n", ""},
    {"fallback hosts",
     "O FallbackMXhost=a.example\nO fallbacksmarthost = [b.example]:c.example\n"
     "#O FallbackMXhost=no.example\nO FallbackMXhost=\nO FallbackMXhost\n",
     "a.example .a.example b.example c.example .c.example"},
    {"a fallback host before 8.7", "V2\nOVa.example\nOV\nOVx/y\nOX8\n",
     "a.example .a.example"},
    {"other macros", "DMexample.org\nDjmx.example.org\nD{S}no.example\nD\n",
     ""},
};

static void relays_are_the_hosts_of_three_macros(void **state)
{
    struct folder folder;

    (void)state;
    folder_open(&folder);
    for (size_t i = 0; i < COUNT(relay_cases); i++) {
        struct config config;

        folder_write(&folder, "sendmail.cf", relay_cases[i].text);
        assert_int_equal(
            config_read(&config, folder_path(&folder, "sendmail.cf")), 0);
        assert_list_is(&config.relays, relay_cases[i].relays,
                       relay_cases[i].title);
        config_free(&config);
    }
    folder_close(&folder);
}

static void relays_are_bounded(void **state)
{
    enum { HOSTS = 2 * CONFIG_RELAYS_MAX };
    struct folder folder;
    struct config config;
    char *text = malloc(2 * HOSTS + 4);

    (void)state;
    assert_non_null(text);
    memcpy(text, "DS", 2);
    for (size_t i = 0; i < HOSTS; i++)
        memcpy(text + 2 + 2 * i, "a:", 2);
    memcpy(text + 2 + 2 * HOSTS, "\n", 2);
    folder_open(&folder);
    folder_write(&folder, "sendmail.cf", text);
    assert_int_equal(config_read(&config, folder_path(&folder, "sendmail.cf")),
                     0);
    assert_int_equal(config.relays.count, CONFIG_RELAYS_MAX);
    config_free(&config);
    folder_close(&folder);
    free(text);
}

static const struct {
    const char *title, *text, *relays;
} mailertables[] = {
    {"nothing", "", ""},
    {"a host", "example.org\tesmtp:[mail.example.org]\n", "mail.example.org"},
    {"no newline at the end", "example.org esmtp:mail.example.org",
     ".example.org mail.example.org"},
    {"blanks, comments, other ends of lines",
     "# all by the provider\n\n#x smtp:no.example\n"
     ".example.org  \t relay:[smtp.example.com]  # down\r\n",
     "smtp.example.com"},
    {"several hosts, sorted, once each",
     "a.example\trelay:[d.example]:[192.0.2.9]:b.example\n"
     "b.example\trelay:[b.example]\nc.example\tesmtp:[d.example]\n",
     ".b.example 192.0.2.9 b.example d.example"},
    {"a literal with colons", "a.example smtp:[IPv6:2001:db8::25]\n",
     "IPv6:2001:db8::25"},
    {"users and words",
     "a.example\tlocal:root\nb.example\terror:nohost No such host\n"
     "c.example\terror:5.1.1:\"550 mail.example is gone\"\n"
     "d.example\tdiscard:ok\ne.example\tprog:x\n"
     "f.example\tERROR:nohost\n",
     ""},
    {"users of hosts, parts of the key, sockets",
     "a.example\trelay:root@b.example\n.c.example\tesmtp:%1.d.example\n"
     "e.example\tcyrusv2:/var/run/lmtp\n",
     ""},
    {"no mailer", "a.example\tb.example\nc.example\nd.example :\n", ""},
    {"a line that goes on", "a.example\n\tsmtp:[b.example]\n", ""},
};

static void hosts_of_a_mailertable_are_relays(void **state)
{
    struct folder folder;
    char text[2000];

    (void)state;
    folder_open(&folder);
    snprintf(text, sizeof(text), "DS[z.example]\nKmailertable hash -o %s\n",
             folder_path(&folder, "table"));
    folder_write(&folder, "sendmail.cf", text);
    for (size_t i = 0; i < COUNT(mailertables); i++) {
        struct config config;
        char want[1000];

        folder_write(&folder, "table", mailertables[i].text);
        snprintf(want, sizeof(want), "z.example%s%s",
                 mailertables[i].relays[0] == '\0' ? "" : " ",
                 mailertables[i].relays);
        assert_int_equal(
            config_read(&config, folder_path(&folder, "sendmail.cf")), 0);
        assert_list_is(&config.relays, want, mailertables[i].title);
        config_free(&config);
    }
    folder_close(&folder);
}

/* BASE is the folder: each names the same text, or none. */
static const struct {
    const char *title, *before, *after;
    bool is_read;
    size_t faults;
} mailertable_maps[] = {
    {"plain", "Kmailertable hash ", "/table", true, 0},
    {"with its suffix", "Kmailertable hash -o ", "/table.db", true, 0},
    {"flags", "Kmailertable btree -o -T<TMPF> -k 0 ", "/table", true, 0},
    {"case, and words behind", "Kmailertable\tText\t", "/table more", true, 0},
    {"not there", "Kmailertable hash ", "/none", false, 1},
    {"not there and optional", "Kmailertable hash -o ", "/none", false, 0},
    {"its database alone", "Kmailertable hash -o ", "/only", false, 1},
    {"the same by its suffix", "Kmailertable hash -o ", "/only.db", false, 1},
    {"a FIFO", "Kmailertable hash ", "/fifo", false, 0},
    {"nothing but a suffix", "Kmailertable hash ", "/.db", false, 1},
    {"another map", "Kgenerics hash -o ", "/table", false, 0},
    {"of no file", "Kmailertable ldap -k mailertable -v ", "/table", false, 1},
    {"a program", "Kmailertable program ", "/table", false, 1},
    {"no text", "Kmailertable hash ", "/binary", false, 1},
    {"a folder", "Kmailertable hash ", "/folder", false, 1},
};

static void a_mailertable_is_read_beside_its_map(void **state)
{
    static const char table[] = "a.example\tsmtp:[b.example]\n";
    struct folder folder;

    (void)state;
    folder_open(&folder);
    folder_make(&folder, "folder");
    folder_write(&folder, "table", table);
    folder_write_bytes(&folder, "binary", table, sizeof(table));
    folder_write(&folder, "only.db", table);
    folder_need(mkfifo(folder_path(&folder, "fifo"), 0600) == 0, "mkfifo");
    for (size_t i = 0; i < COUNT(mailertable_maps); i++) {
        struct config config;
        char text[2000];

        snprintf(text, sizeof(text), "V10\n%s%s%s\n",
                 mailertable_maps[i].before, folder.path,
                 mailertable_maps[i].after);
        folder_write(&folder, "sendmail.cf", text);
        assert_int_equal(
            config_read(&config, folder_path(&folder, "sendmail.cf")), 0);
        assert_list_is(&config.relays,
                       mailertable_maps[i].is_read ? "b.example" : "",
                       mailertable_maps[i].title);
        if (config.fault_count != mailertable_maps[i].faults)
            fail_msg("%s: %zu faults", mailertable_maps[i].title,
                     config.fault_count);
        config_free(&config);
    }
    folder_close(&folder);
}

static const struct {
    const char *title, *text, *domains, *senders, *relays;
} class_cases[] = {
    {"none of ours", "C{Tls}VERIFY ENCR\nCP.\nCO @ % !\nC..\nC{\nC\nC{}x\n", "",
     "", NULL},
    {"virtual hosts", "C{VirtHost}a.example b.example\n", "a.example b.example",
     "", NULL},
    {"masqueraded and generic", "C{M}a.example\nC{G} b.example\nCM c.example\n",
     "", "a.example b.example c.example", NULL},
    {"the macro M", "DMa.example\nDM$m\nDMlocalhost\n", "", "a.example", NULL},
    {"routed by LDAP", "C{LDAPRoute}a.example\n", "", "a.example", NULL},
    {"a class in a class", "C{Mine}a.example\nCR$={Mine}\n", "a.example", "",
     NULL},
    {"of one letter, among words",
     "Cxa.example\nC{w}b.example $=x $={y}\n"
     "Cyc.example\n",
     "a.example b.example c.example", "", NULL},
    {"in another order",
     "CR$={A}\nC{A}$={B}\nC{B}a.example $={R}\n"
     "C{A}b.example\n",
     "a.example b.example", "", NULL},
    {"the other way round", "C{A}$=w\nC{A}no.example\nCwa.example\n",
     "a.example", "", NULL},
    {"of senders", "C{G}$={A}\nC{A}a.example\n", "", "a.example", NULL},
    {"of both", "C{G}$={A}\nCw$={A}\nC{A}a.example\n", "a.example", "", NULL},
    {"macros and parts of words", "Cw$j x$={A} $={ $= $\nC{A}no.example\n", "",
     "", NULL},
    {"comments", "Cwa.example # not $={A} no.example\nC{A}no.example\n",
     "a.example", "", NULL},
    {"case", "CR$={virthost}\nC{virthost}a.example\nC{VIRTHOST}no.example\n",
     "a.example", "", NULL},
    {"lines that go on",
     "Cwa.example # x\n\tb.example # y\r\n  c.example\n#Cwno.example\n "
     "no.example\n"
     "\n no.example\nCR\n $={A}\nC{A}\n\td.example\n ",
     "a.example b.example c.example d.example", "", NULL},
    {"hosts of this host", "Cwlocalhost localhost.localdomain\n", "", "", ""},
    {"comments behind a word",
     "Cwa.example# no.example\nFw# no\nC{VirtHost}#\n\tb.example\n"
     "DSc.example# $#no\n",
     "a.example b.example", "", "c.example .c.example"},
    {"macros that are defined",
     "Cw$D mx.$D ${dom}\nDDa.example\nD{dom}b.example\nCG$D\n",
     "a.example mx.a.example b.example", "a.example", NULL},
    {"the last value counts", "DDa.example\nDDb.example\nCw$D\n", "b.example",
     "", NULL},
    /* "info" is a domain, too, and no subdomain of it is ours */
    {"short names of hosts", "Cwinfo a.example\nC{VirtHost}cloud\n",
     "a.example", "", "info cloud"},
    {"a network inside by its name", "CRlan\n", "lan", "", ""},
    {"networks that we relay for",
     "CR198.51.100 10 IPv6:2001:db8 192.0.2.7 a.example\n", "a.example", "",
     "198.51.100.0/24 10.0.0.0/8 2001:db8::/32 192.0.2.7/32"},
    {"their class in another", "CR$={Nets}\nC{Nets}172.16 163.example\n",
     "163.example", "", "172.16.0.0/16"},
    {"a literal", "Cw[192.0.2.7]\n", "[192.0.2.7]", "", ""},
};

static void classes_may_hold_classes(void **state)
{
    struct folder folder;

    (void)state;
    folder_open(&folder);
    for (size_t i = 0; i < COUNT(class_cases); i++) {
        struct config config;
        char text[1000];

        snprintf(text, sizeof(text), "V10\n%s", class_cases[i].text);
        folder_write(&folder, "sendmail.cf", text);
        assert_int_equal(
            config_read(&config, folder_path(&folder, "sendmail.cf")), 0);
        assert_list_is(&config.domains, class_cases[i].domains,
                       class_cases[i].title);
        assert_list_is(&config.senders, class_cases[i].senders,
                       class_cases[i].title);
        if (class_cases[i].relays != NULL)
            assert_list_is(&config.relays, class_cases[i].relays,
                           class_cases[i].title);
        config_free(&config);
    }
    folder_close(&folder);
}

static void references_are_bounded(void **state)
{
    enum { CLASSES = 5000 };
    struct folder folder;
    struct config config;
    FILE *file;

    (void)state;
    folder_open(&folder);
    file = fopen(folder_path(&folder, "sendmail.cf"), "w");
    folder_need(file != NULL, "sendmail.cf");
    fputs("V10\nCR$={c0}\n", file);
    for (int i = 0; i < CLASSES; i++)
        fprintf(file, "C{c%d}d%d.example $={c%d}\n", i, i, i + 1);
    fclose(file);
    assert_int_equal(config_read(&config, folder_path(&folder, "sendmail.cf")),
                     0);
    assert_true(config.domains.count > 200 && config.domains.count < 256);
    config_free(&config);
    folder_close(&folder);
}

/* One word a line, as "%s" reads it; all, where a format asks for more. */
static void words_of_a_file_are_as_its_format_says(void **state)
{
    static const struct {
        const char *line, *format, *domains, *senders;
    } files[] = {
        {"F{VirtHost}", "", "a.example c.example", ""},
        {"F{VirtHost}-o ", " %[^\\#]", "a.example b.example c.example", ""},
        {"C{VirtHost}$={A}\nF{A}", " %s", "a.example b.example c.example", ""},
        {"FG", "", "", "a.example c.example"},
        {"F{Other}", "", "", ""},
    };
    struct folder folder;

    (void)state;
    folder_open(&folder);
    folder_write(&folder, "names",
                 "a.example b.example # no.example\n#no\nc.example#\n$=w\n");
    for (size_t i = 0; i < COUNT(files); i++) {
        struct config config;
        char text[2000];

        snprintf(text, sizeof(text), "V10\n%s%s%s\n", files[i].line,
                 folder_path(&folder, "names"), files[i].format);
        folder_write(&folder, "sendmail.cf", text);
        assert_int_equal(
            config_read(&config, folder_path(&folder, "sendmail.cf")), 0);
        assert_list_is(&config.domains, files[i].domains, text);
        assert_list_is(&config.senders, files[i].senders, text);
        assert_int_equal(config.fault_count, 0);
        config_free(&config);
    }
    folder_close(&folder);
}

/* What a map that is known says goes where it belongs. */
static void maps_are_read_for_whom_they_relay(void **state)
{
    static const char lines[] = "V10\nKaccess hash -T<TMPF> -o %s\n"
                                "Kvirtuser hash -o %s\n";
    struct folder folder;
    struct config config;
    char text[2000], path[1000];

    (void)state;
    folder_open(&folder);
    folder_write(&folder, "access",
                 "To:a.example RELAY\nConnect:192.0.2 RELAY\n"
                 "localhost.localdomain RELAY\nFrom:b.example RELAY\n");
    folder_write(&folder, "virtual", "@c.example ann\n");
    snprintf(path, sizeof(path), "%s", folder_path(&folder, "access"));
    snprintf(text, sizeof(text), lines, path, folder_path(&folder, "virtual"));
    folder_write(&folder, "sendmail.cf", text);
    assert_int_equal(config_read(&config, folder_path(&folder, "sendmail.cf")),
                     0);
    assert_list_is(&config.domains, "a.example", "domains");
    assert_list_is(&config.senders, "b.example c.example", "senders");
    assert_list_is(&config.relays, "192.0.2.0/24", "relays");
    assert_int_equal(config.fault_count, 0);
    config_free(&config);
    folder_close(&folder);
}

static void hosts_of_a_mailertable_are_bounded(void **state)
{
    enum { LINES = 3 * CONFIG_RELAYS_MAX };
    struct folder folder;
    struct config config;
    char text[2000];
    FILE *file;

    (void)state;
    folder_open(&folder);
    file = fopen(folder_path(&folder, "table"), "w");
    folder_need(file != NULL, "table");
    for (int i = 0; i < LINES; i++)
        fprintf(file, "d%d.example\tsmtp:[h%d.example]:[h0.example]\n", i, i);
    fclose(file);
    snprintf(text, sizeof(text), "V10\nKmailertable hash %s\n",
             folder_path(&folder, "table"));
    folder_write(&folder, "sendmail.cf", text);
    assert_int_equal(config_read(&config, folder_path(&folder, "sendmail.cf")),
                     0);
    assert_int_equal(config.relays.count, CONFIG_RELAYS_MAX);
    assert_int_equal(config.fault_count, 1);
    assert_int_equal(config.faults[0].error, EFBIG);
    assert_string_equal(config.relays.strings[0], "h0.example");
    assert_string_equal(config.relays.strings[1], "h1.example");
    config_free(&config);
    folder_close(&folder);
}

static void test_shapes(void **state)
{
    struct folder folder;

    (void)state;
    folder_open(&folder);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config config;

        char text[1000];

        snprintf(text, sizeof(text), "V10\n%s", cases[i].text);
        folder_write(&folder, "sendmail.cf", text);
        assert_int_equal(
            config_read(&config, folder_path(&folder, "sendmail.cf")), 0);
        assert_list_is(&config.queues, cases[i].queues, cases[i].title);
        assert_list_is(&config.domains, cases[i].domains, cases[i].title);
        assert_int_equal(config.return_sec, cases[i].return_sec);
        config_free(&config);
    }
    folder_close(&folder);
}

static void test_domains_from_a_file(void **state)
{
    struct folder folder;
    struct config config;
    char text[2000];

    (void)state;
    folder_open(&folder);
    folder_write(&folder, "names",
                 "# ours\nexample.org  # the main one\n\n.example.net\r\n"
                 "  indented.example.com\nlocalhost\nlast.example");
    for (int i = 0; i < 3; i++) {
        static const char *const before[] = {"Fw", "FR-o ", "F{w}-o\t"};

        snprintf(text, sizeof(text), "%s%s %%[^\\#]\n", before[i],
                 folder_path(&folder, "names"));
        folder_write(&folder, "sendmail.cf", text);
        assert_int_equal(
            config_read(&config, folder_path(&folder, "sendmail.cf")), 0);
        assert_list_is(
            &config.domains,
            "example.org example.net indented.example.com last.example", text);
        config_free(&config);
    }
    folder_close(&folder);
}

/* A copied sendmail.cf names files that only its own host has. */
static void test_files_of_domains_that_cannot_be_read(void **state)
{
    static const struct {
        const char *title, *text, *fault;
        int error;
    } missing[] = {
        {"missing", "FR/nowhere/relay-domains\n", "/nowhere/relay-domains",
         ENOENT},
        {"by its long name", "F{w} /nowhere/names %[^\\#]\n", "/nowhere/names",
         ENOENT},
        {"missing and optional", "FR-o /nowhere/relay-domains\n", NULL, 0},
        {"of another class", "Ft/nowhere/trusted-users\n", NULL, 0},
        {"optional first", "FR-o /nowhere/names\nFw/nowhere/names\n",
         "/nowhere/names", ENOENT},
        {"named twice", "FR/nowhere/names\nFw/nowhere/names\n",
         "/nowhere/names", ENOENT},
        {"there, optional, and no file", "FR-o /\n", "/", EISDIR},
        {"a map", "Fw@LDAP\n", "@LDAP", CONFIG_IS_NO_FILE},
        {"a map with a key", "F{VirtHost}x@hash:/etc/mail/x\n",
         "x@hash:/etc/mail/x", CONFIG_IS_NO_FILE},
        {"a program", "FR|/bin/names -a\n", "|/bin/names", CONFIG_IS_NO_FILE},
        {"a program of another class", "Ft|/bin/names -a\n", NULL, 0},
        {"a map elsewhere", "V10\nKaccess ldap -1 -k (x)\n", "access ldap",
         CONFIG_IS_NO_FILE},
        {"a macro of nobody's", "CR$m\n", "$m", CONFIG_IS_NOT_DEFINED},
        {"a macro that hangs on it", "DDx.$m\nCw$D\n", "$D",
         CONFIG_IS_NOT_DEFINED},
        {"our own name", "Cw$w $j\nCR$=w\n", NULL, 0},
    };
    struct folder folder;

    (void)state;
    folder_open(&folder);
    for (size_t i = 0; i < COUNT(missing); i++) {
        struct config config;

        folder_write(&folder, "sendmail.cf", missing[i].text);
        assert_int_equal(
            config_read(&config, folder_path(&folder, "sendmail.cf")), 0);
        if (config.fault_count != (missing[i].fault != NULL))
            fail_msg("%s: %zu faults", missing[i].title, config.fault_count);
        if (config.fault_count > 0) {
            assert_string_equal(config.faults[0].path, missing[i].fault);
            assert_int_equal(config.faults[0].error, missing[i].error);
        }
        config_free(&config);
    }
    folder_close(&folder);
}

static void test_faults_are_bounded(void **state)
{
    struct folder folder;
    struct config config;
    char text[8192];
    size_t len = 0;

    (void)state;
    for (int i = 0; i < 2 * CONFIG_FAULTS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "Fw/nowhere/%d\n", i);
    folder_open(&folder);
    folder_write(&folder, "sendmail.cf", text);
    assert_int_equal(config_read(&config, folder_path(&folder, "sendmail.cf")),
                     0);
    assert_int_equal(config.fault_count, CONFIG_FAULTS_MAX);
    config_free(&config);
    folder_close(&folder);
}

static void test_errors_of_reading(void **state)
{
    struct folder folder;
    struct config config;

    (void)state;
    folder_open(&folder);
    assert_int_equal(config_read(&config, folder_path(&folder, "none")),
                     ENOENT);
    config_free(&config);
    assert_int_equal(config_read(&config, folder.path), EISDIR);
    config_free(&config);
    folder_close(&folder);
}

static const struct {
    const char *title, *text;
    bool is_cf;
} kinds[] = {
    {"nothing, as a full disk leaves it", "", false},
    {"nothing but comments", "# sendmail.cf\n\n", false},
    {"a control file",
     "V8\nT1795375579\nK0\nN0\nFs\nS<>\nRPFD:<a@b>\nH?P?From: <c@d>\n.\n",
     false},
    {"who is trusted", "V10\nTroot daemon\nT 1 2\n", true},
    {"a version", "V10/Berkeley\n", true},
    {"an option", "words\nO MaxHopCount=25\n", true},
    {"an option before 8.7", "OQ/var/spool/mqueue\n", true},
    {"a macro", "Djmail.example.org\n", true},
    {"a macro without a value", "DS\n", true},
    {"a class", "Cw example.org\n", true},
    {"a class of ours, no blank", "Cwexample.org\n", true},
    {"any class", "CP .\n", true},
    {"a class from a file", "Ft-o /etc/mail/trusted-users\n", true},
    {"a rewriting rule", "R$*\t\t$: $1\n", true},
    {"a mailer", "Mlocal,\t\tP=/usr/bin/procmail, F=lsDFM\n", true},
    {"a header", "H?P?Return-Path: <$g>\n", true},
    {"a queue group", "Qslow, P=/var/spool/mqueue/slow\n", true},
    {"a number", "1209978000\n", false},
    {"a list of domains", "example.org\nexample.net\n", false},
    {"the m4 it is made from",
     "divert(-1)dnl\nOSTYPE(`debian')dnl\nDOMAIN(`debian-mta')dnl\n"
     "FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n"
     "define(`confCW_FILE', `-o /etc/mail/names')dnl\nMAILER(`smtp')dnl\n",
     false},
    {"prose",
     "Dear all,\nOur mail comes late. For this we are sorry.\n"
     "Came it not at all, Marge will help you.\nVery truly, R. Hill\n",
     false},
    {"mail", "From: ann@example.org\nReceived: from a\n\tby b\nDate: x\n\nHi\n",
     false},
    {"bytes", "\1\2O\n\377V1\n", false},
    {"single letters", "V\nO\nC\nD\nF\nR\nM\nH\nQ\nK\nS\n", false},
};

static void test_files_that_are_no_configuration(void **state)
{
    static const char bytes[] = "V10\nCwa.example\n\0";
    struct folder folder;
    struct config none;

    (void)state;
    folder_open(&folder);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct config config;
        int error;

        folder_write(&folder, "file", kinds[i].text);
        error = config_read(&config, folder_path(&folder, "file"));
        if (error != (kinds[i].is_cf ? 0 : CONFIG_IS_NONE))
            fail_msg("%s: got %d", kinds[i].title, error);
        config_free(&config);
    }
    folder_write_bytes(&folder, "file", bytes, sizeof(bytes));
    assert_int_equal(config_read(&none, folder_path(&folder, "file")),
                     CONFIG_IS_NONE);
    config_free(&none);
    assert_int_equal(config_read(&none, "/dev/null"), 0);
    config_free(&none);
    folder_close(&folder);
}

/* It can be set to anything, and a FIFO in its place must not hang. */
static void test_text_of_any_kind(void **state)
{
    struct folder folder;
    char *text;
    size_t len;

    (void)state;
    folder_open(&folder);
    folder_write_bytes(&folder, "nul", "a\0b", 3);
    assert_int_equal(config_read_text(folder_path(&folder, "nul"), &text, &len),
                     0);
    assert_int_equal(len, 3);
    free(text);
    folder_write(&folder, "empty", "");
    assert_int_equal(
        config_read_text(folder_path(&folder, "empty"), &text, &len), 0);
    assert_int_equal(len, 0);
    free(text);
    folder_need(mkfifo(folder_path(&folder, "fifo"), 0600) == 0, "mkfifo");
    if (config_read_text(folder_path(&folder, "fifo"), &text, &len) == 0) {
        assert_int_equal(len, 0);
        free(text);
    }
    folder_close(&folder);
}

static const struct {
    const char *text;
    int64_t want; /* with days as the unit of a bare number */
} durations[] = {
    {"5d", 432000},     {"1h30m", 5400},
    {"90s", 90},        {"1w", 604800},
    {"3", 259200},      {" 2h ", 7200},
    {"0", 0},           {"1d12h", 129600},
    {"", -1},           {" ", -1},
    {"d", -1},          {"5x", -1},
    {"-5d", -1},        {"+5d", -1},
    {"1.5h", -1},       {"5d ", 432000},
    {"9999999999", -1}, {"99999999999999999999d", -1},
    {"now", -1},        {"999999999w", 604799999395200},
};

static void test_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++)
        if (config_duration(slice_from_string(durations[i].text), 24 * 3600) !=
            durations[i].want)
            fail_msg("\"%s\" is not %lld", durations[i].text,
                     (long long)durations[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(relays_are_the_hosts_of_three_macros),
        cmocka_unit_test(relays_are_bounded),
        cmocka_unit_test(hosts_of_a_mailertable_are_relays),
        cmocka_unit_test(a_mailertable_is_read_beside_its_map),
        cmocka_unit_test(classes_may_hold_classes),
        cmocka_unit_test(references_are_bounded),
        cmocka_unit_test(words_of_a_file_are_as_its_format_says),
        cmocka_unit_test(maps_are_read_for_whom_they_relay),
        cmocka_unit_test(hosts_of_a_mailertable_are_bounded),
        cmocka_unit_test(test_domains_from_a_file),
        cmocka_unit_test(test_files_of_domains_that_cannot_be_read),
        cmocka_unit_test(test_faults_are_bounded),
        cmocka_unit_test(test_errors_of_reading),
        cmocka_unit_test(test_files_that_are_no_configuration),
        cmocka_unit_test(test_text_of_any_kind),
        cmocka_unit_test(test_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
