#include "qscan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "parsers/bytes.h"
#include "parsers/filter.h"
#include "parsers/queueid.h"
#include "qscan/buffer.h"
#include "qscan/interrupt.h"

enum {
    PIECE = 256,
    MORE_DOMAINS_BYTES = 1000, /* further domains that a row remembers */
    ORPHANS_LOOKED_UP = 10000, /* so many may each be looked for again */
    TARGETS_MAX = 100,         /* recipients whose domains count for a client */
    NEWBORN_SEC = 600,         /* readqf removes an empty qf after 10 minutes */
    ID_TIME_SEC = 600,
    ORPHAN_YOUNG_SEC = 7200, /* DATA may take an hour: Timeout.datablock */
    YOUNG_SEC = 10,          /* worth a short wait before the second look */
    SECOND_LOOK_NSEC = 150 * 1000 * 1000,
    SHARE_AHEAD = 20,             /* one of so many tells where the rest is */
    AHEAD_WAIT_NSEC = 100 * 1000, /* a stretch of names is listed in less */
};

/* What a row keeps of its first recipient, in lower case. */
struct first_recipient {
    struct slice domain, host;
    uint32_t domain_hash, host_hash;
    enum status_kind kind;
    bool is_host_cut; /* a host of a name too long for one */
    char lower[256];
};

/*
 * What reads a message, parses it, judges it and counts it is more code, the
 * kernel's and ours, than a processor keeps at hand. So a worker takes a hand
 * of messages, and does one thing to all of them before the next.
 */
enum {
    HAND = RULES_HAND,
    HAND_BYTES = 64 * 1024,       /* of control files: then it is full, too */
    SMALL_FILE_BYTES = 32 * 1024, /* what more than that, or than so many */
    SMALL_RECIPIENTS = 200,       /* recipients, takes is given back at once */
};

/* Control files of a folder whose owner and links a summary always looks at. */
enum { LOOKED_AT = 4096 };

struct in_hand {
    struct message message;
    enum input_outcome outcome;
    struct facts *row; /* or a copy of it */
    uint32_t row_number;
    struct first_recipient first;
};

struct worker {
    struct scan *scan;
    struct in_hand hand[HAND];
    size_t hand_count, hand_bytes;
    bool has_own_descriptors;
    bool has_met_odd_file;   /* by owner, mode or links */
    struct closing closing;  /* files of the hand that were read */
    struct message *message; /* of the hand, the one that is looked at */
    struct rules_matcher *matcher, *where_matcher;
    struct crowd *crowd;
    uint32_t last_pending; /* in the crowd's blobs: mostly the next one too */
    uint8_t number;
};

struct run {
    struct scan *scan;
    struct worker *workers;
    uint32_t *order; /* owned, until all is read; NULL: as they stand */
    bool has_joined;
    pthread_mutex_t
        lock; /* of the table and what follows, while it is listed */
    bool is_listed;
    size_t ahead;            /* rows before this one are read already */
    int64_t blocks_at_start; /* of disks, read by this process */
};

const char *scan_oddity_text(unsigned bit)
{
    static const char *const texts[ODD_COUNT] = {
        "symbolic link named like a control file",
        "control file that is no regular file",
        "control file with more than one name",
        "control file writable for others",
        "two control files of one id",
        "id of no shape that sendmail makes",
        "id whose time is not the message's",
        "|program, /file or :include: without a user",
        "tf beside the control file",
        "qf with a quarantine reason",
        "no df",
        "control file cut, garbled or overlong",
        "control file owned by somebody else",
    };

    return bit < ODD_COUNT ? texts[bit] : "";
}

const char *scan_keep_reason(const struct facts *row)
{
    if ((row->oddities & ODD_TWO_CONTROLS) != 0)
        return "two control files of one id";
    if ((row->oddities & ODD_STALE_TF) != 0)
        return "a tf beside it: being rewritten";
    if ((row->oddities & ODD_HARD_LINKED) != 0)
        return "its control file has another name";
    return NULL;
}

/* What a condition on a field is about, for one who does not know the rules:
 * in the sense in which the shipped rules ask for it or, "unless", against. */
static const struct {
    enum rules_field_id field;
    const char *unmet, *met;
} missed_words[] = {
    {FIELD_TRIES, "tried too few times so far", NULL},
    {FIELD_AGE, "too young so far", NULL},
    {FIELD_RECIPIENTS, NULL, "more than one recipient"},
    {FIELD_STATUS, "its status does not say that no host answers", NULL},
    {FIELD_STATUS_ENVELOPE, NULL, "the host had spoken before it fell silent"},
    {FIELD_RECIPIENT_DOMAIN, NULL, "the sender's domain is ours, or a home's"},
    {FIELD_RECIPIENT_HOST, NULL, "they wait for a host of ours, or a home's"},
    {FIELD_RECIPIENT, NULL,
     "the sender's address is a forwarder's or a list's"},
    {FIELD_RECIPIENT_FLAGS, NULL, "an alias of ours led to the sender"},
    {FIELD_DSN_STATUS, "the mail timed out, or was not refused for good",
     "the refusal is not that of an address that nobody has"},
    {FIELD_DSN_DIAGNOSTIC, NULL,
     "the refusal is not that of an address that nobody has"},
    {FIELD_DSN_CLIENTS, NULL, "the mail may be of somebody whom we relay for"},
    {FIELD_SOURCE, "the mail came from here or a known host",
     "the mail came from here or a known host"},
    {FIELD_SOURCE_AUTH, NULL, "whoever brought the mail had logged in"},
    {FIELD_SOURCE_NAME, "the mail came from a host with a name of its own",
     "the mail came from a host with a name of its own"},
    {FIELD_SOURCE_GENERIC, "the mail came from a host with a name of its own",
     NULL},
    {FIELD_SOURCE_NEIGHBOUR, NULL,
     "the mail came from a customer of ours or our provider's"},
    {FIELD_SOURCE_KIN, NULL,
     "the host that brought the mail is of the sender's owner"},
    {FIELD_SOURCE_RELAYS, "the mail had passed a server called like its client",
     "the mail had passed a server that is called like its client"},
    {FIELD_SOURCE_STEADY, NULL,
     "the host that brought the mail forges no other sender"},
    {FIELD_SOURCE_WRITES, NULL,
     "the sender is a correspondent of somebody here"},
    {FIELD_RECIPIENT_NEIGHBOUR, NULL,
     "its recipient is of our own house, or our relay's"},
    {FIELD_RECIPIENT_STEADY, NULL,
     "all who wrote in that name wrote to one address"},
    {FIELD_RECIPIENT_KNOWN, NULL,
     "mail goes to or comes from the sender's domain"},
    {FIELD_NETWORK_DOWN, NULL,
     "all hosts fail: our own line or name server may be down"},
    {FIELD_HOST_ANSWERED, NULL, "a host of the sender's domain answers"},
    {FIELD_HOST_DOMAINS, "several domains wait for that host: a relay",
     "several domains wait for that host: a relay"},
    {FIELD_HOST_MAIL, "mail of people waits for that host, too: a relay",
     "mail of people waits for that host, too: a relay"},
    {FIELD_RECIPIENT_CLIENTS, NULL, "we may relay for that domain"},
};

static const char *words_of(enum rules_field_id field, bool is_unmet)
{
    const char *words = NULL;

    for (size_t i = 0; i < sizeof(missed_words) / sizeof(missed_words[0]); i++)
        if (missed_words[i].field == field)
            words = is_unmet ? missed_words[i].unmet : missed_words[i].met;
    return words != NULL ? words : "a condition of the rule";
}

/* A regex, or what needs more than a line of a report, tells nobody more. */
static bool is_telling(const char *condition)
{
    return strlen(condition) <= 30 && strchr(condition, '~') == NULL;
}

bool scan_missed(const struct scene *scene, const struct facts *row,
                 struct scan_missed *missed_r)
{
    struct rules_missed_line line;

    *missed_r = (struct scan_missed){.words = scan_keep_reason(row)};
    if (missed_r->words != NULL)
        return true;
    if (row->is_undecided)
        missed_r->words = "a rule could not be decided";
    if (!row->is_bounce || row->is_later || row->state != FACTS_JUDGED ||
        row->pending == 0)
        return missed_r->words != NULL;
    rules_missed_line(scene->rules, row->pending, &line);
    *missed_r = (struct scan_missed){
        .condition = is_telling(line.text) ? line.text : NULL,
        .is_unmet = strcmp(line.word, "unless") != 0};
    missed_r->words = words_of(line.field, missed_r->is_unmet);
    return true;
}

const char *scan_damage_text(const struct message *message)
{
    return message->qf_outcome != QF_OK ? qf_outcome_text(message->qf_outcome)
                                        : "no df";
}

const char *scan_class(const struct scene *scene, const struct facts *row)
{
    switch ((enum facts_state)row->state) {
    case FACTS_QUARANTINED:
        return "quarantined";
    case FACTS_LOST:
        return "lost";
    case FACTS_DAMAGED:
        return "damaged";
    case FACTS_ORPHAN:
        return "orphan";
    case FACTS_JUDGED:
        if (row->rule != RULES_NO_RULE)
            return rules_class(scene->rules, row->rule);
        break;
    case FACTS_NEWBORN:
    case FACTS_GONE:
    case FACTS_UNREADABLE:
        break;
    }
    return "unclassified";
}

const char *scan_rule(const struct scene *scene, const struct facts *row)
{
    return row->state == FACTS_JUDGED && row->rule != RULES_NO_RULE
               ? rules_name(scene->rules, row->rule)
               : NULL;
}

/* ---- one row ---- */

static void complain_row(struct worker *worker, const struct facts *row,
                         const char *what, const char *why)
{
    char name[QUEUE_HELD_NAME_MAX];
    struct buffer object = {0};

    if (!queue_file_name(name, row->letter, facts_id(row), row->is_held))
        return;
    buffer_printf(&object, "%s/%s",
                  worker->scan->scene.queues->dirs[row->dir].path, name);
    complain(worker->scan->complaints, slice_make(object.bytes, object.len),
             what, why, "kept");
    buffer_free(&object);
}

/* Size and time of a file that has no control file. */
static void look_at_orphan(struct worker *worker, struct facts *row)
{
    struct stat st;

    if (!queue_stat_row(worker->scan->scene.queues, row, &st)) {
        row->state = FACTS_GONE;
        return;
    }
    row->size_bytes = (uint64_t)st.st_size;
    row->created = st.st_mtime;
}

/* root's and the directory owner's files are as they should be; in a
 * submission queue they belong to the users, but to the queue's group. */
static void note_stat_oddities(struct worker *worker, struct facts *row,
                               const struct stat *st)
{
    const struct queue_folder *folder =
        queue_folder_for(worker->scan->scene.queues, row->dir, row->letter);
    uint16_t before = row->oddities;

    if (st->st_uid != 0 && st->st_uid != folder->owner &&
        st->st_gid != folder->group)
        row->oddities |= ODD_FOREIGN_OWNER;
    if (st->st_nlink > 1)
        row->oddities |= ODD_HARD_LINKED;
    if ((st->st_mode & S_IWOTH) != 0)
        row->oddities |= ODD_WRITABLE;
    worker->has_met_odd_file |= row->oddities != before;
}

static void note_id_oddities(struct facts *row, const struct qf *qf,
                             int64_t now)
{
    struct queueid id;

    queueid_decode(facts_id(row), qf->has_created ? qf->created : now, &id);
    if (id.era == QUEUEID_OTHER)
        row->oddities |= ODD_ID_SHAPE;
    if (id.created >= 0 && qf->has_created &&
        llabs(id.created - qf->created) > ID_TIME_SEC) /* neither is negative */
        row->oddities |= ODD_ID_TIME;
}

static void note_text_oddities(struct facts *row, const struct message *message)
{
    const struct qf *qf = &message->qf;

    note_id_oddities(row, qf, message->scene->now);
    if (row->letter == 'q' && !slice_is_absent(qf->quarantine))
        row->oddities |= ODD_QUARANTINE_QF;
    for (size_t i = 0; i < qf->recipient_count; i++)
        if (qf->recipients[i].user.len == 0 &&
            address_is_local_action(qf->recipients[i].address))
            row->oddities |= ODD_LOCAL_ACTION;
}

/* ---- what the crowd wants of a message ---- */

/* Domains of a message with several recipients, an empty one where there is
 * none: a long list is cut, but no host that answers is overlooked. */
static void gather_more_recipients(struct worker *worker, struct facts *row)
{
    struct message *message = worker->message;
    struct buffer names = {0};

    for (size_t i = 1; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice domain = message_domain_of(message, recipient);

        if (domain.len > 0 && status_is_alive(status_classify(
                                  message_status_of(message, recipient))))
            crowd_add_answer(worker->crowd, domain);
        if (names.len + domain.len < MORE_DOMAINS_BYTES) {
            buffer_add(&names, domain);
            buffer_add(&names, slice_make("", 1));
        } else {
            row->is_cut = true;
        }
    }
    if (names.len > 0)
        row->more_domains = intern_add(&worker->crowd->strings,
                                       slice_make(names.bytes, names.len));
    buffer_free(&names);
}

/* Looked up before judging and kept after it: by then the cache lines of the
 * tables have come. */
static void look_at_recipient(struct worker *worker,
                              struct first_recipient *first)
{
    struct message *message = worker->message;
    const struct qf *qf = &message->qf;

    first->domain = first->host = (struct slice){NULL, 0};
    first->domain_hash = first->host_hash = 0;
    first->kind = STATUS_NONE;
    first->is_host_cut = false;
    if (qf->recipient_count == 0)
        return;
    first->kind = message_first_status(message, &first->host);
    first->domain = message_domain_of(message, &qf->recipients[0]);
    first->is_host_cut = first->host.len > sizeof(first->lower);
    if (first->is_host_cut || slice_equal_nocase(first->host, first->domain))
        first->host = (struct slice){NULL, 0};
    first->host = bytes_lower(first->lower, first->host);
    first->domain_hash =
        intern_prefetch(&worker->crowd->strings, first->domain);
    if (first->host.len > 0)
        first->host_hash =
            intern_prefetch(&worker->crowd->strings, first->host);
}

/* By its last label; ".home.arpa" has another below it. */
static bool is_inner_name(struct slice host)
{
    static const struct slice inner[] = {
        SLICE_TEXT("local"),       SLICE_TEXT("lokal"),
        SLICE_TEXT("loc"),         SLICE_TEXT("lan"),
        SLICE_TEXT("localdomain"), SLICE_TEXT("localhost"),
        SLICE_TEXT("int"),         SLICE_TEXT("intern"),
        SLICE_TEXT("interne"),     SLICE_TEXT("intra"),
        SLICE_TEXT("internal"),    SLICE_TEXT("intranet"),
        SLICE_TEXT("priv"),        SLICE_TEXT("private"),
        SLICE_TEXT("corp"),        SLICE_TEXT("office"),
        SLICE_TEXT("home")};
    size_t dot = bytes_last_index(host, '.');
    struct slice label = slice_skip(host, dot + 1);

    if (dot == host.len)
        return true;
    if (slice_ends(host, SLICE_LITERAL(".home.arpa")))
        return true;
    for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
        if (slice_equal(label, inner[i]))
            return true;
    return false;
}

/* A host of ours that answers shows neither that our line works nor that other
 * names are found. */
static bool is_inner_host(const struct scene *scene, struct slice host)
{
    struct ip ip;

    if (host.len == 0)
        return true;
    if (host.ptr[0] == '[')
        return ip_parse(host, &ip) &&
               rules_list_has_ip(scene->rules, "our-hosts", &ip);
    return is_inner_name(host) ||
           rules_list_has(scene->rules, "our-domains", host) ||
           rules_list_has(scene->rules, "our-hosts", host);
}

/* Of a message that was tried, which the first recipient's status tells of;
 * not if a clock that was wrong says when. */
static void note_attempt(struct worker *worker, struct facts *row,
                         const struct first_recipient *first)
{
    const struct qf *qf = &worker->message->qf;
    const struct scene *scene = &worker->scan->scene;
    bool has_host = first->host.len > 0;
    struct slice host = has_host ? first->host : first->domain;

    row->tried = reach_hour_of(qf->last_attempt);
    row->is_untimed = !message_has_attempt(worker->message);
    if (row->is_untimed ||
        ((first->kind == STATUS_REFUSED || status_is_alive(first->kind)) &&
         is_inner_host(scene, host)))
        return;
    reach_note(&worker->crowd->reach, qf->last_attempt, first->kind, host,
               has_host ? first->host_hash : first->domain_hash);
}

static void gather_recipients(struct worker *worker, struct facts *row,
                              const struct first_recipient *first)
{
    row->status_kind = (uint8_t)first->kind;
    row->domain = intern_add_prefetched(&worker->crowd->strings, first->domain,
                                        first->domain_hash);
    row->host = first->host.len == 0
                    ? row->domain
                    : intern_add_prefetched(&worker->crowd->strings,
                                            first->host, first->host_hash);
    note_attempt(worker, row, first);
    row->is_cut = first->is_host_cut;
    row->has_further = worker->message->qf.recipient_count > 1;
    if (row->has_further)
        gather_more_recipients(worker, row);
}

/* RFC 3848: a protocol name that ends in A was authenticated. */
static bool is_authenticated(const struct qf *qf)
{
    struct slice protocol = qf_macro_value(qf, SLICE_LITERAL("r"));

    return protocol.len > 0 && protocol.ptr[protocol.len - 1] == 'A';
}

/* A host of the domain's own: below it, by a proven name. One of that very name
 * is what every dial-up line is that sends in its own. */
static bool is_own_host(const struct client *client, struct slice domain)
{
    return !client->forged && client->name.len > domain.len && domain.len > 0 &&
           domain_is_within(client->name, domain);
}

static bool is_own_name(const struct client *client, struct slice domain)
{
    return domain.len > 0 &&
           (domain.ptr[0] == '[' || slice_equal_nocase(client->name, domain));
}

static bool is_named_in(const struct scene *scene, const char *list,
                        const struct client *client)
{
    return client->name.len > 0 && !client->forged &&
           rules_list_has(scene->rules, list, client->name);
}

/* Whose mail is ours: from our own network or relays, or after a login. Of a
 * host that is merely named in our-domains nobody knows: a web server's forms
 * and scripts write to whom strangers name. */
static bool is_inside(const struct message *message,
                      const struct client *client, bool is_logged_in)
{
    return is_logged_in || (client->has_ip && ip_is_private(&client->ip)) ||
           message_is_our_host(message->scene, client) ||
           is_named_in(message->scene, "our-hosts", client);
}

/* As crowd_client_key; 0 of a host of ours by its name, too. */
static struct crowd_client_key outside_key(const struct worker *worker,
                                           const struct client *client)
{
    const struct scene *scene = &worker->scan->scene;

    return (scene->is_domains_known &&
            is_named_in(scene, "our-domains", client)) ||
                   is_named_in(scene, "our-hosts", client)
               ? (struct crowd_client_key){0, 0}
               : crowd_client_key(worker->crowd, client);
}

/* Whom the client writes for: a report without a sender is of the host's owner,
 * unless a line of his customers' sent it. */
static struct slice writer_domain(const struct worker *worker,
                                  const struct client *client)
{
    if (!message_has_null_sender(worker->message))
        return address_domain(address_bare(worker->message->qf.sender));
    return client->has_ip && !name_is_generic(client->name, &client->ip)
               ? name_owner(client->name)
               : (struct slice){NULL, 0};
}

static void gather_writer(struct worker *worker, const struct client *client)
{
    struct slice domain = writer_domain(worker, client);
    char lower[256];

    if (domain.len > sizeof(lower))
        return;
    domain = bytes_lower(lower, domain);
    crowd_add_writer(worker->crowd, &client->ip, domain);
    if (is_own_host(client, domain))
        crowd_add_known(worker->crowd, domain);
}

/* A reply that a machine sent, without a sender or as one, may be for a forged
 * address. */
static void gather_addressees(struct worker *worker, bool is_ours)
{
    struct message *message = worker->message;

    for (size_t i = 0; i < message->qf.recipient_count; i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];
        struct slice domain = message_domain_of(message, recipient);

        crowd_add_addressee(worker->crowd, address_bare(recipient->address));
        if (is_ours && domain.len > 0)
            crowd_add_known(worker->crowd, domain);
    }
}

/* Who handed the message in, or to a filter of ours that did; false: nobody
 * knows. */
static bool find_client(const struct message *message, struct client *client,
                        bool *is_ours_r)
{
    struct filter_client first;
    bool is_logged_in = is_authenticated(&message->qf);

    if (!client_parse(qf_macro_value(&message->qf, SLICE_LITERAL("_")), client))
        return false;
    if (filter_is_near(client) && filter_find_client(&message->qf, &first)) {
        *client = first.client;
        is_logged_in = first.is_authenticated;
    }
    *is_ours_r = is_inside(message, client, is_logged_in);
    return true;
}

/* Not of what comes back, nor of what programs answer: that goes to forged
 * domains, too; nor where an alias of ours leads. */
static void gather_handed_in(struct worker *worker, struct crowd_client_key key)
{
    struct message *message = worker->message;

    for (size_t i = 0; i < message->qf.recipient_count && i < TARGETS_MAX;
         i++) {
        const struct qf_recipient *recipient = &message->qf.recipients[i];

        if (slice_index(recipient->flags, 'A') == recipient->flags.len)
            crowd_add_client(worker->crowd, CROWD_FOR,
                             message_domain_of(message, recipient), key);
    }
}

static void gather_client(struct worker *worker, bool has_sender)
{
    struct message *message = worker->message;
    struct client client;
    bool is_ours = false;
    bool has_client = find_client(message, &client, &is_ours);
    struct crowd_client_key key;

    if (has_sender)
        gather_addressees(worker, is_ours);
    if (!has_client || is_ours)
        return;
    key = outside_key(worker, &client);
    if (has_sender)
        gather_handed_in(worker, key);
    gather_writer(worker, &client);
}

/* Mail of that source was taken, and it is told so. */
static void gather_receipt(struct worker *worker, struct slice domain)
{
    const struct client *source =
        worker->scan->reads_data ? message_source(worker->message) : NULL;

    if (source != NULL && source->has_ip)
        crowd_add_taken(worker->crowd, &source->ip, domain);
}

/* 5.1.1, and the other codes for an address that is not there (RFC 3463
 * 3.2); old reports have no code but say it. */
static bool is_unknown_recipient(const struct dsn_recipient *recipient)
{
    return slice_equal(recipient->status, SLICE_LITERAL("5.1.1")) ||
           slice_equal(recipient->status, SLICE_LITERAL("5.1.10")) ||
           slice_equal(recipient->status, SLICE_LITERAL("5.1.6"));
}

/* Adds a name and a NUL; false when there is no room. */
static bool add_lower(char *names, size_t *len, struct slice name)
{
    if (name.len >= MORE_DOMAINS_BYTES - *len)
        return false;
    bytes_lower(names + *len, name);
    *len += name.len;
    names[(*len)++] = '\0';
    return true;
}

/* Domains of who failed, each with the host that refused it: where there are
 * too many to keep, or the place is taken by further recipients, none, so that
 * what hangs on them stays undecided. */
static void keep_targets(struct worker *worker, struct facts *row)
{
    const struct dsn *dsn = &worker->message->dsn;
    struct slice last = {NULL, 0}, last_host = {NULL, 0};
    char names[MORE_DOMAINS_BYTES];
    size_t len = 0;

    if (row->more_domains != INTERN_NONE)
        return;
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];
        struct slice domain = address_domain(recipient->final_recipient);
        struct slice host = message_refusing_host(recipient);

        if (!dsn_has_failed(recipient) || domain.len == 0 ||
            (slice_equal_nocase(domain, last) &&
             slice_equal_nocase(host, last_host)))
            continue;
        last = domain;
        last_host = host;
        if (!add_lower(names, &len, domain) || !add_lower(names, &len, host))
            return;
    }
    if (len == 0)
        return;
    row->more_domains =
        intern_add(&worker->crowd->strings, slice_make(names, len));
    row->has_targets = row->more_domains != INTERN_NONE;
}

/* Whom the source wrote to; where a report quotes a reply, a host of that
 * domain spoke. */
static void gather_targets(struct worker *worker, struct crowd_client_key key)
{
    const struct dsn *dsn = &worker->message->dsn;
    char lower[256], lower_host[256];

    for (size_t i = 0; i < dsn->recipient_count && i < TARGETS_MAX; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];
        struct slice domain = address_domain(recipient->final_recipient);
        struct slice host = message_refusing_host(recipient);

        if (domain.len == 0 || domain.len > sizeof(lower))
            continue;
        domain = bytes_lower(lower, domain);
        crowd_add_client(worker->crowd, CROWD_FOR, domain, key);
        if (host.len > 0 && host.len <= sizeof(lower_host))
            crowd_add_client(worker->crowd, CROWD_AT,
                             bytes_lower(lower_host, host), key);
        if (slice_is_absent(recipient->diagnostic))
            continue;
        crowd_add_answer(worker->crowd, domain);
        crowd_add_client(worker->crowd, CROWD_REPLY, domain,
                         (struct crowd_client_key){1, 1});
    }
}

static void gather_source(struct worker *worker, struct facts *row,
                          uint32_t row_number, const struct client *source,
                          uint32_t hash, uint64_t site)
{
    struct message *message = worker->message;

    row->source =
        crowd_add_prefetched(worker->crowd, &source->ip, hash, row_number);
    crowd_add_site(worker->crowd, row->source, site);
    for (size_t i = 0; i < message->dsn.recipient_count; i++)
        if (is_unknown_recipient(&message->dsn.recipients[i]))
            crowd_add_guess(worker->crowd, row->source,
                            message->dsn.recipients[i].final_recipient);
}

/* Of several nobody knows which one was meant. */
static uint16_t aim_of(const struct worker *worker)
{
    const struct dsn *dsn = &worker->message->dsn;
    struct slice aim = {NULL, 0};
    uint16_t hash;

    for (size_t i = 0; i < dsn->recipient_count; i++) {
        if (!dsn_has_failed(&dsn->recipients[i]))
            continue;
        if (aim.len > 0)
            return 0;
        aim = dsn->recipients[i].final_recipient;
    }
    if (aim.len == 0)
        return 0;
    hash = (uint16_t)crowd_address_hash(worker->crowd, aim);
    return hash == 0 ? 1 : hash;
}

/* Between asking for a place in a table and looking at it something else is
 * done. */
static void gather(struct worker *worker, struct in_hand *one)
{
    struct message *message = &one->message;
    struct facts *row = one->row;
    const struct first_recipient *first = &one->first;
    struct crowd *crowd = worker->crowd;
    const struct client *source = NULL;
    uint32_t hash = 0;
    struct crowd_client_key key = {0, 0};

    intern_prefetch_more(&crowd->strings, first->domain_hash);
    row->has_sender = !message_is_own_report(message) &&
                      !message_has_null_sender(message) &&
                      !message_is_notice(message);
    if (!message_is_own_report(message))
        gather_client(worker, row->has_sender);
    else if (row->is_bounce) {
        source = message_culprit(message);
        row->aim = aim_of(worker);
    } else if (message_dsn_kind(message) == DSN_RECEIPT)
        gather_receipt(worker, first->domain);
    if (source != NULL) {
        hash = crowd_prefetch_source(crowd, &source->ip);
        key = outside_key(worker, source);
        gather_targets(worker, key);
        if (is_own_host(source, first->domain))
            crowd_add_known(crowd, first->domain);
        row->is_own_name = is_own_name(source, first->domain);
        if (message->qf.recipient_count > 0)
            row->address_hash = crowd_address_hash(
                crowd, address_bare(message->qf.recipients[0].address));
        crowd_prefetch_more(crowd, hash);
    }
    gather_recipients(worker, row, first);
    if (source != NULL) {
        keep_targets(worker, row);
        gather_source(worker, row, one->row_number, source, hash, key.site);
    }
}

/* ---- judging ---- */

/*
 * Whether df is there is told by the joined names afterwards: only a d line,
 * which leads to another directory, is followed at once.
 */
static enum facts_state state_of(struct message *message, struct facts *row,
                                 bool look_for_data)
{
    if (row->letter == 'h')
        return FACTS_QUARANTINED;
    if (row->letter == 'Q')
        return FACTS_LOST;
    if (message->qf_outcome != QF_OK) {
        row->oddities |= ODD_TEXT;
        return FACTS_DAMAGED;
    }
    row->has_data_dir = !slice_is_absent(message->qf.data_dir) && !row->is_held;
    if ((row->has_data_dir || look_for_data) &&
        !message_need_data_stat(message)) {
        row->oddities |= ODD_NO_DATA;
        return FACTS_DAMAGED;
    }
    return FACTS_JUDGED;
}

static uint32_t keep_pending(struct worker *worker, struct slice pending)
{
    struct intern *blobs = &worker->crowd->blobs;

    if (!slice_equal(pending, intern_text(blobs, worker->last_pending)))
        worker->last_pending = intern_add(blobs, pending);
    return worker->last_pending;
}

static void note_verdict(struct worker *worker, struct facts *row,
                         const struct rules_verdict *verdict)
{
    row->rule = verdict->rule;
    row->is_purge = verdict->purge;
    row->is_undecided = verdict->undecided_count > 0;
    row->is_later = verdict->is_later;
    if (verdict->is_later)
        row->pending =
            keep_pending(worker, slice_make((const char *)verdict->pending,
                                            verdict->pending_bytes));
}

static void take_failure(struct worker *worker, struct facts *row,
                         enum input_outcome outcome)
{
    switch (outcome) {
    case INPUT_GONE:
        row->state = FACTS_GONE;
        break;
    case INPUT_LINK:
    case INPUT_NOT_REGULAR:
        row->state = FACTS_DAMAGED;
        row->oddities |= outcome == INPUT_LINK ? ODD_LINK : ODD_NOT_REGULAR;
        break;
    default:
        row->state = FACTS_UNREADABLE;
        complain_row(worker, row, "cannot be read",
                     outcome == INPUT_FAILED
                         ? strerror(worker->message->control_input.error)
                         : input_outcome_text(outcome));
        break;
    }
}

/* Bounces are what a postmaster wants to be rid of. number: of its verdict. */
static void note_missed(struct worker *worker, struct facts *row, size_t number)
{
    row->pending = row->is_bounce && !row->is_purge && !row->is_undecided
                       ? rules_missed(worker->matcher, number)
                       : 0;
}

/* 0 where df is so young that its times might not tell of a further change:
 * some file systems count whole seconds. */
static uint64_t basis_of(struct message *message)
{
    uint64_t basis = message_basis(message);

    return message->data_stat.st_ctim.tv_sec < message->scene->basis_before
               ? basis
               : 0;
}

/* A second look starts anew, and may find the message gone. */
static void clear_row(struct worker *worker, struct facts *row)
{
    row->worker = worker->number;
    row->is_wanted = worker->where_matcher == NULL;
    row->rule = RULES_NO_RULE;
    row->domain = row->more_domains = row->host = row->source = 0;
    row->has_targets = row->has_further = row->is_cut = false;
    row->pending = 0;
    row->address_hash = row->basis = 0;
    row->aim = 0;
    row->status_kind = STATUS_NONE;
    row->is_bounce = row->is_own_name = row->has_sender = false;
    row->is_purge = row->is_undecided = false;
    row->is_later = row->is_where_later = false;
}

/* The message in hand, once it is read. */
static void note_message(struct worker *worker, struct facts *row,
                         bool look_for_data)
{
    struct message *message = worker->message;

    row->created = message->qf.has_created ? message->qf.created
                                           : message->control_stat.st_mtime;
    if (message->has_control_stat)
        note_stat_oddities(worker, row, &message->control_stat);
    note_text_oddities(row, message);
    row->state = (uint8_t)state_of(message, row, look_for_data);
}

/* What others want of it, and what is only known once it is judged. */
static void gather_row(struct worker *worker, struct in_hand *one)
{
    struct message *message = &one->message;
    struct facts *row = one->row;

    gather(worker, one);
    if (message->has_failed) { /* no memory: what is missing, nobody knows */
        row->is_purge = row->is_later = false;
        row->is_undecided = true;
    }
    if (message->data_state == DATA_UNREADABLE)
        complain_row(worker, row, "its df cannot be read",
                     message->data_input.error == 0 ||
                             message->data_input.error == ESPIPE
                         ? "no regular file"
                         : strerror(message->data_input.error));
    if (message->scene->basis_before != 0 && (row->is_purge || row->is_later))
        row->basis = basis_of(message);
    if (worker->scan->reads_data && message_data_bytes(message) > 0)
        row->size_bytes = (uint64_t)message_data_bytes(message);
}

/*
 * Owner, mode, links cost a system call each. A summary is spared most of them
 * where only root and the folder's owner write: what they do to many files (a
 * copy that links, a restored backup) shows in the first of a folder, and in
 * each whose id ends in 00, and then all are looked at. What is odd at first
 * sight always is.
 */
static bool wants_stat(const struct worker *worker, const struct facts *row,
                       uint32_t row_number)
{
    const struct queue_folder *folder =
        queue_folder_for(worker->scan->scene.queues, row->dir, row->letter);

    return worker->scan->looks_at_files || row->letter != 'q' ||
           folder->is_shared || row_number - folder->first_row < LOOKED_AT ||
           slice_ends(facts_id(row), SLICE_LITERAL("00"));
}

/* Reads one more, where there is room for it. */
static void take_in_hand(struct worker *worker, struct facts *row,
                         uint32_t row_number, bool look_for_data)
{
    struct in_hand *one = &worker->hand[worker->hand_count++];

    clear_row(worker, row);
    if (worker->has_own_descriptors)
        one->message.closing = &worker->closing;
    one->row = row;
    one->row_number = row_number;
    one->outcome =
        message_read(&one->message, row,
                     look_for_data || wants_stat(worker, row, row_number));
    if (one->outcome == INPUT_OK)
        worker->hand_bytes += one->message.control.len;
}

static void parse_row(struct in_hand *one, bool reads_data)
{
    struct message *message = &one->message;

    one->outcome = message_parse(message);
    if (one->outcome == INPUT_OK && !message->qf.has_created &&
        !message->has_control_stat) /* then the file's own time must do */
        one->outcome = message_load(message, one->row, true);
    one->row->is_bounce = one->outcome == INPUT_OK && reads_data &&
                          message_is_own_report(message) &&
                          message_dsn_kind(message) == DSN_FAILURE;
}

static void judge_by_rules(struct worker *worker)
{
    struct rules_judged judged[HAND];
    struct facts *rows[HAND];
    size_t count = 0;

    for (size_t i = 0; i < worker->hand_count; i++) {
        struct in_hand *one = &worker->hand[i];

        if (one->outcome != INPUT_OK || one->row->state != FACTS_JUDGED)
            continue;
        judged[count].message = &one->message;
        judged[count].late = message_late(&one->message);
        rows[count++] = one->row;
    }
    rules_judge_all(worker->matcher, message_fetch, judged, count);
    for (size_t i = 0; i < count; i++) {
        note_verdict(worker, rows[i], &judged[i].verdict);
        if (!rows[i]->is_later)
            note_missed(worker, rows[i], i);
    }
}

/* Also what no rule is asked about. */
static void judge_by_where(struct worker *worker)
{
    struct rules_verdict verdict;

    for (size_t i = 0; i < worker->hand_count; i++) {
        struct in_hand *one = &worker->hand[i];

        if (one->outcome != INPUT_OK)
            continue;
        rules_judge(worker->where_matcher, message_fetch, &one->message,
                    &verdict);
        one->row->is_wanted = verdict.rule != RULES_NO_RULE;
        one->row->is_where_later = verdict.is_later;
    }
}

/* Of a bounce the source will be asked for, of mail the size; both are told by
 * df. */
static void look_at_data(const struct worker *worker, struct in_hand *one)
{
    struct message *message = &one->message;

    if (one->row->is_bounce)
        message_need_data(message);
    else if (worker->scan->reads_data && !message_is_own_report(message) &&
             !message_has_null_sender(message))
        (void)message_need_data_stat(message);
}

static bool is_large(const struct message *message)
{
    return message->control.len > SMALL_FILE_BYTES ||
           message->qf.recipient_count > SMALL_RECIPIENTS ||
           (message->data_state == DATA_READ &&
            (message->data.len > SMALL_FILE_BYTES ||
             message->dsn.recipient_count > SMALL_RECIPIENTS));
}

static void give_back_memory(struct message *message)
{
    const struct scene *scene = message->scene;

    if (!is_large(message))
        return;
    message_free(message);
    message_init(message, scene);
}

/* What can only be done in the order of the rows: complaints. */
static void finish_row(struct worker *worker, struct in_hand *one)
{
    worker->message = &one->message;
    if (one->outcome == INPUT_OK)
        gather_row(worker, one);
    else
        take_failure(worker, one->row, one->outcome);
}

/* Scans what is in hand, which is read, and lays it down. Files are closed
 * while the kernel still has what it knows of them in its cache. */
static void scan_hand(struct worker *worker, bool look_for_data)
{
    struct in_hand *const hand = worker->hand;
    size_t count = worker->hand_count;

    closing_close(&worker->closing);
    for (size_t i = 0; i < count; i++)
        if (hand[i].outcome == INPUT_OK)
            parse_row(&hand[i], worker->scan->reads_data);
    for (size_t i = 0; i < count; i++)
        if (hand[i].outcome == INPUT_OK)
            look_at_data(worker, &hand[i]);
    closing_close(&worker->closing);
    for (size_t i = 0; i < count; i++)
        if (hand[i].row->is_bounce)
            message_need_dsn(&hand[i].message);
    for (size_t i = 0; i < count; i++)
        if (hand[i].outcome == INPUT_OK) {
            worker->message = &hand[i].message;
            note_message(worker, hand[i].row, look_for_data);
            look_at_recipient(worker, &hand[i].first);
        }
    judge_by_rules(worker);
    if (worker->where_matcher != NULL)
        judge_by_where(worker);
    for (size_t i = 0; i < count; i++) {
        finish_row(worker, &hand[i]);
        hand[i].message.closing = NULL;
        give_back_memory(&hand[i].message);
    }
    closing_close(&worker->closing);
    worker->hand_count = worker->hand_bytes = 0;
}

/* Takes one more in hand, and scans the hand when it is full. */
static void take_row(struct worker *worker, struct facts *row,
                     uint32_t row_number)
{
    take_in_hand(worker, row, row_number, false);
    if (worker->hand_count == HAND || worker->hand_bytes > HAND_BYTES)
        scan_hand(worker, false);
}

/* The first job joins the names, while the other workers read messages. */
static void scan_piece(void *context, unsigned number, size_t first, size_t end)
{
    struct run *run = context;
    struct worker *worker = &run->workers[number];

    worker->has_own_descriptors = workers_own_descriptors();
    if (first == 0 && run->scan->listing != NULL)
        run->has_joined = queue_join(run->scan->listing);
    for (size_t i = first; i < end; i++) {
        uint32_t row = run->order == NULL ? (uint32_t)i : run->order[i];

        if (row >= run->ahead)
            take_row(worker, &run->scan->table.rows[row], row);
    }
    scan_hand(worker, false);
}

/* ---- listing, and reading meanwhile ---- */

static int64_t blocks_read(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_inblock;
}

/* Copies rows that nobody has read yet: the table moves when it grows. Returns
 * how many, and the number of the first; *is_over_r when there will be none. */
static size_t take_ahead(struct run *run, struct facts rows[static PIECE],
                         size_t *first_r, bool *is_over_r)
{
    size_t count;

    pthread_mutex_lock(&run->lock);
    count = run->scan->table.count - run->ahead;
    if (count > PIECE)
        count = PIECE;
    *is_over_r = run->is_listed;
    *first_r = run->ahead;
    if (run->is_listed)
        count = 0;
    if (count > 0)
        memcpy(rows, run->scan->table.rows + run->ahead, count * sizeof(*rows));
    run->ahead += count;
    pthread_mutex_unlock(&run->lock);
    return count;
}

/*
 * One directory is listed by one thread; the others read what it has listed so
 * far, until it is through. Only as long as no disk is at work: from a disk,
 * files are better read in the order of their inodes, all of them.
 */
static void read_ahead(struct run *run, struct worker *worker)
{
    struct facts rows[PIECE];
    bool is_over = false;

    worker->has_own_descriptors = workers_own_descriptors();
    while (!is_over && interrupt_signal() == 0 &&
           blocks_read() == run->blocks_at_start) {
        size_t first, count = take_ahead(run, rows, &first, &is_over);

        if (count == 0 && !is_over)
            nanosleep(&(struct timespec){.tv_nsec = AHEAD_WAIT_NSEC}, NULL);
        for (size_t i = 0; i < count; i++)
            take_row(worker, &rows[i], (uint32_t)(first + i));
        scan_hand(worker, false);
        pthread_mutex_lock(&run->lock);
        if (count > 0)
            memcpy(run->scan->table.rows + first, rows, count * sizeof(*rows));
        pthread_mutex_unlock(&run->lock);
    }
}

static void list_queues(struct run *run)
{
    struct scan *scan = run->scan;

    scan->listing =
        queue_list(scan->queues, &scan->table, &run->lock, scan->complaints);
    pthread_mutex_lock(&run->lock);
    run->is_listed = true;
    pthread_mutex_unlock(&run->lock);
}

static void list_or_read(void *context, unsigned number, size_t first,
                         size_t end)
{
    struct run *run = context;

    (void)end;
    if (first == 0)
        list_queues(run);
    else
        read_ahead(run, &run->workers[number]);
}

/* ---- the second look ---- */

static bool needs_second_look(const struct facts *row)
{
    return row->state == FACTS_ORPHAN ||
           (row->state == FACTS_JUDGED && !row->is_held && !row->has_data_dir &&
            (row->beside & BESIDE_DATA) == 0) ||
           (row->state == FACTS_DAMAGED &&
            (row->oddities & (ODD_TEXT | ODD_NO_DATA)) != 0);
}

static bool has_control_now(const struct scene *scene, const struct facts *row)
{
    static const char letters[] = "qhQ";
    const struct queue_set *queues = scene->queues;

    for (size_t d = 0; d < queues->dir_count; d++) {
        int fd = queues->folders[queues->dirs[d].control].fd;

        for (size_t i = 0; i < 3; i++) {
            char name[QUEUE_HELD_NAME_MAX];
            struct stat st;

            if (queue_file_name(name, letters[i], facts_id(row), false) &&
                fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return true;
        }
    }
    return false;
}

/* A copied file looks young; its id tells when it was made. */
static bool is_id_old(const struct facts *row, int64_t now)
{
    struct queueid id;

    queueid_decode(facts_id(row), now, &id);
    return id.created >= 0 && now - id.created >= NEWBORN_SEC;
}

static void look_again(struct worker *worker, uint32_t row_number)
{
    struct facts *row = &worker->scan->table.rows[row_number];
    const struct scene *scene = &worker->scan->scene;

    if (row->state == FACTS_ORPHAN) {
        if (has_control_now(scene, row))
            row->state = FACTS_GONE; /* its qf came after the listing */
        return;
    }
    row->oddities &= (uint16_t) ~(ODD_TEXT | ODD_NO_DATA);
    row->state = FACTS_JUDGED;
    take_in_hand(worker, row, row_number, true);
    scan_hand(worker, true);
    if (row->state == FACTS_DAMAGED &&
        worker->message->qf_outcome == QF_EMPTY &&
        scene->now - row->created < NEWBORN_SEC && !is_id_old(row, scene->now))
        row->state = FACTS_NEWBORN;
}

static void drop_purge_if_kept(struct facts *row)
{
    if (scan_keep_reason(row) != NULL)
        row->is_purge = false;
}

/* What the joined names say of a row. */
static void note_names(struct run *run, struct facts *row)
{
    if (row->state == FACTS_ORPHAN) {
        row->is_wanted = run->workers[0].where_matcher == NULL;
        look_at_orphan(&run->workers[0], row);
    }
    if ((row->beside & BESIDE_REWRITE) != 0)
        row->oddities |= ODD_STALE_TF;
    if ((row->beside & BESIDE_CONTROL) != 0)
        row->oddities |= ODD_TWO_CONTROLS;
    drop_purge_if_kept(row);
}

/*
 * Names were listed before files were read: what looks torn may have been
 * written, or finished, since. Young ones get a moment. The table is walked
 * once when there is nothing to look at: it is larger than any cache.
 */
static void second_look(struct run *run)
{
    struct facts_table *table = &run->scan->table;
    int64_t now = time(NULL);
    size_t orphan_count = 0, torn_count = 0;
    bool is_any_young = false;

    for (size_t i = 0; i < table->count; i++) {
        struct facts *row = &table->rows[i];

        note_names(run, row);
        if (!needs_second_look(row))
            continue;
        torn_count++;
        orphan_count += row->state == FACTS_ORPHAN;
        is_any_young = is_any_young || row->created > now - YOUNG_SEC;
    }
    run->workers[0].has_own_descriptors = false; /* this is its user now */
    if (is_any_young)
        nanosleep(&(struct timespec){.tv_nsec = SECOND_LOOK_NSEC}, NULL);
    for (size_t i = 0; torn_count > 0 && i < table->count; i++) {
        struct facts *row = &table->rows[i];

        /* of very many only the young ones can have found a control file */
        if (needs_second_look(row) &&
            (row->state != FACTS_ORPHAN || orphan_count <= ORPHANS_LOOKED_UP ||
             row->created > now - ORPHAN_YOUNG_SEC)) {
            look_again(&run->workers[0], (uint32_t)i);
            drop_purge_if_kept(row);
        }
    }
}

/* ---- files that nobody looked at ---- */

static void look_at_file(struct worker *worker, struct facts *row)
{
    struct stat st;

    if (row->letter == 'q' && row->state != FACTS_GONE &&
        row->state != FACTS_UNREADABLE &&
        queue_stat_row(worker->scan->scene.queues, row, &st) &&
        S_ISREG(st.st_mode)) {
        note_stat_oddities(worker, row, &st);
        drop_purge_if_kept(row);
    }
}

static void look_at_piece(void *context, unsigned number, size_t first,
                          size_t end)
{
    struct run *run = context;

    for (size_t i = first; i < end; i++)
        look_at_file(&run->workers[number], &run->scan->table.rows[i]);
}

static bool look_at_all(struct run *run)
{
    const struct scan *scan = run->scan;
    struct progress none = {.when = PROGRESS_NEVER};
    bool is_any_odd = false;

    for (unsigned i = 0; i < scan->worker_count; i++)
        is_any_odd = is_any_odd || run->workers[i].has_met_odd_file;
    return scan->looks_at_files || !is_any_odd ||
           workers_run(scan->worker_count, scan->table.count, PIECE,
                       look_at_piece, run, &none);
}

/* ---- the second phase ---- */

enum { ROW_VALUES_MAX = 64 };

struct row_message {
    const struct scene *scene;
    const struct facts *row;
    /* of the last two fields asked for: they may be compared */
    struct field_value values[2][ROW_VALUES_MAX];
    unsigned turn;
};

/* Counts of its first recipient's domain. */
static const struct crowd_host *row_domain(const struct row_message *message)
{
    return &message->scene->crowd->hosts[message->row->domain];
}

/* Domains of a row's further recipients, or of those whom its report is of: it
 * has one of them. */
static struct slice further_names(const struct row_message *message,
                                  bool of_targets)
{
    const struct facts *row = message->row;

    return intern_text(&message->scene->crowd->strings,
                       row->has_targets == of_targets ? row->more_domains
                                                      : INTERN_NONE);
}

/* Next of the names that NUL bytes end, or stand between. */
static bool next_name(struct slice *names, struct slice *name_r)
{
    if (names->len == 0)
        return false;
    *name_r = slice_head(*names, slice_index(*names, '\0'));
    *names = slice_skip(*names, name_r->len + 1);
    return true;
}

static void add_row_number(struct row_message *message, int64_t number,
                           struct field_view *view_r)
{
    message->values[message->turn][view_r->value_count++] =
        (struct field_value){.text = SLICE_LITERAL(""), .number = number};
    view_r->state = FIELD_PRESENT;
}

static void add_row_domains(struct row_message *message,
                            enum rules_field_id field,
                            struct field_view *view_r)
{
    const struct intern *strings = &message->scene->crowd->strings;
    struct slice more = further_names(message, false);
    struct slice domain = intern_text(strings, message->row->domain);

    if (field == FIELD_HOST_ANSWERED && more.len == 0) {
        /* nearly always: its number is at hand */
        add_row_number(message, row_domain(message)->answered, view_r);
        return;
    }
    do {
        if (view_r->value_count == ROW_VALUES_MAX) {
            view_r->state = FIELD_UNDECIDED;
            return;
        }
        add_row_number(message,
                       crowd_value_of_domain(message->scene, field, domain),
                       view_r);
    } while (next_name(&more, &domain));
}

static void add_row_targets(struct row_message *message,
                            struct field_view *view_r)
{
    const struct scene *scene = message->scene;
    struct slice names = further_names(message, true);
    struct slice domain, host;

    if (names.len == 0)
        view_r->state = FIELD_UNDECIDED;
    while (next_name(&names, &domain) && next_name(&names, &host)) {
        if (rules_list_has(scene->rules, "our-domains", domain))
            continue;
        if (view_r->value_count == ROW_VALUES_MAX) {
            view_r->state = FIELD_UNDECIDED;
            return;
        }
        add_row_number(message,
                       crowd_count_alike(scene->crowd, domain, host,
                                         row_domain(message)->sources),
                       view_r);
    }
}

static bool row_source_writes(const struct row_message *message,
                              const struct ip *ip)
{
    const struct crowd *crowd = message->scene->crowd;
    struct slice more = further_names(message, false);
    struct slice domain = intern_text(&crowd->strings, message->row->domain);

    if (crowd_is_addressed(crowd, message->row->address_hash))
        return true;
    do
        if (crowd_is_correspondent(crowd, ip, domain))
            return true;
    while (next_name(&more, &domain));
    return false;
}

/* Of further recipients a row has no address. */
static void add_row_writes(struct row_message *message, const struct ip *ip,
                           struct field_view *view_r)
{
    bool writes = row_source_writes(message, ip);

    if (!writes && message->row->has_further)
        view_r->state = FIELD_UNDECIDED;
    else
        add_row_number(message, writes, view_r);
}

static void add_row_known(struct row_message *message,
                          struct field_view *view_r)
{
    const struct crowd *crowd = message->scene->crowd;
    struct slice more = further_names(message, false);
    struct slice domain = intern_text(&crowd->strings, message->row->domain);
    bool is_any = false;

    do
        is_any = crowd_is_known(crowd, domain);
    while (!is_any && next_name(&more, &domain));
    add_row_number(message, is_any, view_r);
}

static void add_row_source(struct row_message *message,
                           enum rules_field_id field, struct field_view *view_r)
{
    const struct crowd_source *source =
        &message->scene->crowd->sources.items[message->row->source];

    if (message->row->source == 0) /* there is one, but of no failure */
        view_r->state = FIELD_UNDECIDED;
    else if (field == FIELD_SOURCE_WRITES)
        add_row_writes(message, &source->ip, view_r);
    else if (field == FIELD_SOURCE_FORGES)
        add_row_number(message, crowd_forges(source), view_r);
    else if (field == FIELD_SOURCE_STEADY)
        add_row_number(message, crowd_is_steady(source, row_domain(message)),
                       view_r);
    else
        add_row_number(message,
                       field == FIELD_SOURCE_BOUNCES ? source->bounces
                                                     : source->guesses,
                       view_r);
}

static void add_row_network(struct row_message *message,
                            struct field_view *view_r)
{
    const struct facts *row = message->row;

    if (row->is_untimed)
        view_r->state = FIELD_UNDECIDED;
    else
        add_row_number(message,
                       reach_is_lost(&message->scene->crowd->reach, row->tried,
                                     row->status_kind),
                       view_r);
}

static bool is_of_recipients(enum rules_field_id field)
{
    return crowd_is_of_host(field) || field == FIELD_HOST_ANSWERED ||
           field == FIELD_RECIPIENT_CLIENTS || field == FIELD_RECIPIENT_KNOWN ||
           field == FIELD_RECIPIENT_STEADY || field == FIELD_SOURCE_WRITES;
}

/* rules_fetch from the facts table alone; what is not kept there stays
 * undecided, and the message is kept. */
static void fetch_from_row(void *context, enum rules_field_id field,
                           struct slice header, struct field_view *view_r)
{
    struct row_message *message = context;

    (void)header;
    message->turn ^= 1;
    view_r->values = message->values[message->turn];
    view_r->value_count = 0;
    view_r->state = FIELD_ABSENT;
    if (message->row->is_cut && is_of_recipients(field))
        view_r->state = FIELD_UNDECIDED;
    else if (field == FIELD_SOURCE_BOUNCES || field == FIELD_SOURCE_GUESSES ||
             field == FIELD_SOURCE_WRITES || field == FIELD_SOURCE_STEADY ||
             field == FIELD_SOURCE_FORGES)
        add_row_source(message, field, view_r);
    else if (field == FIELD_RECIPIENT_KNOWN)
        add_row_known(message, view_r);
    else if (field == FIELD_RECIPIENT_STEADY)
        add_row_number(message, crowd_has_one_aim(row_domain(message)), view_r);
    else if (field == FIELD_NETWORK_DOWN)
        add_row_network(message, view_r);
    else if (field == FIELD_DSN_CLIENTS)
        add_row_targets(message, view_r);
    else if (field == FIELD_HOST_ANSWERED || field == FIELD_RECIPIENT_CLIENTS)
        add_row_domains(message, field, view_r);
    else if (crowd_is_of_host(field) &&
             further_names(message, false).len == 0) {
        add_row_number(
            message,
            crowd_value_of_host(
                &message->scene->crowd->hosts[message->row->host], field),
            view_r);
    } else {
        view_r->state = FIELD_UNDECIDED;
    }
}

static void decide_row(struct worker *worker, struct facts *row)
{
    struct scan *scan = worker->scan;
    struct row_message message; /* its values are set when they are asked */
    struct slice pending = intern_text(&scan->scene.crowd->blobs, row->pending);
    struct rules_verdict verdict;

    message.scene = &scan->scene;
    message.row = row;
    message.turn = 0;
    rules_judge_later(worker->matcher, (const uint8_t *)pending.ptr,
                      pending.len, fetch_from_row, &message, &verdict);
    row->rule = verdict.rule;
    row->is_purge = verdict.purge && scan_keep_reason(row) == NULL;
    row->is_undecided = verdict.undecided_count > 0;
    row->is_later = false;
    note_missed(worker, row, 0);
}

/* --where about the crowd is rare: the message is simply read again. */
static void decide_where(struct worker *worker, struct facts *row)
{
    struct rules_verdict verdict;

    row->is_where_later = false;
    row->is_wanted = false;
    row->basis = 0; /* that was of another reading */
    if (message_load(worker->message, row, false) != INPUT_OK)
        return;
    rules_judge(worker->where_matcher, message_fetch, worker->message,
                &verdict);
    row->is_wanted = verdict.rule != RULES_NO_RULE;
}

static void decide_piece(void *context, unsigned number, size_t first,
                         size_t end)
{
    struct run *run = context;
    struct worker *worker = &run->workers[number];

    for (size_t i = first; i < end; i++) {
        struct facts *row = &run->scan->table.rows[i];

        if (end - i > CROWD_AHEAD)
            crowd_prefetch_ahead(run->scan->scene.crowd, row);
        if (row->is_later)
            decide_row(worker, row);
        if (row->is_where_later)
            decide_where(worker, row);
    }
}

/* ---- the whole ---- */

void scan_say_time(const struct scan *scan, const char *phase,
                   struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (scan->is_verbose)
        fprintf(stderr, "qscan: %s: %.3f s\n", phase,
                (double)(now.tv_sec - since->tv_sec) +
                    (double)(now.tv_nsec - since->tv_nsec) / 1e9);
    *since = now;
}

static bool start_workers(struct run *run, const uint64_t key[2])
{
    struct scan *scan = run->scan;

    run->workers = calloc(scan->worker_count, sizeof(*run->workers));
    scan->crowds = calloc(scan->worker_count, sizeof(*scan->crowds));
    if (run->workers == NULL || scan->crowds == NULL)
        return false;
    for (unsigned i = 0; i < scan->worker_count; i++) {
        struct worker *worker = &run->workers[i];

        worker->scan = scan;
        worker->number = (uint8_t)i;
        worker->crowd = &scan->crowds[i];
        for (size_t j = 0; j < HAND; j++)
            message_init(&worker->hand[j].message, &scan->scene);
        worker->message = &worker->hand[0].message;
        worker->matcher = rules_matcher_new(scan->scene.rules);
        if (scan->scene.where != NULL)
            worker->where_matcher = rules_matcher_new(scan->scene.where);
        if (worker->matcher == NULL || !rules_remember(worker->matcher, key) ||
            (scan->scene.where != NULL && worker->where_matcher == NULL) ||
            !crowd_init(worker->crowd, key))
            return false;
    }
    return true;
}

static void stop_workers(struct run *run)
{
    for (unsigned i = 0; run->workers != NULL && i < run->scan->worker_count;
         i++) {
        for (size_t j = 0; j < HAND; j++)
            message_free(&run->workers[i].hand[j].message);
        rules_matcher_free(run->workers[i].matcher);
        rules_matcher_free(run->workers[i].where_matcher);
    }
    free(run->workers);
}

/* A queue with no message at all still has names to join. */
static bool finish_listing(struct run *run)
{
    struct scan *scan = run->scan;
    bool is_done = run->has_joined || queue_join(scan->listing);

    is_done = is_done && queue_finish(scan->listing);
    if (is_done)
        scan->listing = NULL;
    return is_done;
}

static bool list_phase(struct run *run)
{
    struct scan *scan = run->scan;
    struct progress none = {.when = PROGRESS_NEVER};

    run->blocks_at_start = blocks_read();
    if (!workers_run(scan->worker_count, scan->worker_count, 1, list_or_read,
                     run, &none) ||
        scan->listing == NULL)
        return false;
    /* Where a good part was read and no disk turned, it is all in memory,
     * where any order is as good. */
    if (run->ahead > scan->table.count / SHARE_AHEAD &&
        blocks_read() == run->blocks_at_start)
        return true;
    run->order = facts_order_by_inode(&scan->table);
    return run->order != NULL;
}

static bool run_phases(struct run *run)
{
    struct scan *scan = run->scan;
    struct timespec since;

    clock_gettime(CLOCK_MONOTONIC, &since);
    if (!list_phase(run))
        return false;
    scan_say_time(scan, "directories listed", &since);
    progress_begin(&scan->progress, "messages read", scan->table.count);
    if (!workers_run(scan->worker_count, scan->table.count, PIECE, scan_piece,
                     run, &scan->progress))
        return false;
    progress_end(&scan->progress);
    if (interrupt_signal() != 0 || !finish_listing(run))
        return false;
    second_look(run);
    if (!look_at_all(run))
        return false;
    free(run->order); /* memory peaks when the crowd is merged */
    run->order = NULL;
    scan_say_time(scan, "read and judged", &since);
    if (!crowd_merge(scan->crowds, scan->worker_count, &scan->table))
        return false;
    for (size_t i = 0; i < scan->known_count; i++)
        crowd_raise_clients(&scan->crowds[0],
                            slice_from_string(scan->known[i].domain),
                            scan->known[i].clients);
    scan->scene.crowd = &scan->crowds[0];
    scan_say_time(scan, "crowd counted", &since);
    progress_begin(&scan->progress, "messages judged", scan->table.count);
    if (!workers_run(scan->worker_count, scan->table.count, PIECE * 16,
                     decide_piece, run, &scan->progress))
        return false;
    progress_end(&scan->progress);
    scan_say_time(scan, "judged by the crowd", &since);
    return true;
}

bool scan_add_known_clients(struct scan *scan, const char *domain,
                            unsigned count)
{
    struct crowd_known *known =
        realloc(scan->known, (scan->known_count + 1) * sizeof(*known));

    if (known == NULL)
        return false;
    scan->known = known;
    known[scan->known_count].domain = strdup(domain);
    known[scan->known_count].clients = count;
    scan->known_count += known[scan->known_count].domain != NULL;
    return true;
}

bool scan_list(struct scan *scan)
{
    struct run run = {.scan = scan};

    scan->listing =
        queue_list(scan->queues, &scan->table, NULL, scan->complaints);
    return scan->listing != NULL && finish_listing(&run);
}

bool scan_run(struct scan *scan)
{
    struct run run = {.scan = scan, .lock = PTHREAD_MUTEX_INITIALIZER};
    uint64_t key[2];
    bool is_done;

    keyed_hash_new_key(key);
    is_done = start_workers(&run, key) && run_phases(&run);
    stop_workers(&run);
    free(run.order);
    return is_done;
}

void scan_free(struct scan *scan)
{
    for (unsigned i = 0; scan->crowds != NULL && i < scan->worker_count; i++)
        crowd_free(&scan->crowds[i]);
    free(scan->crowds);
    for (size_t i = 0; i < scan->known_count; i++)
        free(scan->known[i].domain);
    free(scan->known);
    queue_listing_free(scan->listing);
    newnames_free(scan->newnames);
    facts_free(&scan->table);
    scan->crowds = NULL;
}
