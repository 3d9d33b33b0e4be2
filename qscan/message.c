#include "qscan/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "parsers/bytes.h"
#include "parsers/hash.h"
#include "qscan/message_part.h"

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

char *message_scratch(struct message *message, size_t bytes)
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

struct slice message_lower(struct message *message, struct slice text)
{
    char *copy;

    if (text.len == 0)
        return text;
    copy = message_scratch(message, text.len);
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
    domain = message_lower(message,
                           address_domain(address_bare(recipient->address)));
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

struct slice message_host_of(struct message *message,
                             const struct qf_recipient *recipient)
{
    struct slice host;

    if (recipient == message->qf.recipients)
        (void)message_first_status(message, &host);
    else
        host = status_host(message_status_of(message, recipient));
    return message_lower(message, host);
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
