#include "qscan/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parsers/hostname.h"
#include "qscan/cfclass.h"
#include "qscan/interrupt.h"
#include "qscan/maptext.h"

enum {
    CONFIG_TEXT_MAX = 64 * 1024 * 1024,
    CONFIG_DOMAINS_MAX = 1000000,
};

static int read_text(const char *path, bool waits, char **text_r, size_t *len_r)
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
    else if (waits && S_ISFIFO(st.st_mode) && fcntl(fd, F_SETFL, 0) < 0)
        error = errno;
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
        if (n < 0 && errno == EINTR && interrupt_signal() == 0)
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

int config_read_text(const char *path, char **text_r, size_t *len_r)
{
    return read_text(path, false, text_r, len_r);
}

int config_read_named(const char *path, char **text_r, size_t *len_r)
{
    return read_text(path, true, text_r, len_r);
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

/* "localhost" and macros name no domain that mail is sent to. */
static bool is_no_name(struct slice word)
{
    return word.len == 0 || slice_index(word, '$') < word.len ||
           name_is_localhost(word);
}

/* False when there was no room for it. */
static bool add_domain(struct string_list *domains, struct slice word)
{
    if (word.len > 0 && word.ptr[0] == '.')
        word = slice_skip(word, 1);
    if (is_no_name(word))
        return true;
    return domains->count < CONFIG_DOMAINS_MAX &&
           string_list_add(domains, word);
}

/* A file that the configuration names, or what it has instead. */
struct named {
    struct slice path;
    bool is_optional; /* it may be missing */
    bool is_map;      /* the text that a database was made from */
    bool lists_hosts; /* and domains */
};

/* The classes w and R may name the same file. */
static void add_fault(struct config *config, const struct named *named,
                      int error)
{
    struct config_fault *faults;
    char *copy;

    config->is_partial = true;
    for (size_t i = 0; i < config->fault_count; i++)
        if (slice_equal(slice_from_string(config->faults[i].path), named->path))
            return;
    if (config->fault_count >= CONFIG_FAULTS_MAX)
        return;
    copy = strndup(named->path.ptr, named->path.len);
    faults =
        realloc(config->faults, (config->fault_count + 1) * sizeof(*faults));
    if (faults != NULL)
        config->faults = faults;
    if (faults == NULL || copy == NULL) {
        free(copy);
        return;
    }
    faults[config->fault_count++] =
        (struct config_fault){copy, error, named->lists_hosts};
}

static bool has_database(const char *path)
{
    static const char *const suffixes[] = {"db", "pag", "cdb"};
    char name[4096 + 8];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(name, sizeof(name), "%s.%s", path, suffixes[i]);
        if (access(name, F_OK) == 0)
            return true;
    }
    return false;
}

static int read_text_of_map(const char *path, char **text_r, size_t *len_r)
{
    int error = config_read_text(path, text_r, len_r);

    if (error == ENOENT && has_database(path))
        return CONFIG_HAS_NO_TEXT;
    if (error == 0 && *len_r > 0 && memchr(*text_r, '\0', *len_r) != NULL) {
        free(*text_r);
        return CONFIG_HAS_NO_TEXT;
    }
    return error;
}

const char *config_fault_text(const struct config_fault *fault)
{
    switch (fault->error) {
    case CONFIG_HAS_NO_TEXT:
        return "only its database is there";
    case CONFIG_IS_NO_FILE:
        return "not a text file";
    case CONFIG_IS_NOT_DEFINED:
        return "a macro that sendmail.cf does not define";
    default:
        return strerror(fault->error);
    }
}

/* The text, which the caller frees; false, with the fault noted, without it.
 * What has no path is a map or a program. */
static bool read_named(struct config *config, const struct named *named,
                       char **text_r, size_t *len_r)
{
    struct slice path = named->path;
    char name[4096];
    int error;

    if (path.len > 0 && path.ptr[0] != '/')
        add_fault(config, named, CONFIG_IS_NO_FILE);
    if (path.len == 0 || path.len >= sizeof(name) || path.ptr[0] != '/')
        return false;
    memcpy(name, path.ptr, path.len);
    name[path.len] = '\0';
    error = (named->is_map ? read_text_of_map : config_read_text)(name, text_r,
                                                                  len_r);
    if (error != 0 && (error != ENOENT || !named->is_optional))
        add_fault(config, named, error);
    return error == 0;
}

struct reader {
    struct config *config;
    struct slice queue_directory;
    struct cf cf;
};

/* ---- members ---- */

static bool add_relay(struct config *config, struct slice host)
{
    return config->relays.count < CONFIG_RELAYS_MAX &&
           string_list_add(&config->relays, host);
}

/* False when there was no room for it. A host's short name is no domain, whose
 * every subdomain would be ours: there may be one of that name. */
static bool add_member(struct reader *reader, enum cf_class_kind kind,
                       struct slice word)
{
    char network[ADDRESS_IP_TEXT_MAX];
    struct config *config = reader->config;

    if (kind == CLASS_OF_SENDERS)
        return add_domain(&config->senders, word);
    if (kind == CLASS_OF_RELAYED && map_network(word, network))
        return add_relay(config, slice_from_string(network));
    if (kind == CLASS_OF_NAMES && slice_index(word, '.') == word.len &&
        slice_index(word, '[') == word.len)
        return is_no_name(word) || add_relay(config, word);
    return add_domain(&config->domains, word);
}

/* By the values of its macros; false: not known, which is noted. */
static bool expand(struct reader *reader, struct slice word,
                   char text[static CF_NAME_MAX_BYTES], struct slice *out)
{
    const struct named named = {.path = word};
    enum cf_expansion expansion = cf_expand(&reader->cf, word, text, out);

    if (expansion == CF_IS_NOT_DEFINED)
        add_fault(reader->config, &named, CONFIG_IS_NOT_DEFINED);
    return expansion == CF_EXPANDED;
}

static void read_class(struct reader *reader, struct slice rest)
{
    enum cf_class_kind kind = cf_class_kind(&reader->cf, cf_take_name(&rest));
    char text[CF_NAME_MAX_BYTES];

    if (kind == CLASS_OTHER)
        return;
    for (struct slice word = cf_next_word(&rest); word.len > 0;
         word = cf_next_word(&rest)) {
        if (slice_index(word, '$') < word.len &&
            (slice_starts(word, SLICE_LITERAL("$=")) ||
             !expand(reader, word, text, &word)))
            continue;
        add_member(reader, kind, word);
    }
}

/* Without a format it is "%s", the first word of each line. */
static bool add_members(struct reader *reader, enum cf_class_kind kind,
                        struct slice text, bool has_format)
{
    struct slice line;
    bool is_all = true;

    while (slice_next_line(&text, &line)) {
        struct slice word;

        line = slice_head(line, slice_index(line, '#'));
        do {
            word = slice_next_word(&line);
            is_all = add_member(reader, kind, word) && is_all;
        } while (has_format && word.len > 0);
    }
    return is_all;
}

/* "Fw-o /etc/mail/local-host-names %[^\#]": option, path, scanf format. */
static void read_file_class(struct reader *reader, struct slice rest)
{
    enum cf_class_kind kind = cf_class_kind(&reader->cf, cf_take_name(&rest));
    struct named named = {.path = cf_next_word(&rest)};
    char *text;
    size_t len;

    named.is_optional = slice_starts(named.path, SLICE_LITERAL("-o"));
    if (named.is_optional) {
        named.path = slice_skip(named.path, 2);
        if (named.path.len == 0)
            named.path = cf_next_word(&rest);
    }
    if (kind == CLASS_OTHER || !read_named(reader->config, &named, &text, &len))
        return;
    if (!add_members(reader, kind, slice_make(text, len),
                     cf_next_word(&rest).len > 0))
        add_fault(reader->config, &named, EFBIG);
    free(text);
}

/* ---- lines ---- */

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

static void read_option(struct reader *reader, struct slice rest)
{
    struct config *config = reader->config;
    struct slice name, value;
    size_t equals;

    rest = slice_trim(rest);
    equals = slice_index(rest, '=');
    if (equals == rest.len)
        return;
    name = slice_trim(slice_head(rest, equals));
    value = slice_trim(slice_skip(rest, equals + 1));
    if (slice_equal_nocase(name, SLICE_LITERAL("QueueDirectory"))) {
        reader->queue_directory = value;
    } else if (slice_equal_nocase(name, SLICE_LITERAL("Timeout.queuereturn")) ||
               slice_equal_nocase(name,
                                  SLICE_LITERAL("Timeout.queuereturn.dsn"))) {
        int64_t sec = config_duration(value, 24 * 3600);

        if (sec > 0)
            config->return_sec = sec;
    } else if (slice_equal_nocase(name, SLICE_LITERAL("FallbackMXhost")) ||
               slice_equal_nocase(name, SLICE_LITERAL("FallbackSmartHost"))) {
        map_add_hosts(&config->relays, CONFIG_RELAYS_MAX, cf_next_word(&value));
    }
}

/* "OQ/var/spool/mqueue", "OVbackup.example": before 8.7 */
static void read_short_option(struct reader *reader, struct slice rest)
{
    struct slice value = slice_trim(slice_skip(rest, 1));

    if (rest.ptr[0] == 'Q')
        reader->queue_directory = value;
    else if (rest.ptr[0] == 'V')
        map_add_hosts(&reader->config->relays, CONFIG_RELAYS_MAX,
                      cf_next_word(&value));
}

/* "DSrelay.example", "DSesmtp:[relay.example]": a mailer may stand before. */
static void read_relays(struct config *config, struct slice rest)
{
    struct slice value = cf_next_word(&rest);
    size_t colon = slice_index(value, ':');

    if (colon < value.len && value.ptr[0] != '[')
        value = slice_skip(value, colon + 1);
    map_add_hosts(&config->relays, CONFIG_RELAYS_MAX, value);
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

static bool add_map_names(struct config *config, const struct map_names *names)
{
    bool is_all = !names->is_cut;

    for (size_t i = 0; i < names->domains.count; i++)
        is_all = add_domain(&config->domains,
                            slice_from_string(names->domains.strings[i])) &&
                 is_all;
    for (size_t i = 0; i < names->senders.count; i++)
        is_all = add_domain(&config->senders,
                            slice_from_string(names->senders.strings[i])) &&
                 is_all;
    for (size_t i = 0; i < names->hosts.count; i++)
        is_all =
            add_relay(config, slice_from_string(names->hosts.strings[i])) &&
            is_all;
    return is_all;
}

/* "Kmailertable hash -o -T<TMPF> /etc/mail/mailertable": the text has the name
 * of the map without its suffix. */
static void read_map(struct config *config, struct slice rest)
{
    struct slice line = rest;
    struct slice map = cf_next_word(&rest);
    struct slice type = cf_next_word(&rest), suffix = SLICE_LITERAL(".db");
    struct named named = {.is_map = true, .lists_hosts = true};
    struct map_names names;
    char *text;
    size_t len;

    /* FEATURE(relay_based_on_MX): who names us in the DNS, is ours */
    if (slice_equal_nocase(map, SLICE_LITERAL("mxserved")))
        config->is_partial = true;
    if (!map_is_known(map))
        return;
    if (!is_map_made_of_text(type)) {
        named.path = slice_head(line, (size_t)(rest.ptr - line.ptr));
        add_fault(config, &named, CONFIG_IS_NO_FILE);
        return;
    }
    do {
        named.path = cf_next_word(&rest);
        if (slice_equal(named.path, SLICE_LITERAL("-o")))
            named.is_optional = true;
    } while (named.path.len > 0 && named.path.ptr[0] != '/');
    if (slice_ends(named.path, suffix))
        named.path.len -= suffix.len;
    if (!read_named(config, &named, &text, &len))
        return;
    map_names_read(&names, map, slice_make(text, len));
    free(text);
    if (!add_map_names(config, &names))
        add_fault(config, &named, EFBIG);
    map_names_free(&names);
}

static void read_macro(struct config *config, struct slice rest)
{
    char macro = rest.ptr[0];

    rest = slice_skip(rest, 1);
    if (slice_index(SLICE_LITERAL("SHR"), macro) < 3)
        read_relays(config, rest);
    else if (macro == 'M')
        add_domain(&config->senders, cf_next_word(&rest));
}

static void read_line(struct reader *reader, struct slice line)
{
    char code = line.ptr[0];
    struct slice rest = slice_skip(line, 1);

    if (code == 'O' && rest.len > 0 && byte_is_blank(rest.ptr[0])) {
        read_option(reader, rest);
    } else if (code == 'O' && rest.len > 0) {
        read_short_option(reader, rest);
    } else if (code == 'Q') {
        read_queue_group(reader->config, rest);
    } else if (code == 'C') {
        read_class(reader, rest);
    } else if (code == 'F') {
        read_file_class(reader, rest);
    } else if (code == 'K') {
        read_map(reader->config, rest);
    } else if (code == 'D' && rest.len > 1) {
        read_macro(reader->config, rest);
    }
}

static bool is_our_class(struct slice rest)
{
    return rest.len > 0 && (rest.ptr[0] == 'w' || rest.ptr[0] == 'R');
}

/* "w/etc/mail/names", "{x}-o /names": where names come from */
static bool is_file_class(struct slice rest)
{
    if (is_our_class(rest) || slice_starts(rest, SLICE_LITERAL("{")))
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
               is_our_class(rest);
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

/* A line and those that go on with it, which begin with a blank. */
static bool next_folded(struct slice *rest, struct slice *line)
{
    struct slice more;

    if (!slice_next_line(rest, line))
        return false;
    while (rest->len > 0 && byte_is_blank(rest->ptr[0]) &&
           slice_next_line(rest, &more))
        line->len = (size_t)(more.ptr + more.len - line->ptr);
    return true;
}

static bool next_line(struct slice *rest, struct slice *line)
{
    while (next_folded(rest, line))
        if (line->len > 0 && line->ptr[0] != '#' &&
            !byte_is_space(line->ptr[0]))
            return true;
    return false;
}

/* "T1795375579", when the message came: no cf trusts such a user. */
static bool is_of_queue(struct slice line)
{
    int64_t time;

    return line.ptr[0] == 'T' && line.len > 9 &&
           slice_to_integer(slice_trim(slice_skip(line, 1)), &time);
}

/* An empty file is what a full disk leaves of one; nobody writes that for a
 * configuration that says nothing. */
static int read_lines(struct config *config, struct slice text)
{
    struct reader reader = {.config = config};
    bool is_cf = false;
    struct slice rest = text, line;

    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
        return CONFIG_IS_NONE;
    while (next_line(&rest, &line)) {
        if (is_of_queue(line))
            return CONFIG_IS_NONE;
        is_cf = is_cf ||
                is_configuration(slice_head(line, slice_index(line, '\n')));
        if (line.ptr[0] == 'C')
            cf_note_references(&reader.cf, slice_skip(line, 1));
        else if (line.ptr[0] == 'D')
            cf_note_macro(&reader.cf, slice_skip(line, 1));
    }
    if (!is_cf)
        return CONFIG_IS_NONE;
    cf_find_our_classes(&reader.cf);
    rest = text;
    while (next_line(&rest, &line))
        read_line(&reader, line);
    if (reader.queue_directory.len > 0)
        string_list_add(&config->queues, reader.queue_directory);
    return 0;
}

static bool is_regular(const char *file)
{
    struct stat st;

    return stat(file, &st) == 0 && S_ISREG(st.st_mode);
}

static int read_cf(struct config *config, const char *file, bool is_named)
{
    char *text;
    size_t len;
    int error = is_named ? config_read_named(file, &text, &len)
                         : config_read_text(file, &text, &len);

    if (error != ENOENT)
        config->file = strdup(file);
    if (error != 0)
        return error;
    if (len > 0 || is_regular(file))
        error = read_lines(config, slice_make(text, len));
    free(text);
    return error;
}

int config_read(struct config *config, const char *file)
{
    static const char *const usual[] = {
        "/etc/mail/sendmail.cf", "/etc/sendmail.cf", "/usr/lib/sendmail.cf"};
    int error = 0;

    *config = (struct config){.return_sec = CONFIG_RETURN_SEC};
    if (file != NULL)
        return read_cf(config, file, true);
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        error = read_cf(config, usual[i], false);
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
    string_list_free(&config->senders);
    string_list_free(&config->relays);
    *config = (struct config){0};
}
