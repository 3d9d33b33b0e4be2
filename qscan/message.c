#include "qscan/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "parsers/array.h"
#include "parsers/bytes.h"
#include "parsers/hash.h"
#include "parsers/header.h"

enum { SCRATCH_BYTES = 16 * 1024 };

void message_init(struct message *message, const struct scene *scene)
{
    *message = (struct message){.scene = scene, .data_folder = -1};
    input_init(&message->control_input);
    input_init(&message->data_input);
    qf_init(&message->qf);
    dsn_init(&message->dsn);
}

void message_free(struct message *message)
{
    input_free(&message->control_input);
    input_free(&message->data_input);
    qf_free(&message->qf);
    dsn_free(&message->dsn);
    for (size_t i = 0; i < MESSAGE_VALUES; i++)
        free(message->values[i].items);
    free(message->scratch);
    arena_free(&message->scratch_more);
    *message = (struct message){0};
}

static void begin(struct message *message, const struct facts *row)
{
    message->row = row;
    message->id = facts_id(row);
    message->has_control_stat = message->has_data_stat = false;
    message->data_folder = -1;
    message->wants_data_stat = message->scene->basis_before != 0;
    message->data_state = DATA_NOT_READ;
    message->is_dsn_parsed = false;
    message->has_own_kind = message->has_source_ours = false;
    message->has_first_domain = message->has_first_status = false;
    message->known = 0;
    message->has_failed = false;
    message->is_own_report = message->has_null_sender = false;
    message->scratch_used = 0;
    arena_free(&message->scratch_more);
}

/* Room that lives as long as the message; NULL without memory. */
static char *scratch(struct message *message, size_t bytes)
{
    char *place;

    if (message->scratch == NULL) {
        message->scratch = calloc(1, SCRATCH_BYTES); /* as in input.c */
        message->scratch_capacity =
            message->scratch == NULL ? 0 : SCRATCH_BYTES;
    }
    if (message->scratch_capacity - message->scratch_used < bytes) {
        place = arena_alloc(&message->scratch_more, bytes + 1);
        message->has_failed = message->has_failed || place == NULL;
        return place;
    }
    place = message->scratch + message->scratch_used;
    message->scratch_used += bytes;
    return place;
}

static struct slice lower(struct message *message, struct slice text)
{
    char *copy;

    if (text.len == 0)
        return text;
    copy = scratch(message, text.len);
    if (copy == NULL)
        return (struct slice){NULL, 0};
    return bytes_lower(copy, text);
}

/* Where df lies: beside the control file, or where the d line says. */
static void resolve_data_folder(struct message *message)
{
    const struct queue_set *queues = message->scene->queues;
    uint16_t dir = message->row->dir;

    if (!slice_is_absent(message->qf.data_dir) && !message->row->is_held)
        dir = queue_find_dir(queues, message->qf.data_dir);
    message->data_folder =
        dir == FACTS_NO_DIR ? -1 : queues->folders[queues->dirs[dir].data].fd;
}

enum input_outcome message_parse(struct message *message)
{
    message->qf_outcome = qf_parse(&message->qf, message->control);
    if (!input_is_intact(&message->control_input))
        message->qf_outcome = QF_TRUNCATED;
    if (message->qf_outcome == QF_NO_MEMORY) {
        message->control_input.error = ENOMEM;
        return INPUT_FAILED;
    }
    message->is_own_report = qf_has_flag(&message->qf, 'r');
    message->has_null_sender = !slice_is_absent(message->qf.sender) &&
                               address_bare(message->qf.sender).len == 0;
    resolve_data_folder(message);
    return INPUT_OK;
}

/* Files that wait to be closed are closed when there can be no more. */
static int open_file(struct message *message, struct input *in, int folder,
                     const char *name, enum input_outcome *outcome_r)
{
    int fd = input_open(in, folder, name, outcome_r);

    if (fd >= 0 || message->closing == NULL ||
        (in->error != EMFILE && in->error != ENFILE))
        return fd;
    closing_close(message->closing);
    return input_open(in, folder, name, outcome_r);
}

static void close_file(struct message *message, int fd)
{
    if (message->closing == NULL)
        close(fd);
    else
        closing_add(message->closing, fd);
}

enum input_outcome message_read(struct message *message,
                                const struct facts *row, bool want_stat)
{
    const struct queue_set *queues = message->scene->queues;
    char name[QUEUE_HELD_NAME_MAX];
    enum input_outcome outcome;
    int fd;

    begin(message, row);
    if (!row->is_regular)
        want_stat = true; /* a link or a FIFO by the directory's word */
    if (!queue_file_name(name, row->letter, message->id, row->is_held))
        return INPUT_GONE;
    fd = open_file(message, &message->control_input,
                   queues->folders[queues->dirs[row->dir].control].fd, name,
                   &outcome);
    if (fd < 0)
        return outcome;
    outcome = input_read(&message->control_input, fd,
                         want_stat ? &message->control_stat : NULL,
                         &message->control);
    message->has_control_stat = want_stat && outcome == INPUT_OK;
    close_file(message, fd);
    return outcome;
}

enum input_outcome message_load(struct message *message,
                                const struct facts *row, bool want_stat)
{
    enum input_outcome outcome = message_read(message, row, want_stat);

    return outcome == INPUT_OK ? message_parse(message) : outcome;
}

enum input_outcome message_load_locked(struct message *message,
                                       const struct facts *row, int fd,
                                       const struct stat *st)
{
    enum input_outcome outcome;

    begin(message, row);
    message->wants_data_stat = true;
    message->control_stat = *st;
    outcome = input_read(&message->control_input, fd, NULL, &message->control);
    message->has_control_stat = outcome == INPUT_OK;
    if (outcome != INPUT_OK)
        return outcome;
    /* what was read must be what was looked at */
    if ((int64_t)message->control.len != st->st_size)
        message->control.len = 0;
    return message_parse(message);
}

bool message_need_data_stat(struct message *message)
{
    char name[QUEUE_HELD_NAME_MAX];

    if (message->has_data_stat)
        return true;
    if (message->data_folder < 0 ||
        !queue_file_name(name, 'd', message->id, message->row->is_held) ||
        fstatat(message->data_folder, name, &message->data_stat,
                AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    message->has_data_stat = true;
    return true;
}

uint64_t message_basis(struct message *message)
{
    const uint64_t *key = message->scene->basis_key;
    const struct stat *st = &message->data_stat;
    uint64_t words[6];

    /* a mapped file may have changed since it was judged */
    if (message->control_input.map != NULL ||
        message->data_state == DATA_MISSING ||
        message->data_state == DATA_UNREADABLE ||
        !message_need_data_stat(message) || !S_ISREG(st->st_mode))
        return 0;
    words[0] = keyed_hash(key, message->control);
    words[1] = st->st_dev;
    words[2] = st->st_ino;
    words[3] = (uint64_t)st->st_size;
    words[4] = (uint64_t)message_nsec(&st->st_mtim);
    words[5] = (uint64_t)message_nsec(&st->st_ctim);
    return keyed_hash(key, slice_make((const char *)words, sizeof(words)));
}

bool message_is_as_then(const struct message *message,
                        const struct rules *rules, int64_t then)
{
    int64_t now = message->scene->now;
    const struct qf *qf = &message->qf;

    return !(qf->has_created && rules_turn(rules, FIELD_AGE, then - qf->created,
                                           now - qf->created)) &&
           !(qf->has_last_attempt &&
             rules_turn(rules, FIELD_IDLE, then - qf->last_attempt,
                        now - qf->last_attempt));
}

int64_t message_data_bytes(struct message *message)
{
    if (message->data_state == DATA_READ)
        return (int64_t)message->data.len;
    return message_need_data_stat(message) ? message->data_stat.st_size : -1;
}

void message_need_data(struct message *message)
{
    char name[QUEUE_HELD_NAME_MAX];
    enum input_outcome outcome;
    int fd;

    if (message->data_state != DATA_NOT_READ)
        return;
    message->data_state = DATA_MISSING;
    message->has_data_stat = false; /* it may be another by now */
    message->data = (struct slice){NULL, 0};
    if (message->data_folder < 0 ||
        !queue_file_name(name, 'd', message->id, message->row->is_held))
        return;
    fd = open_file(message, &message->data_input, message->data_folder, name,
                   &outcome);
    if (fd >= 0) {
        outcome =
            input_read(&message->data_input, fd,
                       message->wants_data_stat ? &message->data_stat : NULL,
                       &message->data);
        message->has_data_stat =
            message->wants_data_stat && outcome == INPUT_OK;
        close_file(message, fd);
    }
    if (outcome != INPUT_GONE)
        message->data_state = outcome == INPUT_OK ? DATA_READ : DATA_UNREADABLE;
}

void message_need_dsn(struct message *message)
{
    bool is_own = message_is_own_report(message);

    if (message->is_dsn_parsed)
        return;
    message->is_dsn_parsed = true;
    message->dsn_outcome = DSN_NOT_A_REPORT;
    message->has_path = false;
    if (!is_own && !message_has_null_sender(message))
        return;
    message_need_data(message);
    if (message->data_state != DATA_READ) {
        message->dsn_outcome = DSN_INCOMPLETE;
        message->dsn.recipient_count = 0;
        message->dsn.has_source = message->dsn.has_expired = false;
        message->dsn.kind = is_own ? message_dsn_kind(message) : DSN_NONE;
        message->dsn.parent_id = (struct slice){NULL, 0};
        return;
    }
    message->dsn_outcome =
        is_own ? dsn_parse_own(&message->dsn, &message->qf,
                               message_dsn_kind(message), message->id,
                               message->data)
               : dsn_parse_foreign(&message->dsn, &message->qf, message->data);
    if (!input_is_intact(&message->data_input))
        message->dsn_outcome = DSN_INCOMPLETE;
}

enum dsn_kind message_dsn_kind(struct message *message)
{
    if (message_is_own_report(message)) {
        if (!message->has_own_kind)
            message->own_kind = dsn_kind_of_own(&message->qf);
        message->has_own_kind = true;
        return message->own_kind;
    }
    if (!message_has_null_sender(message))
        return DSN_NONE;
    message_need_dsn(message);
    return message->dsn_outcome == DSN_NOT_A_REPORT ? DSN_NONE
                                                    : message->dsn.kind;
}

struct slice message_status_of(const struct message *message,
                               const struct qf_recipient *recipient)
{
    return slice_is_absent(recipient->status) ? message->qf.status
                                              : recipient->status;
}

struct slice message_domain_of(struct message *message,
                               const struct qf_recipient *recipient)
{
    struct slice domain;

    if (recipient == message->qf.recipients && message->has_first_domain)
        return message->first_domain; /* several rules ask */
    domain = lower(message, address_domain(address_bare(recipient->address)));
    if (recipient == message->qf.recipients) {
        message->first_domain = domain;
        message->has_first_domain = true;
    }
    return domain;
}

enum status_kind message_first_status(struct message *message,
                                      struct slice *host_r)
{
    if (!message->has_first_status)
        message->first_kind =
            status_read(message_status_of(message, &message->qf.recipients[0]),
                        &message->first_status_host);
    message->has_first_status = true;
    *host_r = message->first_status_host;
    return message->first_kind;
}

static struct slice host_of(struct message *message,
                            const struct qf_recipient *recipient)
{
    struct slice host;

    if (recipient == message->qf.recipients)
        (void)message_first_status(message, &host);
    else
        host = status_host(message_status_of(message, recipient));
    return lower(message, host);
}

const struct client *message_source(struct message *message)
{
    if (!message_is_own_report(message))
        return NULL;
    message_need_dsn(message);
    return message->dsn.has_source ? &message->dsn.source : NULL;
}

bool message_is_our_host(const struct scene *scene, const struct client *client)
{
    return client->has_ip &&
           (ip_is_loopback(&client->ip) ||
            rules_list_has_ip(scene->rules, "our-hosts", &client->ip));
}

bool message_is_source_ours(struct message *message)
{
    const struct client *source = message_source(message);

    if (!message->has_source_ours)
        message->is_source_ours =
            source != NULL && message_is_our_host(message->scene, source);
    message->has_source_ours = true;
    return message->is_source_ours;
}

/* ---- fields ---- */

static const struct field_value *items_of(const struct message_values *values)
{
    return values->count > 1 ? values->items : &values->first;
}

static void add_further_value(struct message *message, struct field_value value)
{
    struct message_values *values = message->asked;
    struct field_value *items = array_with_room(
        values->items, values->count, &values->capacity, sizeof(*items));

    if (items == NULL) {
        message->has_failed = true;
        return;
    }
    values->items = items;
    if (values->count == 1)
        items[0] = values->first;
    items[values->count++] = value;
}

/* Part by part: a value built of eight bytes at a time and copied by sixteen
 * would wait until they have left for the cache. */
static inline void add_value(struct message *message, struct slice text,
                             int64_t number, const struct ip *ip)
{
    struct message_values *values = message->asked;

    if (values->count > 0) {
        add_further_value(message, (struct field_value){text, number, ip});
        return;
    }
    values->first.text = text;
    values->first.number = number;
    values->first.ip = ip;
    values->count = 1;
}

static void add_text(struct message *message, struct slice text)
{
    if (!slice_is_absent(text))
        add_value(message, text, 0, NULL);
}

static void add_ip(struct message *message, struct slice text,
                   const struct ip *ip)
{
    if (!slice_is_absent(text))
        add_value(message, text, 0, ip);
}

/* A value of one recipient of several: must be there when others have one, so
 * that "every value" means every recipient. */
static void add_one_of_many(struct message *message, struct slice text)
{
    add_value(message, slice_is_absent(text) ? SLICE_LITERAL("") : text, 0,
              NULL);
}

static void add_number(struct message *message, int64_t number)
{
    add_value(message, SLICE_LITERAL(""), number, NULL);
}

static bool has_any(const struct message *message)
{
    const struct message_values *values = message->asked;
    const struct field_value *items = items_of(values);

    for (size_t i = 0; i < values->count; i++)
        if (items[i].text.len > 0)
            return true;
    return false;
}

static void drop_if_all_empty(struct message *message)
{
    if (!has_any(message))
        message->asked->count = 0;
}

static void add_recipient_values(struct message *message,
                                 enum rules_field_id field)
{
    const struct qf *qf = &message->qf;

    for (size_t i = 0; i < qf->recipient_count; i++) {
        const struct qf_recipient *recipient = &qf->recipients[i];
        struct slice status = message_status_of(message, recipient);

        switch (field) {
        case FIELD_RECIPIENT:
            add_one_of_many(message, address_bare(recipient->address));
            break;
        case FIELD_RECIPIENT_DOMAIN:
            add_one_of_many(message, message_domain_of(message, recipient));
            break;
        case FIELD_RECIPIENT_HOST:
            add_one_of_many(message, host_of(message, recipient));
            break;
        case FIELD_RECIPIENT_FLAGS:
            add_one_of_many(message, recipient->flags);
            break;
        default: /* FIELD_STATUS */
            add_one_of_many(message, status);
            break;
        }
    }
    drop_if_all_empty(message);
}

static void add_headers(struct message *message, struct slice name)
{
    size_t index = 0;
    const struct qf_header *header;

    while ((header = qf_header_find(&message->qf, name, &index)) != NULL) {
        struct slice value = slice_trim(header->value);

        if (slice_index(value, '\xff') < value.len) {
            char *room = scratch(message, value.len);

            if (room == NULL)
                return;
            value = header_unescape(value, room, value.len);
        }
        add_text(message, value);
    }
}

/* What a field is that only a report has. */
static enum field_state need_report(struct message *message)
{
    message_need_dsn(message);
    if (message->dsn_outcome == DSN_NOT_A_REPORT)
        return FIELD_ABSENT;
    return message->dsn_outcome == DSN_OK ? FIELD_PRESENT : FIELD_UNDECIDED;
}

static enum field_state add_dsn_values(struct message *message,
                                       enum rules_field_id field)
{
    const struct dsn *dsn = &message->dsn;
    enum field_state state = need_report(message);

    if (state != FIELD_PRESENT)
        return state;
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];

        if (dsn->kind == DSN_FAILURE && !dsn_has_failed(recipient))
            continue;
        switch (field) {
        case FIELD_DSN_STATUS:
            add_one_of_many(message, recipient->status);
            break;
        case FIELD_DSN_RECIPIENT:
            add_one_of_many(message, recipient->final_recipient);
            break;
        case FIELD_DSN_DIAGNOSTIC:
            add_one_of_many(message, recipient->diagnostic);
            break;
        default: /* FIELD_DSN_REMOTE */
            add_one_of_many(message, lower(message, recipient->remote_mta));
            break;
        }
    }
    drop_if_all_empty(message);
    /* Given up by time is 4.4.7 (RFC 3463), whatever its recipients say. */
    if (field == FIELD_DSN_STATUS && dsn->has_expired)
        add_text(message, SLICE_LITERAL("4.4.7"));
    return FIELD_PRESENT;
}

static enum field_state add_reporter(struct message *message)
{
    enum field_state state = need_report(message);

    if (state == FIELD_PRESENT && message->dsn.reporting_mta.len > 0)
        add_text(message, lower(message, message->dsn.reporting_mta));
    return state;
}

/* Our own name is ours, though no list may have it: sendmail adds it itself. */
static bool is_our_domain(struct message *message, struct slice domain)
{
    return slice_equal_nocase(domain, message->dsn.reporting_mta) ||
           rules_list_has(message->scene->rules, "our-domains",
                          lower(message, domain));
}

/* Whether any of those who failed is in one of our domains; absent where we do
 * not know them. */
static enum field_state add_is_ours(struct message *message)
{
    const struct scene *scene = message->scene;
    const struct dsn *dsn = &message->dsn;
    enum field_state state = need_report(message);
    bool is_any = false, is_ours = false;

    if (!scene->is_domains_known)
        return FIELD_ABSENT;
    if (state != FIELD_PRESENT)
        return state;
    for (size_t i = 0; i < dsn->recipient_count && !is_ours; i++) {
        struct slice domain =
            address_domain(dsn->recipients[i].final_recipient);

        if (domain.len == 0 || !dsn_has_failed(&dsn->recipients[i]))
            continue;
        is_any = true;
        is_ours = is_our_domain(message, domain);
    }
    if (is_any)
        add_number(message, is_ours);
    return FIELD_PRESENT;
}

static bool was_expanded(const struct dsn_recipient *recipient)
{
    return !slice_is_absent(recipient->actual_recipient) &&
           !slice_equal_nocase(recipient->actual_recipient,
                               recipient->final_recipient);
}

/* Whether an alias led to any of those who failed. */
static enum field_state add_is_expanded(struct message *message)
{
    const struct dsn *dsn = &message->dsn;
    enum field_state state = need_report(message);
    bool is_any = false;

    if (state != FIELD_PRESENT)
        return state;
    for (size_t i = 0; i < dsn->recipient_count; i++)
        is_any |= dsn_has_failed(&dsn->recipients[i]) &&
                  was_expanded(&dsn->recipients[i]);
    add_number(message, is_any);
    return FIELD_PRESENT;
}

static struct slice ip_text(struct message *message, const struct ip *ip)
{
    char *text = scratch(message, ADDRESS_IP_TEXT_MAX);

    if (text == NULL)
        return (struct slice){NULL, 0};
    return slice_make(text, ip_format(ip, text));
}

static bool is_generic(const struct client *client)
{
    return client->forged || client->name.len == 0 ||
           name_is_generic(client->name, &client->ip);
}

static void add_client_value(struct message *message,
                             const struct client *client,
                             enum rules_field_id field)
{
    switch (field) {
    case FIELD_CLIENT_ADDRESS:
    case FIELD_SOURCE:
        if (client->has_ip)
            add_ip(message, ip_text(message, &client->ip), &client->ip);
        break;
    case FIELD_CLIENT_NAME:
    case FIELD_SOURCE_NAME:
        if (!client->forged)
            add_text(message, lower(message, client->name));
        break;
    case FIELD_SOURCE_GENERIC:
        if (client->has_ip)
            add_number(message, is_generic(client));
        break;
    default: /* ..._FORGED */
        add_number(message, client->forged);
        break;
    }
}

static bool is_same_owner(struct slice a, struct slice b)
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

/* Customers of a provider and its mail host, the hosts of a university. */
static bool is_neighbour(const struct client *client, struct slice here)
{
    return !client->forged && is_same_owner(client->name, here);
}

/* "dsl-7-113-0-203.example.net": the lines of a provider are of one owner, but
 * their users are strangers. */
static bool is_numbered(struct slice name)
{
    enum { DIGITS_MIN = 4 };
    unsigned digits = 0;

    for (size_t i = 0; i < name.len; i++)
        digits += byte_is_digit(name.ptr[i]);
    return digits >= DIGITS_MIN;
}

/* What any machine, or a line, is called is no server's name. */
static bool is_line_name(struct slice name, const struct client *client)
{
    return name_is_localhost(name) ||
           (client->forged && slice_equal_nocase(name, client->name)) ||
           (client->has_ip && (name_is_generic(name, &client->ip) ||
                               name_is_line(name, &client->ip)));
}

/* Whether the sender is who handed it in to a sendmail at his home. */
static bool is_by_sender(const struct message *message, struct slice user)
{
    const struct qf *qf = &message->qf;
    struct slice sender;

    if (user.len == 0 || qf->recipient_count == 0)
        return false;
    sender = address_bare(qf->recipients[0].address);
    return slice_starts_nocase(sender, user) && sender.len > user.len &&
           sender.ptr[user.len] == '@';
}

static const struct dsn_path *path_of(struct message *message)
{
    if (!message->has_path)
        dsn_read_path(&message->dsn, &message->path);
    message->has_path = true;
    return &message->path;
}

/* What it sent had passed a server that is called as it calls itself, or a host
 * below that, and not as whoever failed to be reached by it. */
static bool is_relaying(struct message *message)
{
    const struct dsn *dsn = &message->dsn;
    const struct dsn_path *path = path_of(message);
    struct slice name = dsn->helo;

    if (path->is_inside || path->has_own_mark ||
        (is_by_sender(message, path->user) && domain_is_within(path->by, name)))
        return true;
    if (name.len == 0 ||
        !(path->by.len > 0 ? domain_is_within(path->by, name)
                           : path->has_qmail) ||
        is_line_name(name, &dsn->source))
        return false;
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (slice_equal_nocase(
                name, address_domain(dsn->recipients[i].final_recipient)))
            return false;
    return true;
}

/* Whether what it sent answers mail from where its recipient is, or from here.
 */
static bool is_answering(struct message *message)
{
    const struct dsn *dsn = &message->dsn;
    struct slice domain = path_of(message)->answered;

    if (domain.len == 0)
        return false;
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (is_same_owner(domain,
                          address_domain(dsn->recipients[i].final_recipient)))
            return true;
    return is_same_owner(domain, dsn->reporting_mta);
}

/* Whether one that the report goes to was found to have sent the original. */
static bool is_authentic(struct message *message)
{
    for (size_t i = 0; i < message->qf.recipient_count; i++)
        if (dsn_is_authentic(
                &message->dsn, path_of(message),
                message_domain_of(message, &message->qf.recipients[i])))
            return true;
    return false;
}

/* "MUELLER", or "MUELLER-PC", of mueller.example: what a Windows network is
 * called that belongs to the sender's firm. A bot knows whole names alone. */
static bool is_network_name(struct slice helo, struct slice domain)
{
    enum { LABEL_MIN = 4 };
    struct slice owner = name_owner(domain);
    struct slice label = slice_head(owner, slice_index(owner, '.'));

    return label.len >= LABEL_MIN && slice_index(helo, '.') == helo.len &&
           slice_starts_nocase(helo, label) &&
           (helo.len == label.len || helo.ptr[label.len] == '-');
}

/*
 * A department's host writes in the name of another one of its university, and
 * the line of a provider's customer, in that of a domain whose mail the
 * provider takes; a firm's host calls itself by the name of its group, whose
 * mail host takes the mail. That a name called is under the sender's own domain
 * proves nothing: bots do that.
 */
static bool is_kin(struct message *message, const struct client *source)
{
    struct slice helo = message->dsn.helo;

    for (size_t i = 0; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice domain = message_domain_of(message, recipient);
        struct slice host = host_of(message, recipient);

        if (is_numbered(domain) || is_numbered(host) ||
            (slice_equal_nocase(domain, source->name) &&
             is_line_name(domain, source)))
            continue;
        if (!source->forged && (is_same_owner(source->name, domain) ||
                                is_same_owner(source->name, host)))
            return true;
        if ((is_same_owner(helo, host) && !is_same_owner(domain, host)) ||
            is_network_name(helo, domain))
            return true;
    }
    return false;
}

/* A user of our own organisation, or mail that goes by a relay of it. */
static enum field_state add_recipient_neighbour(struct message *message)
{
    enum field_state state = need_report(message);
    struct slice here = message->dsn.reporting_mta;
    bool is_any = false;

    if (state != FIELD_PRESENT || here.len == 0)
        return state;
    for (size_t i = 0; i < message->qf.recipient_count && !is_any; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];

        is_any = is_same_owner(message_domain_of(message, recipient), here) ||
                 is_same_owner(host_of(message, recipient), here);
    }
    add_number(message, is_any);
    return FIELD_PRESENT;
}

static enum field_state add_source_value(struct message *message,
                                         enum rules_field_id field)
{
    const struct client *source = message_source(message);

    if (source != NULL && field == FIELD_SOURCE_AUTH)
        add_number(message, message->dsn.is_authenticated);
    else if (source != NULL && field == FIELD_SOURCE_NEIGHBOUR)
        add_number(message, is_neighbour(source, message->dsn.reporting_mta));
    else if (source != NULL && field == FIELD_SOURCE_KIN)
        add_number(message, is_kin(message, source));
    else if (source != NULL && field == FIELD_SOURCE_HELO)
        add_text(message, lower(message, message->dsn.helo));
    else if (source != NULL && field == FIELD_SOURCE_RELAYS)
        add_number(message, is_relaying(message));
    else if (source != NULL && field == FIELD_SOURCE_ANSWERS)
        add_number(message, is_answering(message));
    else if (source != NULL && field == FIELD_SOURCE_AUTHENTIC)
        add_number(message, is_authentic(message));
    else if (source != NULL)
        add_client_value(message, source, field);
    else if (message_is_own_report(message) && message->dsn_outcome != DSN_OK)
        return FIELD_UNDECIDED;
    return FIELD_PRESENT;
}

static bool source_writes(struct message *message, const struct ip *ip)
{
    const struct crowd *crowd = message->scene->crowd;

    for (size_t i = 0; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];

        if (crowd_is_correspondent(crowd, ip,
                                   message_domain_of(message, recipient)) ||
            crowd_is_addressed(
                crowd,
                crowd_address_hash(crowd, address_bare(recipient->address))))
            return true;
    }
    return false;
}

const struct client *message_culprit(struct message *message)
{
    const struct client *source = message_source(message);

    return source == NULL || !source->has_ip || message_is_source_ours(message)
               ? NULL
               : source;
}

/* The source that counts are about, or NULL: then *state_r says what the field
 * is. */
static const struct client *counted_source(struct message *message,
                                           enum field_state *state_r)
{
    *state_r = message_source(message) == NULL &&
                       message_is_own_report(message) &&
                       message->dsn_outcome != DSN_OK
                   ? FIELD_UNDECIDED
                   : FIELD_ABSENT;
    return message_culprit(message);
}

/* Counts of the first recipient's domain; zeros without one. */
static struct crowd_host first_domain(struct message *message)
{
    if (message->qf.recipient_count == 0)
        return (struct crowd_host){0};
    return crowd_find_host(
        message->scene->crowd,
        message_domain_of(message, &message->qf.recipients[0]));
}

static bool is_steady(struct message *message,
                      const struct crowd_source *source)
{
    struct crowd_host domain = first_domain(message);

    return message->qf.recipient_count > 0 && crowd_is_steady(source, &domain);
}

static enum field_state add_source_count(struct message *message,
                                         enum rules_field_id field)
{
    const struct scene *scene = message->scene;
    enum field_state state;
    const struct client *source = counted_source(message, &state);
    const struct crowd_source *counts;

    if (source == NULL)
        return state;
    if (scene->crowd == NULL)
        return FIELD_LATER;
    counts = crowd_find_source(scene->crowd, &source->ip);
    if (field == FIELD_SOURCE_WRITES)
        add_number(message, source_writes(message, &source->ip));
    else if (counts != NULL && field == FIELD_SOURCE_STEADY)
        add_number(message, is_steady(message, counts));
    else if (counts != NULL && field == FIELD_SOURCE_FORGES)
        add_number(message, crowd_forges(counts));
    else if (counts != NULL)
        add_number(message, field == FIELD_SOURCE_BOUNCES ? counts->bounces
                                                          : counts->guesses);
    return FIELD_PRESENT;
}

struct slice message_refusing_host(const struct dsn_recipient *recipient)
{
    struct slice actual = recipient->actual_recipient;

    if (was_expanded(recipient) &&
        !slice_equal_nocase(address_domain(actual),
                            address_domain(recipient->final_recipient)))
        return (struct slice){NULL, 0};
    return recipient->remote_mta;
}

/* For whom the source sent, where our-domains does not say that it is us. */
static enum field_state add_target_counts(struct message *message)
{
    const struct scene *scene = message->scene;
    const struct dsn *dsn = &message->dsn;
    unsigned sources;
    enum field_state state;

    if (counted_source(message, &state) == NULL)
        return state;
    if (dsn->kind != DSN_FAILURE)
        return FIELD_ABSENT;
    if (scene->crowd == NULL)
        return FIELD_LATER;
    sources = first_domain(message).sources;
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];
        struct slice domain =
            lower(message, address_domain(recipient->final_recipient));

        if (domain.len > 0 && dsn_has_failed(recipient) &&
            !rules_list_has(scene->rules, "our-domains", domain))
            add_number(message,
                       crowd_count_alike(
                           scene->crowd, domain,
                           lower(message, message_refusing_host(recipient)),
                           sources));
    }
    return FIELD_PRESENT;
}

int64_t crowd_value_of_host(const struct crowd_host *host,
                            enum rules_field_id field)
{
    if (field == FIELD_HOST_ANSWERED)
        return host->answered;
    if (field == FIELD_HOST_MAIL)
        return host->mail;
    return field == FIELD_HOST_DOMAINS ? host->domains : host->waiting;
}

bool crowd_is_of_host(enum rules_field_id field)
{
    return field == FIELD_HOST_WAITING || field == FIELD_HOST_DOMAINS ||
           field == FIELD_HOST_MAIL;
}

int64_t crowd_value_of_domain(const struct scene *scene,
                              enum rules_field_id field, struct slice domain)
{
    struct crowd_host host;

    if (field == FIELD_RECIPIENT_CLIENTS)
        return crowd_count_clients(scene->crowd, CROWD_FOR, domain);
    host = crowd_find_host(scene->crowd, domain);
    return crowd_value_of_host(&host, field);
}

/* Where the site's own list of domains is known, it says what is inbound; but
 * we may relay for more, by a map, and for a report that matters. */
static bool counts_clients(const struct message *message)
{
    return message_is_own_report(message) || !message->scene->is_domains_known;
}

static enum field_state add_recipient_counts(struct message *message,
                                             enum rules_field_id field)
{
    const struct scene *scene = message->scene;

    if (field == FIELD_RECIPIENT_CLIENTS && !counts_clients(message))
        return FIELD_ABSENT;
    if (scene->crowd == NULL)
        return FIELD_LATER;
    for (size_t i = 0; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice name = message_domain_of(message, recipient);

        if (crowd_is_of_host(field)) {
            struct slice host = host_of(message, recipient);

            name = host.len > 0 ? host : name;
        }
        add_number(message, crowd_value_of_domain(scene, field, name));
    }
    return FIELD_PRESENT;
}

/* Whether mail goes both ways between a recipient's domain and ours. */
static enum field_state add_recipient_known(struct message *message)
{
    const struct crowd *crowd = message->scene->crowd;
    bool is_any = false;

    if (crowd == NULL)
        return FIELD_LATER;
    for (size_t i = 0; i < message->qf.recipient_count && !is_any; i++)
        is_any = crowd_is_known(
            crowd, message_domain_of(message, &message->qf.recipients[i]));
    add_number(message, is_any);
    return FIELD_PRESENT;
}

/* Whether all bounces to the first recipient's domain tell of one address. */
static enum field_state add_recipient_steady(struct message *message)
{
    struct crowd_host domain;

    if (message->scene->crowd == NULL)
        return FIELD_LATER;
    domain = first_domain(message);
    if (message->qf.recipient_count > 0)
        add_number(message, crowd_has_one_aim(&domain));
    return FIELD_PRESENT;
}

bool message_has_attempt(const struct message *message)
{
    enum { CLOCK_SEC = 3600 }; /* that it may have been ahead */
    const struct qf *qf = &message->qf;

    return qf->has_last_attempt && qf->last_attempt > 0 &&
           qf->last_attempt <= message->scene->now + CLOCK_SEC;
}

static enum field_state add_network_down(struct message *message)
{
    const struct crowd *crowd = message->scene->crowd;
    const struct qf *qf = &message->qf;
    struct slice host;

    if (crowd == NULL)
        return FIELD_LATER;
    if (!message_has_attempt(message))
        return FIELD_UNDECIDED;
    if (qf->recipient_count > 0)
        add_number(message,
                   reach_is_lost(&crowd->reach, reach_hour_of(qf->last_attempt),
                                 message_first_status(message, &host)));
    return FIELD_PRESENT;
}

static uint64_t bit_of(enum rules_field_id field)
{
    return UINT64_C(1) << field;
}

uint64_t message_late(struct message *message)
{
    uint64_t late = bit_of(FIELD_HOST_WAITING) | bit_of(FIELD_HOST_DOMAINS) |
                    bit_of(FIELD_HOST_MAIL) | bit_of(FIELD_HOST_ANSWERED) |
                    bit_of(FIELD_RECIPIENT_KNOWN) |
                    bit_of(FIELD_RECIPIENT_STEADY) | bit_of(FIELD_NETWORK_DOWN);

    if (message->scene->crowd != NULL || message->has_failed)
        return 0;
    if (counts_clients(message))
        late |= bit_of(FIELD_RECIPIENT_CLIENTS);
    if (!message->is_dsn_parsed || message_culprit(message) == NULL)
        return late;
    if (message->dsn.kind == DSN_FAILURE)
        late |= bit_of(FIELD_DSN_CLIENTS);
    return late | bit_of(FIELD_SOURCE_BOUNCES) | bit_of(FIELD_SOURCE_GUESSES) |
           bit_of(FIELD_SOURCE_WRITES) | bit_of(FIELD_SOURCE_STEADY) |
           bit_of(FIELD_SOURCE_FORGES);
}

static enum field_state add_size(struct message *message)
{
    int64_t bytes = message_data_bytes(message);

    if (bytes < 0)
        return FIELD_ABSENT;
    add_number(message, bytes);
    return FIELD_PRESENT;
}

static void add_dsn_kind(struct message *message)
{
    enum dsn_kind kind = message_dsn_kind(message);

    if (kind != DSN_NONE)
        add_text(message, slice_from_string(dsn_kind_text(kind)));
}

bool message_is_notice(const struct message *message)
{
    static const struct {
        struct slice name, begins;
    } marks[] = {
        {SLICE_TEXT("Auto-Submitted"), SLICE_TEXT("auto-replied")},
        {SLICE_TEXT("Precedence"), SLICE_TEXT("auto_reply")},
        {SLICE_TEXT("Precedence"), SLICE_TEXT("auto-reply")},
        {SLICE_TEXT("Precedence"), SLICE_TEXT("autoreply")},
        {SLICE_TEXT("X-Autoreply"), SLICE_TEXT("")},
        {SLICE_TEXT("X-Autorespond"), SLICE_TEXT("")},
        {SLICE_TEXT("X-List-Administrivia"), SLICE_TEXT("yes")},
    };
    const struct qf *qf = &message->qf;

    for (size_t i = 0; i < qf->header_count; i++)
        for (size_t m = 0; m < sizeof(marks) / sizeof(marks[0]); m++)
            if (slice_equal_nocase(qf->headers[i].name, marks[m].name) &&
                slice_starts_nocase(qf->headers[i].value, marks[m].begins))
                return true;
    return false;
}

struct slice message_origin(const struct message *message)
{
    if (message_is_own_report(message))
        return SLICE_LITERAL("local-dsn");
    return message_has_null_sender(message) ? SLICE_LITERAL("null-sender")
                                            : SLICE_LITERAL("mail");
}

static void add_client_field(struct message *message, enum rules_field_id field)
{
    struct client client;

    if (client_parse(qf_macro_value(&message->qf, SLICE_LITERAL("_")), &client))
        add_client_value(message, &client, field);
}

static enum field_state collect(struct message *message,
                                enum rules_field_id field, struct slice header)
{
    const struct qf *qf = &message->qf;

    switch (field) {
    case FIELD_ORIGIN:
        add_text(message, message_origin(message));
        break;
    case FIELD_SENDER:
        add_text(message, slice_is_absent(qf->sender)
                              ? qf->sender
                              : address_bare(qf->sender));
        break;
    case FIELD_SENDER_DOMAIN:
        add_text(message,
                 lower(message, address_domain(address_bare(qf->sender))));
        break;
    case FIELD_RECIPIENT:
    case FIELD_RECIPIENT_DOMAIN:
    case FIELD_RECIPIENT_HOST:
    case FIELD_RECIPIENT_FLAGS:
    case FIELD_STATUS:
        add_recipient_values(message, field);
        break;
    case FIELD_STATUS_ENVELOPE:
        add_text(message, qf->status);
        break;
    case FIELD_RECIPIENTS:
        add_number(message, (int64_t)qf->recipient_count);
        break;
    case FIELD_FLAGS:
        add_text(message, qf->flags);
        break;
    case FIELD_TRIES:
        if (qf->has_tries)
            add_number(message, qf->tries);
        break;
    case FIELD_AGE:
        if (qf->has_created)
            add_number(message, message->scene->now - qf->created);
        break;
    case FIELD_IDLE:
        if (qf->has_last_attempt && qf->last_attempt != 0)
            add_number(message, message->scene->now - qf->last_attempt);
        break;
    case FIELD_SIZE:
        return add_size(message);
    case FIELD_PRIORITY:
        if (qf->has_priority)
            add_number(message, qf->priority);
        break;
    case FIELD_CLIENT_ADDRESS:
    case FIELD_CLIENT_NAME:
    case FIELD_CLIENT_FORGED:
        add_client_field(message, field);
        break;
    case FIELD_AUTH:
        add_text(message, qf->auth);
        break;
    case FIELD_HEADER:
        add_headers(message, header);
        break;
    case FIELD_DSN_KIND:
        add_dsn_kind(message);
        break;
    case FIELD_DSN_STATUS:
    case FIELD_DSN_RECIPIENT:
    case FIELD_DSN_DIAGNOSTIC:
    case FIELD_DSN_REMOTE:
        return add_dsn_values(message, field);
    case FIELD_DSN_OURS:
        return add_is_ours(message);
    case FIELD_DSN_EXPANDED:
        return add_is_expanded(message);
    case FIELD_DSN_REPORTER:
        return add_reporter(message);
    case FIELD_RECIPIENT_NEIGHBOUR:
        return add_recipient_neighbour(message);
    case FIELD_SOURCE:
    case FIELD_SOURCE_NAME:
    case FIELD_SOURCE_FORGED:
    case FIELD_SOURCE_GENERIC:
    case FIELD_SOURCE_NEIGHBOUR:
    case FIELD_SOURCE_KIN:
    case FIELD_SOURCE_AUTH:
    case FIELD_SOURCE_HELO:
    case FIELD_SOURCE_RELAYS:
    case FIELD_SOURCE_ANSWERS:
    case FIELD_SOURCE_AUTHENTIC:
        return add_source_value(message, field);
    case FIELD_SOURCE_BOUNCES:
    case FIELD_SOURCE_GUESSES:
    case FIELD_SOURCE_WRITES:
    case FIELD_SOURCE_STEADY:
    case FIELD_SOURCE_FORGES:
        return add_source_count(message, field);
    case FIELD_HOST_WAITING:
    case FIELD_HOST_DOMAINS:
    case FIELD_HOST_MAIL:
    case FIELD_HOST_ANSWERED:
    case FIELD_RECIPIENT_CLIENTS:
        return add_recipient_counts(message, field);
    case FIELD_RECIPIENT_KNOWN:
        return add_recipient_known(message);
    case FIELD_RECIPIENT_STEADY:
        return add_recipient_steady(message);
    case FIELD_NETWORK_DOWN:
        return add_network_down(message);
    case FIELD_DSN_CLIENTS:
        return add_target_counts(message);
    case FIELD_SOURCE_HOSTILE: /* of the logs: none is given */
    case FIELD_HOST_DELIVERED:
    default: /* of lines and sources: no message has them */
        break;
    }
    return FIELD_PRESENT;
}

/* Headers have many names: the last two of them have a place each. A field of
 * lines or sources, which no message has, shares the second. */
static struct message_values *values_of(struct message *message,
                                        enum rules_field_id field)
{
    if (field >= FIELD_EVENT_TEXT)
        return &message->values[MESSAGE_VALUES - 1];
    if (field != FIELD_HEADER)
        return &message->values[field];
    message->is_second_header = !message->is_second_header;
    return &message->values[message->is_second_header ? MESSAGE_VALUES - 1
                                                      : (int)FIELD_HEADER];
}

void message_fetch(void *context, enum rules_field_id field,
                   struct slice header, struct field_view *view_r)
{
    struct message *message = context;
    struct message_values *values = values_of(message, field);
    uint64_t bit =
        field < FIELD_EVENT_TEXT && field != FIELD_HEADER ? bit_of(field) : 0;

    if ((message->known & bit) == 0) {
        enum field_state state;

        values->count = 0;
        message->asked = values;
        state = collect(message, field, header);
        if (message->has_failed)
            state = FIELD_UNDECIDED;
        else if (state == FIELD_PRESENT && values->count == 0)
            state = FIELD_ABSENT;
        values->state = state;
        message->known |= message->has_failed ? 0 : bit;
    }
    view_r->state = values->state;
    view_r->values = items_of(values);
    view_r->value_count = values->state == FIELD_PRESENT ? values->count : 0;
}
