#include "qscan/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CONFIG_TEXT_MAX = 64 * 1024 * 1024,
    CONFIG_DOMAINS_MAX = 1000000,
    CONFIG_MAILERTABLE_HOSTS_MAX = 1000000, /* before they are told apart */
};

bool string_list_add(struct string_list *list, struct slice text)
{
    char *copy = strndup(text.len == 0 ? "" : text.ptr, text.len);

    if (copy == NULL)
        return false;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        char **strings = realloc(list->strings, capacity * sizeof(*strings));

        if (strings == NULL) {
            free(copy);
            return false;
        }
        list->strings = strings;
        list->capacity = capacity;
    }
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

int config_read_text(const char *path, char **text_r, size_t *len_r)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    char *text = NULL;
    size_t len = 0, capacity = 0;
    int error = 0;

    if (fd < 0)
        return errno;
    if (fstat(fd, &st) < 0)
        error = errno;
    else if (S_ISDIR(st.st_mode))
        error = EISDIR;
    while (error == 0) {
        ssize_t n;

        if (len == capacity) {
            capacity = capacity == 0 ? 16384 : capacity * 2;
            char *more = realloc(text, capacity);
            if (more == NULL || capacity > CONFIG_TEXT_MAX) {
                text = more == NULL ? text : more;
                error = more == NULL ? ENOMEM : EFBIG;
                break;
            }
            text = more;
        }
        n = read(fd, text + len, capacity - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            error = errno;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    if (error != 0) {
        free(text);
        return error;
    }
    *text_r = text;
    *len_r = len;
    return 0;
}

int64_t config_duration(struct slice text, int64_t default_unit_sec)
{
    int64_t total = 0;

    text = slice_trim(text);
    if (text.len == 0)
        return -1;
    while (text.len > 0) {
        size_t digits = 0;
        int64_t number;
        int64_t unit = default_unit_sec;

        while (digits < text.len && byte_is_digit(text.ptr[digits]))
            digits++;
        if (digits == 0 || digits > 9 ||
            !slice_to_integer(slice_head(text, digits), &number))
            return -1;
        text = slice_skip(text, digits);
        if (text.len > 0) {
            switch (text.ptr[0]) {
            case 's':
                unit = 1;
                break;
            case 'm':
                unit = 60;
                break;
            case 'h':
                unit = 3600;
                break;
            case 'd':
                unit = 24 * 3600;
                break;
            case 'w':
                unit = 7 * 24 * 3600;
                break;
            default:
                return -1;
            }
            text = slice_skip(text, 1);
        }
        total += number * unit;
    }
    return total;
}

static struct slice next_word(struct slice *rest)
{
    size_t end = 0;
    struct slice word;

    while (rest->len > 0 && byte_is_space(rest->ptr[0]))
        *rest = slice_skip(*rest, 1);
    while (end < rest->len && !byte_is_space(rest->ptr[end]))
        end++;
    word = slice_head(*rest, end);
    *rest = slice_skip(*rest, end);
    return word;
}

static void add_domain(struct config *config, struct slice word)
{
    if (word.len > 0 && word.ptr[0] == '.')
        word = slice_skip(word, 1);
    /* "localhost" and macros name no domain that mail is sent to. */
    if (word.len == 0 || slice_index(word, '$') < word.len ||
        slice_equal_nocase(word, SLICE_LITERAL("localhost")) ||
        config->domains.count >= CONFIG_DOMAINS_MAX)
        return;
    string_list_add(&config->domains, word);
}

/* The classes w and R may name the same file. */
static void add_fault(struct config *config, const char *path, int error,
                      bool is_of_relays)
{
    struct config_fault *faults;
    char *copy;

    for (size_t i = 0; i < config->fault_count; i++)
        if (strcmp(config->faults[i].path, path) == 0)
            return;
    if (config->fault_count >= CONFIG_FAULTS_MAX)
        return;
    copy = strdup(path);
    faults =
        realloc(config->faults, (config->fault_count + 1) * sizeof(*faults));
    if (faults != NULL)
        config->faults = faults;
    if (faults == NULL || copy == NULL) {
        free(copy);
        return;
    }
    faults[config->fault_count++] =
        (struct config_fault){copy, error, is_of_relays};
}

/* The text of a file that the configuration names, which the caller frees;
 * false, with the fault noted, without it. What has no path is a map or a
 * program. */
static bool read_named(struct config *config, struct slice path,
                       bool is_optional, bool is_of_relays, char **text_r,
                       size_t *len_r)
{
    char name[4096];
    int error;

    if (path.len == 0 || path.len >= sizeof(name) || path.ptr[0] != '/')
        return false;
    memcpy(name, path.ptr, path.len);
    name[path.len] = '\0';
    error = config_read_text(name, text_r, len_r);
    if (error != 0 && (error != ENOENT || !is_optional))
        add_fault(config, name, error, is_of_relays);
    return error == 0;
}

static void add_domain_file(struct config *config, struct slice path,
                            bool is_optional)
{
    char *text;
    size_t len;
    struct slice rest, line;

    if (!read_named(config, path, is_optional, false, &text, &len))
        return;
    rest = slice_make(text, len);
    while (slice_next_line(&rest, &line)) {
        struct slice word;

        line = slice_head(line, slice_index(line, '#'));
        word = next_word(&line);
        add_domain(config, word);
    }
    free(text);
}

/* "w", "{w}" or "R" at the start of a C or F line; takes it off. */
static bool take_our_class(struct slice *rest)
{
    static const char *const names[] = {"w", "R", "{w}", "{R}", "{VirtHost}"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice name = slice_from_string(names[i]);

        if (slice_starts(*rest, name)) {
            *rest = slice_skip(*rest, name.len);
            return true;
        }
    }
    return false;
}

/* "Fw-o /etc/mail/local-host-names %[^\#]": option, path, scanf format. */
static void read_file_class(struct config *config, struct slice rest)
{
    struct slice word = next_word(&rest);
    bool is_optional = slice_starts(word, SLICE_LITERAL("-o"));

    if (is_optional) {
        word = slice_skip(word, 2);
        if (word.len == 0)
            word = next_word(&rest);
    }
    add_domain_file(config, word, is_optional);
}

/* "Qname, P=/dir/pfx*, F=f, R=2" */
static void read_queue_group(struct config *config, struct slice rest)
{
    while (rest.len > 0) {
        size_t end = slice_index(rest, ',');
        struct slice part = slice_trim(slice_head(rest, end));

        if (slice_starts(part, SLICE_LITERAL("P="))) {
            string_list_add(&config->queues, slice_trim(slice_skip(part, 2)));
        } else if (slice_starts(part, SLICE_LITERAL("Path="))) {
            string_list_add(&config->queues, slice_trim(slice_skip(part, 5)));
        }
        rest = slice_skip(rest, end + 1);
    }
}

/* A macro ("$w.example"), part of the key ("%1.example"), a socket and a user
 * are no names of hosts. */
static bool is_host(struct slice host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] == '\0' || strchr("$%@/\"", host.ptr[i]) != NULL)
            return false;
    return host.len > 0;
}

/* "relay.example", "[relay.example]:[192.0.2.9]": names or literals */
static void add_hosts(struct string_list *hosts, size_t max, struct slice text)
{
    while (text.len > 0 && hosts->count < max) {
        bool is_literal = text.ptr[0] == '[';
        size_t end = slice_index(text, is_literal ? ']' : ':');
        struct slice host = slice_head(text, end);

        if (is_literal)
            host = slice_skip(host, 1);
        if (is_host(host))
            string_list_add(hosts, host);
        text = slice_skip(text, end + 1);
    }
}

/* "DSrelay.example", "DSesmtp:[relay.example]": a mailer may stand before. */
static void read_relays(struct config *config, struct slice rest)
{
    struct slice value = next_word(&rest);
    size_t colon = slice_index(value, ':');

    if (colon < value.len && value.ptr[0] != '[')
        value = slice_skip(value, colon + 1);
    add_hosts(&config->relays, CONFIG_RELAYS_MAX, value);
}

static void read_option(struct config *config, struct slice rest,
                        struct slice *queue_directory)
{
    struct slice name, value;
    size_t equals;

    rest = slice_trim(rest);
    equals = slice_index(rest, '=');
    if (equals == rest.len)
        return;
    name = slice_trim(slice_head(rest, equals));
    value = slice_trim(slice_skip(rest, equals + 1));
    if (slice_equal_nocase(name, SLICE_LITERAL("QueueDirectory"))) {
        *queue_directory = value;
    } else if (slice_equal_nocase(name, SLICE_LITERAL("FallbackMXhost")) ||
               slice_equal_nocase(name, SLICE_LITERAL("FallbackSmartHost"))) {
        read_relays(config, value);
    } else if (slice_equal_nocase(name, SLICE_LITERAL("Timeout.queuereturn")) ||
               slice_equal_nocase(name,
                                  SLICE_LITERAL("Timeout.queuereturn.dsn"))) {
        int64_t sec = config_duration(value, 24 * 3600);

        if (sec > 0)
            config->return_sec = sec;
    }
}

/* What stands behind their names is a user, or words. */
static bool is_mailer_without_host(struct slice mailer)
{
    static const char *const names[] = {"error", "local",    "discard",
                                        "prog",  "procmail", "usenet"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_equal_nocase(mailer, slice_from_string(names[i])))
            return true;
    return false;
}

/* The next line of a map's text that has a key. */
static bool next_map_line(struct slice *text, struct slice *line_r)
{
    while (slice_next_line(text, line_r))
        if (line_r->len > 0 && line_r->ptr[0] != '#' &&
            !byte_is_space(line_r->ptr[0]))
            return true;
    return false;
}

/* "example.org <TAB> esmtp:[mail.example.org]": the domain may be one that only
 * mail from here is for. */
static void read_mailertable_line(struct string_list *hosts, struct slice line)
{
    struct slice value;
    size_t colon;

    next_word(&line);
    value = next_word(&line);
    colon = slice_index(value, ':');
    if (!is_mailer_without_host(slice_head(value, colon)))
        add_hosts(hosts, CONFIG_MAILERTABLE_HOSTS_MAX,
                  slice_skip(value, colon + 1));
}

/* Most lines of a mailertable may name the same few hosts. */
static void read_mailertable(struct config *config, struct slice text)
{
    struct string_list hosts = {0};
    struct slice line;

    while (next_map_line(&text, &line))
        read_mailertable_line(&hosts, line);
    string_list_sort(&hosts);
    for (size_t i = 0;
         i < hosts.count && config->relays.count < CONFIG_RELAYS_MAX; i++)
        if (i == 0 || strcmp(hosts.strings[i], hosts.strings[i - 1]) != 0)
            string_list_add(&config->relays,
                            slice_from_string(hosts.strings[i]));
    string_list_free(&hosts);
}

static const struct slice six_tag = SLICE_TEXT("IPv6:");

/* "192.0.2" is a network of the access map, as is "IPv6:2001:db8:1": as lists
 * of networks have it. Absent of what is none. */
static struct slice network_of(struct slice key, char room[static 80])
{
    bool is_six = key.len > six_tag.len && slice_starts_nocase(key, six_tag);
    struct slice text = is_six ? slice_skip(key, six_tag.len) : key;
    int parts = 1, all = is_six ? 8 : 4;

    if (text.len > 40)
        return (struct slice){NULL, 0};
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == (is_six ? ':' : '.'))
            parts++;
        else if (!(is_six ? isxdigit((unsigned char)text.ptr[i]) != 0
                          : byte_is_digit(text.ptr[i])))
            return (struct slice){NULL, 0};
    }
    if (parts >= all || slice_find(text, SLICE_LITERAL("::")) < text.len)
        return text;
    snprintf(room, 80, "%.*s%s/%d", (int)text.len, text.ptr,
             is_six       ? "::"
             : parts == 1 ? ".0.0.0"
             : parts == 2 ? ".0.0"
                          : ".0",
             parts * (is_six ? 16 : 8));
    return slice_from_string(room);
}

/* "To:", "Connect:" or "From:", or nothing; false: of another kind. */
static bool take_tag(struct slice *key)
{
    static const char *const tags[] = {"To:", "Connect:", "From:"};

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        struct slice tag = slice_from_string(tags[i]);

        if (slice_starts_nocase(*key, tag)) {
            *key = slice_skip(*key, tag.len);
            return true;
        }
    }
    return slice_index(*key, ':') == key->len ||
           slice_starts_nocase(*key, six_tag);
}

/* "example.org <TAB> RELAY", "Connect:192.0.2 RELAY": whom we relay for. */
static void read_access_line(struct config *config, struct slice line)
{
    char room[80];
    struct slice key = next_word(&line), network;
    size_t at;

    if (!slice_equal_nocase(next_word(&line), SLICE_LITERAL("RELAY")) ||
        !take_tag(&key))
        return;
    network = network_of(key, room);
    at = slice_index(key, '@');
    if (network.len == 0)
        add_domain(config, at < key.len ? slice_skip(key, at + 1) : key);
    else if (config->relays.count < CONFIG_RELAYS_MAX)
        string_list_add(&config->relays, network);
}

static void read_access(struct config *config, struct slice text)
{
    struct slice line;

    while (next_map_line(&text, &line))
        read_access_line(config, line);
}

static bool is_map_made_of_text(struct slice type)
{
    static const char *const types[] = {"hash", "btree", "dbm",
                                        "cdb",  "text",  "implicit"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_equal_nocase(type, slice_from_string(types[i])))
            return true;
    return false;
}

/* "Kmailertable hash -o -T<TMPF> /etc/mail/mailertable": the text has the name
 * of the map without its suffix. */
static void read_map(struct config *config, struct slice rest)
{
    struct slice name = next_word(&rest), type = next_word(&rest), file;
    bool is_access = slice_equal_nocase(name, SLICE_LITERAL("access"));
    char *text;
    size_t len;

    if ((!is_access &&
         !slice_equal_nocase(name, SLICE_LITERAL("mailertable"))) ||
        !is_map_made_of_text(type))
        return;
    do
        file = next_word(&rest);
    while (file.len > 0 && file.ptr[0] != '/');
    if (file.len > 3 &&
        slice_equal(slice_skip(file, file.len - 3), SLICE_LITERAL(".db")))
        file = slice_head(file, file.len - 3);
    if (!read_named(config, file, true, true, &text, &len))
        return;
    if (len > 0 && memchr(text, '\0', len) == NULL)
        (is_access ? read_access : read_mailertable)(config,
                                                     slice_make(text, len));
    free(text);
}

static void read_line(struct config *config, struct slice line,
                      struct slice *queue_directory)
{
    char code = line.ptr[0];
    struct slice rest = slice_skip(line, 1);

    if (code == 'O' && rest.len > 0 && rest.ptr[0] == 'Q') {
        *queue_directory = slice_trim(slice_skip(rest, 1)); /* before 8.7 */
    } else if (code == 'O' && rest.len > 0 && byte_is_blank(rest.ptr[0])) {
        read_option(config, rest, queue_directory);
    } else if (code == 'Q') {
        read_queue_group(config, rest);
    } else if (code == 'C' && take_our_class(&rest)) {
        for (struct slice word = next_word(&rest); word.len > 0;
             word = next_word(&rest))
            add_domain(config, word);
    } else if (code == 'F' && take_our_class(&rest)) {
        read_file_class(config, rest);
    } else if (code == 'K') {
        read_map(config, rest);
    } else if (code == 'D' && rest.len > 1 &&
               slice_index(SLICE_LITERAL("SHR"), rest.ptr[0]) < 3) {
        read_relays(config, slice_skip(rest, 1));
    }
}

/* "w/etc/mail/names", "{x}-o /names": where names come from */
static bool is_file_class(struct slice rest)
{
    if (take_our_class(&rest) || slice_starts(rest, SLICE_LITERAL("{")))
        return true;
    rest = slice_trim(slice_skip(rest, 1));
    return rest.len > 0 && strchr("/-|@", rest.ptr[0]) != NULL;
}

/* Prose, and the m4 that a cf is made from, begin lines with capitals, too:
 * what follows must fit. A cf without any of these does not exist. */
static bool is_configuration(struct slice line)
{
    struct slice rest = slice_skip(line, 1);

    switch (line.ptr[0]) {
    case 'V':
        return rest.len > 0 && byte_is_digit(rest.ptr[0]);
    case 'O':
        return slice_starts(rest, SLICE_LITERAL("Q")) ||
               (rest.len > 0 && byte_is_blank(rest.ptr[0]) &&
                slice_index(rest, '=') < rest.len);
    case 'D':
        return rest.len > 0 && slice_index(rest, ' ') == rest.len &&
               slice_index(rest, '(') == rest.len;
    case 'C':
        return slice_starts(rest, SLICE_LITERAL("{")) ||
               (rest.len > 1 && byte_is_blank(rest.ptr[1])) ||
               take_our_class(&rest);
    case 'F':
        return is_file_class(rest);
    case 'R':
        return slice_index(rest, '\t') < rest.len;
    case 'M':
        return slice_find(rest, SLICE_LITERAL("P=")) < rest.len;
    case 'Q':
        return slice_index(rest, '=') < rest.len;
    case 'H':
        return slice_starts(rest, SLICE_LITERAL("?"));
    default:
        return false;
    }
}

static int read_cf(struct config *config, const char *file)
{
    char *text;
    size_t len;
    bool has_lines = false, is_cf = false;
    struct slice rest, line;
    struct slice queue_directory = {NULL, 0};
    int error = config_read_text(file, &text, &len);

    if (error != ENOENT)
        config->file = strdup(file);
    if (error != 0)
        return error;
    rest = slice_make(text, len);
    while (slice_next_line(&rest, &line)) {
        if (line.len == 0 || line.ptr[0] == '#' || byte_is_blank(line.ptr[0]))
            continue;
        has_lines = true;
        is_cf = is_cf || is_configuration(line);
        read_line(config, line, &queue_directory);
    }
    if (has_lines && !is_cf) {
        free(text);
        return CONFIG_IS_NONE;
    }
    if (queue_directory.len > 0)
        string_list_add(&config->queues, queue_directory);
    free(text);
    return 0;
}

int config_read(struct config *config, const char *file)
{
    static const char *const usual[] = {
        "/etc/mail/sendmail.cf", "/etc/sendmail.cf", "/usr/lib/sendmail.cf"};
    int error = 0;

    *config = (struct config){.return_sec = CONFIG_RETURN_SEC};
    if (file != NULL)
        return read_cf(config, file);
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        error = read_cf(config, usual[i]);
        if (error != ENOENT)
            return error;
    }
    return 0;
}

void config_free(struct config *config)
{
    free(config->file);
    for (size_t i = 0; i < config->fault_count; i++)
        free(config->faults[i].path);
    free(config->faults);
    string_list_free(&config->queues);
    string_list_free(&config->domains);
    string_list_free(&config->relays);
    *config = (struct config){0};
}
