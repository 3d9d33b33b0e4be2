#include "qscan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "parsers/queueid.h"
#include "qscan/buffer.h"
#include "qscan/gather.h"
#include "qscan/interrupt.h"
#include "qscan/rowfields.h"
#include "qscan/rowtext.h"

enum {
    PIECE = 256,
    ORPHANS_LOOKED_UP = 10000, /* so many may each be looked for again */
    NEWBORN_SEC = 600,         /* readqf removes an empty qf after 10 minutes */
    ID_TIME_SEC = 600,
    ORPHAN_YOUNG_SEC = 7200, /* DATA may take an hour: Timeout.datablock */
    YOUNG_SEC = 10,          /* worth a short wait before the second look */
    SECOND_LOOK_NSEC = 150 * 1000 * 1000,
    SHARE_AHEAD = 20,             /* one of so many tells where the rest is */
    AHEAD_WAIT_NSEC = 100 * 1000, /* a stretch of names is listed in less */
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

static struct gatherer gatherer_of(const struct worker *worker,
                                   struct in_hand *one)
{
    return (struct gatherer){.crowd = worker->crowd,
                             .message = &one->message,
                             .reads_data = worker->scan->reads_data};
}

/* What others want of it, and what is only known once it is judged. */
static void gather_row(struct worker *worker, struct in_hand *one)
{
    struct gatherer gatherer = gatherer_of(worker, one);
    struct message *message = &one->message;
    struct facts *row = one->row;

    gather_message(&gatherer, row, one->row_number, &one->first);
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
    struct gatherer gatherer;

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
            gatherer = gatherer_of(worker, &hand[i]);
            gather_look(&gatherer, &hand[i].first);
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
    if (rowtext_keep_reason(row) != NULL)
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

static void decide_row(struct worker *worker, struct facts *row)
{
    struct scan *scan = worker->scan;
    struct rowfields fields;
    struct slice pending = intern_text(&scan->scene.crowd->blobs, row->pending);
    struct rules_verdict verdict;

    fields.scene = &scan->scene;
    fields.row = row;
    fields.turn = 0;
    rules_judge_later(worker->matcher, (const uint8_t *)pending.ptr,
                      pending.len, rowfields_fetch, &fields, &verdict);
    row->rule = verdict.rule;
    row->is_purge = verdict.purge && rowtext_keep_reason(row) == NULL;
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
