/* Which rule files are read, in which order, and what refuses a set. */
/* wraps: scandir config_read_text config_read_named getifaddrs freeifaddrs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "qscan/ruleset.h"
#include "qscan/shipped.h"
#include "tests/heard.h"

#define LOCAL "/etc/qscan/rules.d"

/* ---- the machine, as a test wants it ---- */

static struct folder folder;
static int scandir_error; /* errno of every folder; 0: none */

/* What is installed on this machine decides nothing: the folder of the site
 * stands in "local", the installed one, wherever that would be, in
 * "installed". A folder that a test does not make is missing. */
static const char *mapped(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = strlen(LOCAL);
    char name[FOLDER_PATH_MAX];
    bool is_file = strstr(path, ".rules") != NULL;

    if (strncmp(path, folder.path, strlen(folder.path)) == 0)
        return path;
    if (strncmp(path, LOCAL, len) == 0)
        snprintf(name, sizeof(name), "local%s", path + len);
    else
        snprintf(name, sizeof(name), "installed%s", is_file ? slash : "");
    return folder_path(&folder, name);
}

int __real_scandir(const char *path, struct dirent ***entries,
                   int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **,
                                  const struct dirent **));
int __wrap_scandir(const char *path, struct dirent ***entries,
                   int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **,
                                  const struct dirent **));
int __real_config_read_text(const char *path, char **text_r, size_t *len_r);
int __real_config_read_named(const char *path, char **text_r, size_t *len_r);
int __wrap_config_read_named(const char *path, char **text_r, size_t *len_r);
int __wrap_config_read_text(const char *path, char **text_r, size_t *len_r);
int __wrap_getifaddrs(struct ifaddrs **all_r);
void __wrap_freeifaddrs(struct ifaddrs *all);

int __wrap_scandir(const char *path, struct dirent ***entries,
                   int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **,
                                  const struct dirent **))
{
    if (scandir_error != 0) {
        errno = scandir_error;
        return -1;
    }
    return __real_scandir(mapped(path), entries, filter, compare);
}

int __wrap_config_read_named(const char *path, char **text_r, size_t *len_r)
{
    return __real_config_read_named(mapped(path), text_r, len_r);
}

int __wrap_config_read_text(const char *path, char **text_r, size_t *len_r)
{
    return __real_config_read_text(mapped(path), text_r, len_r);
}

/* lo, an interface without address, and two with one. */
int __wrap_getifaddrs(struct ifaddrs **all_r)
{
    static struct sockaddr_in loopback = {.sin_family = AF_INET},
                              first = {.sin_family = AF_INET};
    static struct sockaddr_in6 second = {.sin6_family = AF_INET6};
    static struct ifaddrs all[4];
    struct sockaddr *addresses[4] = {(void *)&loopback, NULL, (void *)&first,
                                     (void *)&second};

    loopback.sin_addr.s_addr = htonl(0x7f000001);
    first.sin_addr.s_addr = htonl(0xc6336409); /* 198.51.100.9 */
    memcpy(&second.sin6_addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
    for (size_t i = 0; i < 4; i++)
        all[i] = (struct ifaddrs){.ifa_next = i < 3 ? &all[i + 1] : NULL,
                                  .ifa_addr = addresses[i],
                                  .ifa_flags = i == 0 ? IFF_LOOPBACK : 0};
    *all_r = all;
    return 0;
}

void __wrap_freeifaddrs(struct ifaddrs *all)
{
    assert_non_null(all);
}

/* ---- a set, and what is said of it ---- */

struct loaded {
    struct heard heard;
    struct complaints complaints;
    struct string_list paths;
    struct config config;
    bool with_config;
    struct ruleset set;
    const char *said; /* NULL before load */
};

static void begin(struct loaded *loaded)
{
    *loaded = (struct loaded){.with_config = true};
    scandir_error = 0;
    folder_open(&folder);
    complaints_init(&loaded->complaints, false);
}

static void name(struct loaded *loaded, const char *file)
{
    assert_true(string_list_add(&loaded->paths,
                                slice_from_string(folder_path(&folder, file))));
}

/* Afterwards nothing of what it was given is there any more. */
static bool load(struct loaded *loaded)
{
    bool is_good;

    memset(&loaded->set, 0xff, sizeof(loaded->set));
    heard_begin(&loaded->heard, &folder);
    is_good = ruleset_load(&loaded->set, &loaded->paths, &loaded->config,
                           loaded->with_config, &loaded->complaints);
    loaded->said = heard_end(&loaded->heard);
    string_list_free(&loaded->paths);
    config_free(&loaded->config);
    return is_good;
}

static void end(struct loaded *loaded)
{
    ruleset_free(&loaded->set);
    assert_null(loaded->set.rules);
    ruleset_free(&loaded->set);
    folder_close(&folder);
}

static void assert_loaded(struct loaded *loaded, size_t file_count)
{
    bool is_good = load(loaded);

    assert_string_equal(loaded->said, "");
    assert_true(is_good);
    assert_int_equal(loaded->set.file_count, file_count);
    assert_int_equal(loaded->complaints.count, 0);
}

/* "%s" in said is the path of file. */
static void assert_refused(struct loaded *loaded, const char *file,
                           const char *said)
{
    char expected[2 * FOLDER_PATH_MAX];
    const char *place = strstr(said, "%s");
    bool is_good = load(loaded);

    assert_non_null(place);
    snprintf(expected, sizeof(expected), "%.*s%s%s", (int)(place - said), said,
             folder_path(&folder, file), place + 2);
    assert_string_equal(loaded->said, expected);
    assert_false(is_good);
    assert_null(loaded->set.rules);
    assert_false(loaded->set.is_domains_known);
}

static void assert_rule(const struct loaded *loaded, size_t index,
                        const char *rule, const char *file)
{
    const struct rules *rules = loaded->set.rules;
    const char *path;

    assert_true(index < rules_count(rules));
    path = rules_file_name(rules, index);
    assert_string_equal(rules_name(rules, index), rule);
    assert_true(strlen(path) >= strlen(file));
    assert_string_equal(path + strlen(path) - strlen(file), file);
}

static void write_rule(const char *file, const char *rule)
{
    char text[512];

    snprintf(
        text, sizeof(text),
        "rule %s\n on message\n class some\n when sender is <a@%s.example>\n"
        " hit S=<a@%s.example>\n miss S=<b@%s.example>\n",
        rule, rule, rule, rule);
    folder_write(&folder, file, text);
}

static bool list_has(const struct loaded *loaded, const char *list,
                     const char *value)
{
    return rules_list_has(loaded->set.rules, list, slice_from_string(value));
}

/* ---- --rules ---- */

static void test_rules_of_a_folder_in_the_order_of_names(void **state)
{
    static const char *const others[] = {"notes.txt", "30-c.rules.bak",
                                         ".40-d.rules", ".rules", "50-e.Rules"};
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_make(&folder, "r");
    write_rule("r/20-b.rules", "b");
    write_rule("r/9-c.rules", "c");
    write_rule("r/10-a.rules", "a");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char path[64];

        snprintf(path, sizeof(path), "r/%s", others[i]);
        folder_write(&folder, path, "no rule at all\n");
    }
    name(&loaded, "r");
    assert_loaded(&loaded, 3);
    assert_int_equal(rules_count(loaded.set.rules), 3);
    assert_rule(&loaded, 0, "a", "/r/10-a.rules");
    assert_rule(&loaded, 1, "b", "/r/20-b.rules");
    assert_rule(&loaded, 2, "c", "/r/9-c.rules");
    end(&loaded);
}

/* The first rule that matches decides: their order is the user's, and none
 * replaces another of the same name. */
static void test_several_are_read_as_they_are_named(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_make(&folder, "r");
    folder_make(&folder, "s");
    folder_make(&folder, "t");
    write_rule("z.conf", "z");
    write_rule("r/20-b.rules", "b");
    write_rule("r/10-a.rules", "a");
    write_rule("s/10-a.rules", "c");
    write_rule("t/10-a.rules", "d");
    name(&loaded, "z.conf");
    name(&loaded, "r");
    name(&loaded, "s");
    name(&loaded, "t/10-a.rules");
    /* those of the machine are not read */
    folder_make(&folder, "local");
    folder_make(&folder, "installed");
    write_rule("local/10-e.rules", "e");
    write_rule("installed/10-f.rules", "f");
    assert_loaded(&loaded, 5);
    assert_int_equal(rules_count(loaded.set.rules), 5);
    assert_rule(&loaded, 0, "z", "/z.conf");
    assert_rule(&loaded, 1, "a", "/r/10-a.rules");
    assert_rule(&loaded, 2, "b", "/r/20-b.rules");
    assert_rule(&loaded, 3, "c", "/s/10-a.rules");
    assert_rule(&loaded, 4, "d", "/t/10-a.rules");
    end(&loaded);
}

static void test_what_is_not_there_refuses_all(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    write_rule("good.rules", "good");
    name(&loaded, "good.rules");
    name(&loaded, "none.rules");
    assert_refused(&loaded, "none.rules",
                   "qscan: %s: rule file cannot be read: No such file or "
                   "directory; no rule is used\n");
    assert_int_equal(loaded.complaints.count, 1);
    end(&loaded);
}

static void test_a_folder_without_rules_is_a_mistake(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_make(&folder, "r");
    folder_write(&folder, "r/README", "rules\n");
    name(&loaded, "r");
    assert_refused(&loaded, "r",
                   "qscan: %s: no *.rules file in this folder; no rule is "
                   "used\n");
    assert_int_equal(loaded.complaints.count, 1);
    end(&loaded);
}

static void test_a_folder_that_cannot_be_read(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_make(&folder, "r");
    write_rule("r/10-a.rules", "a");
    name(&loaded, "r");
    scandir_error = EACCES;
    assert_refused(&loaded, "r",
                   "qscan: %s: rule folder cannot be read: Permission denied; "
                   "no rule is used\n");
    assert_int_equal(loaded.complaints.count, 1);
    end(&loaded);
}

/* A set that lacks a rule may purge what that rule would keep. */
static void test_one_file_of_a_folder_that_cannot_be_read(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_make(&folder, "r/20-b.rules");
    write_rule("r/10-a.rules", "a");
    write_rule("r/30-c.rules", "c");
    name(&loaded, "r");
    assert_refused(&loaded, "r/20-b.rules",
                   "qscan: %s: rule file cannot be read: Is a directory; no "
                   "rule is used\n");
    assert_int_equal(loaded.complaints.count, 1);
    end(&loaded);
}

static void test_a_mistake_refuses_the_set(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_make(&folder, "r");
    write_rule("r/10-a.rules", "a");
    folder_write(&folder, "r/20-b.rules", "rule b\n on message\n clazz x\n");
    name(&loaded, "r");
    assert_false(load(&loaded));
    assert_non_null(strstr(loaded.said, "/r/20-b.rules:3:2: "));
    assert_non_null(strstr(loaded.said, "clazz"));
    assert_non_null(strstr(
        loaded.said, "\nqscan: rules: the set is refused; nothing done\n"));
    assert_null(strstr(loaded.said, "10-a"));
    assert_null(loaded.set.rules);
    assert_true(loaded.complaints.count >= 2);
    end(&loaded);
}

static void test_warnings_refuse_nothing(void **state)
{
    struct loaded loaded;

    (void)state;
    for (int is_quiet = 0; is_quiet <= 1; is_quiet++) {
        begin(&loaded);
        loaded.complaints.is_quiet = is_quiet;
        folder_write(&folder, "a.rules",
                     "rule a\n on message\n class x\n when sender is <>\n");
        name(&loaded, "a.rules");
        assert_true(load(&loaded));
        if (is_quiet)
            assert_string_equal(loaded.said, "");
        else
            assert_non_null(strstr(loaded.said, "/a.rules:1:6: warning: "));
        assert_int_equal(loaded.complaints.count, 0);
        assert_rule(&loaded, 0, "a", "/a.rules");
        end(&loaded);
    }
}

/* ---- lists ---- */

static void add_config(struct loaded *loaded)
{
    assert_true(
        string_list_add(&loaded->config.domains, SLICE_LITERAL("example.org")));
    assert_true(
        string_list_add(&loaded->config.senders, SLICE_LITERAL("example.com")));
    assert_true(string_list_add(&loaded->config.relays,
                                SLICE_LITERAL("relay.example.net")));
}

static void test_lists_of_a_queue_of_this_host(void **state)
{
    struct loaded loaded;
    char number[64];

    (void)state;
    begin(&loaded);
    write_rule("a.rules", "a");
    name(&loaded, "a.rules");
    add_config(&loaded);
    for (int i = 0; i < 200; i++) {
        snprintf(number, sizeof(number), "d%d.example", i);
        assert_true(
            string_list_add(&loaded.config.domains, slice_from_string(number)));
    }
    assert_loaded(&loaded, 1);
    assert_true(loaded.set.is_domains_known);
    assert_true(list_has(&loaded, "our-domains", "mail.example.org"));
    assert_true(list_has(&loaded, "our-domains", "d0.example"));
    assert_true(list_has(&loaded, "our-domains", "d199.example"));
    assert_false(list_has(&loaded, "our-domains", "relay.example.net"));
    assert_true(list_has(&loaded, "our-senders", "a.example.com"));
    assert_false(list_has(&loaded, "our-domains", "example.com"));
    assert_true(list_has(&loaded, "our-hosts", "relay.example.net"));
    assert_true(list_has(&loaded, "our-hosts", "198.51.100.9"));
    assert_true(list_has(&loaded, "our-hosts", "2001:db8::9"));
    assert_false(list_has(&loaded, "our-hosts", "198.51.100.8"));
    assert_false(list_has(&loaded, "our-hosts", "127.0.0.1"));
    assert_false(list_has(&loaded, "our-hosts", "example.org"));
    end(&loaded);
}

/* Where mail of ours comes from does not say what else is ours. */
static void test_lists_of_senders_alone(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    write_rule("a.rules", "a");
    name(&loaded, "a.rules");
    assert_true(
        string_list_add(&loaded.config.senders, SLICE_LITERAL("example.com")));
    assert_loaded(&loaded, 1);
    assert_true(list_has(&loaded, "our-senders", "example.com"));
    assert_false(loaded.set.is_domains_known);
    end(&loaded);
}

static void test_lists_of_a_copy_of_a_queue(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    write_rule("a.rules", "a");
    name(&loaded, "a.rules");
    add_config(&loaded);
    loaded.with_config = false;
    assert_loaded(&loaded, 1);
    assert_false(loaded.set.is_domains_known);
    assert_false(list_has(&loaded, "our-domains", "example.org"));
    assert_false(list_has(&loaded, "our-hosts", "relay.example.net"));
    assert_true(list_has(&loaded, "our-hosts", "198.51.100.9"));
    end(&loaded);
}

static void test_domains_of_a_rule_file_are_known_too(void **state)
{
    struct loaded loaded;
    char text[FOLDER_PATH_MAX + 128];

    (void)state;
    begin(&loaded);
    folder_write(&folder, "names", "example.com\n");
    snprintf(text, sizeof(text), "list our-domains\n domains %s\n",
             folder_path(&folder, "names"));
    folder_write(&folder, "a.rules", text);
    name(&loaded, "a.rules");
    assert_loaded(&loaded, 1);
    assert_true(loaded.set.is_domains_known);
    assert_true(list_has(&loaded, "our-domains", "mail.example.com"));
    end(&loaded);
    begin(&loaded);
    folder_write(&folder, "a.rules", "list some\n file names\n");
    name(&loaded, "a.rules");
    assert_false(load(&loaded));
    assert_non_null(strstr(loaded.said, "/a.rules:2:"));
    assert_non_null(strstr(loaded.said, "No such file or directory"));
    end(&loaded);
}

/* ---- without --rules ---- */

static void test_the_site_lays_its_rules_over_those_installed(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_make(&folder, "installed");
    folder_make(&folder, "local");
    write_rule("installed/10-a.rules", "a");
    write_rule("installed/20-b.rules", "b");
    write_rule("installed/30-c.rules", "c");
    write_rule("local/20-b.rules", "mine");
    write_rule("local/05-d.rules", "d");
    assert_loaded(&loaded, 4);
    assert_int_equal(rules_count(loaded.set.rules), 4);
    assert_rule(&loaded, 0, "d", LOCAL "/05-d.rules");
    assert_rule(&loaded, 1, "a", "/10-a.rules");
    assert_rule(&loaded, 2, "mine", LOCAL "/20-b.rules");
    assert_rule(&loaded, 3, "c", "/30-c.rules");
    end(&loaded);
}

static void assert_embedded(struct loaded *loaded)
{
    char file[128];

    assert_loaded(loaded, shipped_rule_count);
    assert_true(rules_count(loaded->set.rules) > 0);
    snprintf(file, sizeof(file), "shipped/%s", shipped_rules[0].name);
    assert_string_equal(rules_file_name(loaded->set.rules, 0), file);
    end(loaded);
}

static void test_the_embedded_rules_where_none_are_installed(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    assert_embedded(&loaded);
    begin(&loaded);
    folder_make(&folder, "installed");
    folder_make(&folder, "local");
    assert_embedded(&loaded);
}

static void test_the_site_lays_its_rules_over_the_embedded(void **state)
{
    struct loaded loaded;
    char file[128];

    (void)state;
    begin(&loaded);
    folder_make(&folder, "local");
    snprintf(file, sizeof(file), "local/%s", shipped_rules[0].name);
    write_rule(file, "mine");
    write_rule("local/00-first.rules", "first");
    assert_loaded(&loaded, shipped_rule_count + 1);
    assert_rule(&loaded, 0, "first", LOCAL "/00-first.rules");
    snprintf(file, sizeof(file), LOCAL "/%s", shipped_rules[0].name);
    assert_rule(&loaded, 1, "mine", file);
    end(&loaded);
}

/* What the site keeps by rules of its own must not be lost in silence. */
static void test_rules_of_the_site_that_cannot_be_read(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_write(&folder, "local", "not a folder\n");
    assert_false(load(&loaded));
    assert_string_equal(loaded.said,
                        "qscan: " LOCAL ": rule folder cannot be read: Not a "
                        "directory; no rule is used\n");
    assert_null(loaded.set.rules);
    end(&loaded);
    begin(&loaded);
    folder_make(&folder, "local/10-a.rules");
    assert_false(load(&loaded));
    assert_string_equal(loaded.said,
                        "qscan: " LOCAL "/10-a.rules: rule file cannot be "
                        "read: Is a directory; no rule is used\n");
    assert_null(loaded.set.rules);
    end(&loaded);
}

static void test_installed_rules_that_cannot_be_read(void **state)
{
    struct loaded loaded;

    (void)state;
    begin(&loaded);
    folder_make(&folder, "installed/10-a.rules");
    assert_false(load(&loaded));
    assert_non_null(strstr(loaded.said, "/10-a.rules: rule file cannot be "
                                        "read: Is a directory; no rule is "
                                        "used\n"));
    assert_null(loaded.set.rules);
    end(&loaded);
}

/* ---- one mistake ---- */

static void assert_complaint(bool is_quiet, const struct rules_problem *problem,
                             const char *said, size_t count)
{
    struct heard heard;
    struct complaints complaints;

    folder_open(&folder);
    complaints_init(&complaints, is_quiet);
    heard_begin(&heard, &folder);
    ruleset_complain(&complaints, problem);
    assert_string_equal(heard_end(&heard), said);
    assert_int_equal(complaints.count, count);
    folder_close(&folder);
}

static void test_place_what_and_why(void **state)
{
    struct rules_problem problem = {"a.rules", 7, 3, false, "unknown", "see"};

    (void)state;
    assert_complaint(false, &problem, "qscan: a.rules:7:3: unknown; see\n", 1);
    assert_complaint(true, &problem, "qscan: a.rules:7:3: unknown; see\n", 1);
    problem.column = 0;
    problem.why = "";
    assert_complaint(false, &problem, "qscan: a.rules:7: unknown\n", 1);
    problem.why = NULL;
    problem.is_warning = true;
    assert_complaint(false, &problem, "qscan: a.rules:7: warning: unknown\n",
                     0);
    assert_complaint(true, &problem, "", 0);
}

static void test_text_of_a_rule_file_steers_no_terminal(void **state)
{
    const struct rules_problem problem = {
        "\033[2J\n.rules",   1, 1, false, "no field '\033\r\x80\xc3\xa4'",
        "a\\b\xe2\x80\xae\n"};

    (void)state;
    assert_complaint(false, &problem,
                     "qscan: \\x1b[2J\\x0a.rules:1:1: no field "
                     "'\\x1b\\x0d\\x80\xc3\xa4'; a\\\\b\\xe2\\x80\\xae\\x0a\n",
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_of_a_folder_in_the_order_of_names),
        cmocka_unit_test(test_several_are_read_as_they_are_named),
        cmocka_unit_test(test_what_is_not_there_refuses_all),
        cmocka_unit_test(test_a_folder_without_rules_is_a_mistake),
        cmocka_unit_test(test_a_folder_that_cannot_be_read),
        cmocka_unit_test(test_one_file_of_a_folder_that_cannot_be_read),
        cmocka_unit_test(test_a_mistake_refuses_the_set),
        cmocka_unit_test(test_warnings_refuse_nothing),
        cmocka_unit_test(test_lists_of_a_queue_of_this_host),
        cmocka_unit_test(test_lists_of_senders_alone),
        cmocka_unit_test(test_lists_of_a_copy_of_a_queue),
        cmocka_unit_test(test_domains_of_a_rule_file_are_known_too),
        cmocka_unit_test(test_the_site_lays_its_rules_over_those_installed),
        cmocka_unit_test(test_the_embedded_rules_where_none_are_installed),
        cmocka_unit_test(test_the_site_lays_its_rules_over_the_embedded),
        cmocka_unit_test(test_rules_of_the_site_that_cannot_be_read),
        cmocka_unit_test(test_installed_rules_that_cannot_be_read),
        cmocka_unit_test(test_place_what_and_why),
        cmocka_unit_test(test_text_of_a_rule_file_steers_no_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
