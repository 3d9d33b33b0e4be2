#include "qscan/logread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "parsers/array.h"
#include "parsers/hash.h"
#include "qscan/interrupt.h"
#include "qscan/workers.h"

enum {
    AHEAD = 16, /* records for which memory is asked before they are joined */
    HOUR_BYTES = 10, /* "Nov 18 04:", "2026-11-18" */
    LANES_WIDE = 8,  /* with more logs side by side each holds fewer blocks */
    HAND = 16,       /* lines that are parsed before they become records: the
                        code for both is more than a processor keeps at hand */
};

/* A block of lines, from file to join. */
struct piece {
    struct piece *next; /* behind it in its lane; or the next free one */
    struct log_block block;
    uint32_t *ends; /* owned; of its lines, behind the newline */
    size_t end_count, end_capacity;
    struct record *records; /* owned */
    size_t count, capacity;
    struct record_scratch scratch;
    struct log_epoch near; /* of the stamp before, then as it is read */
    uint32_t line_count;
    size_t at;     /* record that is joined next */
    bool is_cut;   /* its first line is the rest of one that was cut */
    bool is_ready; /* taken apart */
    bool has_gzip; /* behind plain lines */
};

/* A log that is being read. */
struct lane {
    uint32_t file; /* number in the set */
    struct input_log *in;
    struct piece *first, *last; /* in the order of the text */
    unsigned piece_count;
    bool is_claimed;              /* a worker reads its next block */
    bool is_ended;                /* no more blocks */
    bool ends_cut;                /* the last block ended within a line */
    struct log_epoch near;        /* of the last stamp read */
    struct logline_memory stamps; /* met by find_lines */
    int32_t wrong_year;           /* of a 29 February; 0: none */
    char hour[HOUR_BYTES];        /* how lines of the last stamp's begin */
    uint64_t line_count;          /* of the blocks that were joined */
    int64_t time;         /* of the last record joined: never goes back */
    uint64_t taken_bytes; /* as far as progress knows */
};

struct reader {
    struct logread *logs;
    pthread_mutex_t lock;
    pthread_cond_t changed;  /* for the workers */
    pthread_cond_t finished; /* for who waits for them */
    struct lane **lanes;     /* open ones, by number of the file */
    size_t lane_count, lane_capacity;
    size_t next_file; /* in the set */
    struct piece *free_pieces;
    unsigned piece_limit; /* of one lane */
    bool is_joining;      /* one worker at a time */
    bool is_done;
    bool has_failed; /* no memory */
    size_t running;  /* workers */
};

struct worker {
    pthread_t thread;
    struct reader *reader;
    struct record_maker maker;
    struct record_line hand[HAND];
};

/* ---- pieces ---- */

static struct piece *take_piece(struct reader *reader)
{
    struct piece *piece = reader->free_pieces;

    if (piece != NULL) {
        reader->free_pieces = piece->next;
        piece->next = NULL;
        return piece;
    }
    piece = calloc(1, sizeof(*piece));
    if (piece != NULL)
        log_block_init(&piece->block);
    return piece;
}

static void give_back(struct reader *reader, struct piece *piece)
{
    piece->next = reader->free_pieces;
    reader->free_pieces = piece;
}

static void free_pieces(struct piece *piece)
{
    while (piece != NULL) {
        struct piece *next = piece->next;

        log_block_free(&piece->block);
        record_scratch_free(&piece->scratch);
        free(piece->ends);
        free(piece->records);
        free(piece);
        piece = next;
    }
}

/* Room for one more; NULL without memory. */
static struct record *next_record(struct piece *piece)
{
    struct record *records = array_with_room(
        piece->records, piece->count, &piece->capacity, sizeof(*records));

    if (records == NULL)
        return NULL;
    piece->records = records;
    return &piece->records[piece->count];
}

/* False without memory. */
static bool add_end(struct piece *piece, size_t end)
{
    uint32_t *ends = array_with_room(piece->ends, piece->end_count,
                                     &piece->end_capacity, sizeof(*ends));

    if (ends == NULL)
        return false;
    piece->ends = ends;
    piece->ends[piece->end_count++] = (uint32_t)end;
    return true;
}

static struct slice line_at(const struct piece *piece, size_t number)
{
    size_t start = number == 0 ? 0 : piece->ends[number - 1];

    return slice_without_newline(
        slice_make(piece->block.text.ptr + start, piece->ends[number] - start));
}

/* A processor looks ahead too late while it takes lines apart: what lies some
 * lines ahead is asked for now. */
static inline void prefetch_text(const struct piece *piece, size_t at)
{
    enum { AHEAD_BYTES = 2048, LINE_BYTES = 256, CACHE_LINE_BYTES = 64 };

    if (piece->block.text.len - at < AHEAD_BYTES + LINE_BYTES)
        return;
    for (size_t i = 0; i < LINE_BYTES; i += CACHE_LINE_BYTES)
        __builtin_prefetch(piece->block.text.ptr + at + AHEAD_BYTES + i);
}

/* cat mail.log mail.log.2.gz: only a file that begins so is unpacked. */
static const struct slice gzip_begins = {"\x1f\x8b\x08", 3};

/* A file that shrinks takes the newlines with it that were there. */
static bool is_lost(const struct piece *piece, size_t number)
{
    return number + 1 < piece->end_count &&
           piece->block.text.ptr[piece->ends[number] - 1] != '\n';
}

/* How many lines are in the hand now; 0: there are no more. */
static size_t parse_hand(struct worker *worker, struct piece *piece,
                         size_t first)
{
    size_t count = 0;

    for (size_t i = first; i < piece->end_count && count < HAND; i++) {
        prefetch_text(piece, piece->ends[i]);
        record_parse(&worker->maker, line_at(piece, i), &worker->hand[count]);
        if (is_lost(piece, i))
            piece->end_count = i;
        else
            count++;
    }
    return count;
}

/* False without memory. */
static bool make_records(struct worker *worker, struct piece *piece,
                         size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct record *record = next_record(piece);
        enum record_outcome outcome;

        if (record == NULL)
            return false;
        outcome = record_make(&worker->maker, &worker->hand[i], &piece->near,
                              &piece->scratch, record);
        if (outcome != RECORD_NO_TIME)
            log_epoch_follow(&piece->near, worker->maker.clock.stamp.month);
        else
            piece->has_gzip |= slice_starts(worker->hand[i].text, gzip_begins);
        if (outcome == RECORD_MADE) {
            record->line = (uint32_t)(first + i);
            piece->count++;
        }
    }
    return true;
}

/* Takes all lines of a block apart; the work of the workers. Of a line whose
 * beginning was looked at no more is wanted. */
static bool parse_piece(struct worker *worker, struct piece *piece)
{
    size_t first = piece->is_cut, count;

    record_scratch_clear(&piece->scratch);
    while ((count = parse_hand(worker, piece, first)) > 0) {
        if (!make_records(worker, piece, first, count))
            return false;
        first += count;
    }
    return !piece->scratch.has_failed;
}

/* ---- lanes ---- */

static struct log_file *file_of(const struct reader *reader,
                                const struct lane *lane)
{
    return &reader->logs->set->files[lane->file];
}

/* How much an outcome explains: what ended the file comes before what was met
 * on the way, whichever was noticed first. */
static int weight_of(enum input_log_outcome outcome)
{
    switch (outcome) {
    case INPUT_LOG_OK:
    case INPUT_LOG_END:
        return 0;
    case INPUT_LOG_GARBAGE:
        return 1;
    case INPUT_LOG_SHRUNK:
        return 2;
    default:
        return 3;
    }
}

/* With the lock. One of them: several blocks may have lost bytes. */
static void note_outcome(struct reader *reader, const struct lane *lane,
                         enum input_log_outcome outcome)
{
    struct log_file *file = file_of(reader, lane);

    if (weight_of(outcome) <= weight_of(file->outcome))
        return;
    file->outcome = outcome;
    file->error = outcome == INPUT_LOG_FAILED ? input_log_error(lane->in) : 0;
}

static bool open_lane(struct reader *reader)
{
    uint32_t number = (uint32_t)reader->next_file++;
    struct log_file *file = &reader->logs->set->files[number];
    struct lane **lanes, *lane;

    lanes = array_with_room(reader->lanes, reader->lane_count,
                            &reader->lane_capacity, sizeof(struct lane *));
    if (lanes == NULL)
        return false;
    reader->lanes = lanes;
    lane = calloc(1, sizeof(*lane));
    if (lane == NULL)
        return false;
    lane->file = number;
    lane->near = (struct log_epoch){file->year, file->stamp.month};
    lane->time = file->start;
    lane->in = log_file_open(file);
    if (lane->in == NULL) {
        file->is_unopened = true;
        file->error = errno;
        free(lane);
        return true;
    }
    reader->lanes[reader->lane_count++] = lane;
    return true;
}

static void close_lane(struct reader *reader, size_t index)
{
    struct lane *lane = reader->lanes[index];

    input_log_close(lane->in);
    free(lane);
    reader->lane_count--;
    for (size_t i = index; i < reader->lane_count; i++)
        reader->lanes[i] = reader->lanes[i + 1];
}

/* Nearly all lines; theirs is the month that the last stamp had. */
static bool is_of_same_hour(const struct lane *lane, struct slice line)
{
    return line.len >= HOUR_BYTES && lane->hour[0] != '\0' &&
           memcmp(line.ptr, lane->hour, HOUR_BYTES) == 0;
}

/* Behind a prefix of another's the stamp begins later. */
static void note_hour(struct lane *lane, struct slice line)
{
    lane->hour[0] = '\0';
    if (line.len >= HOUR_BYTES && line.ptr[0] != '<')
        memcpy(lane->hour, line.ptr, HOUR_BYTES);
}

/* Where its lines end, and the year of the next block, known before this one is
 * taken apart, so that blocks can be taken apart side by side. It follows each
 * stamp that parse_piece follows: samples would miss a year between two of
 * them. False without memory. */
static bool find_lines(struct lane *lane, struct piece *piece)
{
    struct slice text = piece->block.text, rest = text, line;
    struct log_stamp stamp;

    piece->near = lane->near;
    piece->end_count = piece->count = piece->at = 0;
    piece->has_gzip = false;
    while (slice_next_line(&rest, &line)) {
        if (!add_end(piece, text.len - rest.len))
            return false;
        if ((piece->end_count > 1 || !piece->is_cut) &&
            !is_of_same_hour(lane, line) &&
            logline_stamp(line, &lane->stamps, &stamp)) {
            note_hour(lane, line);
            log_epoch_follow(&lane->near, stamp.month);
            if (!log_stamp_has_day(&stamp, lane->near.year))
                lane->wrong_year = lane->near.year;
        }
    }
    piece->line_count = (uint32_t)piece->end_count - piece->block.is_cut;
    return true;
}

static enum input_log_outcome next_block(struct reader *reader,
                                         struct lane *lane, struct piece *piece)
{
    struct log_file *file = file_of(reader, lane);

    if (file->held_block.text.len == 0)
        return input_log_next(lane->in, &piece->block);
    /* Of a pipe the first block was read to find its stamp. */
    log_block_free(&piece->block);
    piece->block = file->held_block;
    log_block_init(&file->held_block);
    return INPUT_LOG_OK;
}

/* With the lock: the block is the last one of its lane, and another worker may
 * read the next. */
static void put_behind(struct reader *reader, struct lane *lane,
                       struct piece *piece)
{
    uint64_t taken = input_log_taken_bytes(lane->in);

    reader->logs->progress.done += taken - lane->taken_bytes;
    lane->taken_bytes = taken;
    lane->is_claimed = false;
    piece->is_ready = false;
    piece->next = NULL;
    if (lane->last != NULL)
        lane->last->next = piece;
    else
        lane->first = piece;
    lane->last = piece;
    lane->piece_count++;
    pthread_cond_broadcast(&reader->changed);
}

static void end_lane(struct reader *reader, struct lane *lane,
                     struct piece *piece, enum input_log_outcome outcome)
{
    struct log_file *file = file_of(reader, lane);

    pthread_mutex_lock(&reader->lock);
    file->is_overrun = log_file_overruns(file, &lane->near);
    file->wrong_year = lane->wrong_year;
    if (outcome != INPUT_LOG_END)
        note_outcome(reader, lane, outcome);
    lane->is_claimed = false;
    lane->is_ended = true;
    give_back(reader, piece);
    pthread_cond_broadcast(&reader->changed);
}

/* Reads the next block of a lane that this worker has claimed, and takes it
 * apart. Without the lock; with it afterwards. */
static void read_block(struct worker *worker, struct lane *lane,
                       struct piece *piece)
{
    struct reader *reader = worker->reader;
    enum input_log_outcome outcome = next_block(reader, lane, piece);
    bool is_good, is_intact;

    if (outcome != INPUT_LOG_OK) {
        end_lane(reader, lane, piece, outcome);
        return;
    }
    piece->is_cut = lane->ends_cut;
    lane->ends_cut = piece->block.is_cut;
    is_good = find_lines(lane, piece);
    pthread_mutex_lock(&reader->lock);
    put_behind(reader, lane, piece);
    pthread_mutex_unlock(&reader->lock);
    is_good = is_good && parse_piece(worker, piece);
    is_intact = log_block_is_intact(&piece->block);
    pthread_mutex_lock(&reader->lock);
    if (!is_intact)
        note_outcome(reader, lane, INPUT_LOG_SHRUNK);
    else if (piece->has_gzip)
        note_outcome(reader, lane, INPUT_LOG_GARBAGE);
    lane->is_ended = lane->is_ended || !is_intact;
    piece->is_ready = true;
    reader->has_failed = reader->has_failed || !is_good;
}

/* ---- what to do next ---- */

static bool is_full(const struct reader *reader, const struct lane *lane)
{
    unsigned limit = reader->lane_count > LANES_WIDE ? 2 : reader->piece_limit;

    return lane->piece_count >= limit;
}

/* The next log begins while the last blocks of these are joined. One that
 * cannot be opened is passed over. */
static struct lane *open_next(struct reader *reader)
{
    size_t before = reader->lane_count;

    while (reader->next_file < reader->logs->set->count) {
        if (!open_lane(reader)) {
            reader->has_failed = true;
            return NULL;
        }
        if (reader->lane_count > before)
            return reader->lanes[before];
    }
    return NULL;
}

/* The lane that needs its next block most. */
static struct lane *lane_to_read(struct reader *reader)
{
    struct lane *best = NULL;
    bool all_ended = true;

    for (size_t i = 0; i < reader->lane_count; i++) {
        struct lane *lane = reader->lanes[i];

        all_ended = all_ended && lane->is_ended;
        if (lane->is_claimed || lane->is_ended || is_full(reader, lane))
            continue;
        if (best == NULL || lane->piece_count < best->piece_count)
            best = lane;
    }
    return best == NULL && all_ended ? open_next(reader) : best;
}

static bool is_at_head(const struct lane *lane)
{
    return lane->first != NULL && lane->first->is_ready;
}

/* Whether it is known what comes next in time. */
static bool can_join(const struct reader *reader)
{
    bool has_any = false;

    for (size_t i = 0; i < reader->lane_count; i++) {
        const struct lane *lane = reader->lanes[i];

        if (is_at_head(lane))
            has_any = true;
        else if (lane->first != NULL || !lane->is_ended || lane->is_claimed)
            return false;
        else
            has_any = true; /* to be closed */
    }
    return has_any;
}

static int64_t head_time(struct lane *lane)
{
    const struct piece *piece = lane->first;
    int64_t time =
        piece->at < piece->count ? piece->records[piece->at].time : lane->time;

    /* A clock that went back does not take the line back. */
    return time > lane->time ? time : lane->time;
}

/* The lane whose head is next; *limit_r: up to when it stays so. Of one moment
 * the lines of the lane that stands first come first, wherever blocks end and
 * whichever lanes are open already. */
static struct lane *next_lane(struct reader *reader, int64_t *limit_r)
{
    struct lane *best = NULL;
    int64_t best_time = 0;

    *limit_r = INT64_MAX;
    for (size_t i = 0; i < reader->lane_count; i++) {
        struct lane *lane = reader->lanes[i];
        int64_t time = head_time(lane);

        if (best == NULL || time < best_time) {
            if (best != NULL && best_time - 1 < *limit_r)
                *limit_r = best_time - 1;
            best = lane;
            best_time = time;
        } else if (time < *limit_r) {
            *limit_r = time;
        }
    }
    return best;
}

/* Logs that begin before the next line in time belong to the merge. */
static bool open_due(struct reader *reader, int64_t time)
{
    const struct log_set *set = reader->logs->set;
    bool has_opened = false;

    while (reader->next_file < set->count &&
           set->files[reader->next_file].start <= time) {
        if (!open_lane(reader)) {
            reader->has_failed = true;
            return true;
        }
        has_opened = true;
    }
    return has_opened;
}

static void drop_ended(struct reader *reader)
{
    for (size_t i = reader->lane_count; i-- > 0;) {
        const struct lane *lane = reader->lanes[i];

        if (lane->first == NULL && lane->is_ended && !lane->is_claimed)
            close_lane(reader, i);
    }
}

/* Joins records of one lane's head, up to and with that moment. Without the
 * lock: only one worker joins, and nobody else touches a ready head. */
static void join_head(struct reader *reader, struct lane *lane, int64_t limit)
{
    struct piece *piece = lane->first;

    while (piece->at < piece->count) {
        const struct record *record = &piece->records[piece->at];

        if (record->time > limit)
            return;
        if (piece->at + AHEAD < piece->count)
            join_prefetch(&reader->logs->join, record + AHEAD);
        if (piece->at + AHEAD / 2 < piece->count)
            join_prefetch_more(&reader->logs->join, record + AHEAD / 2);
        if (record->time > lane->time)
            lane->time = record->time;
        join_add(&reader->logs->join, record, lane->file,
                 lane->line_count + record->line + 1);
        piece->at++;
    }
}

static void drop_head(struct reader *reader, struct lane *lane)
{
    struct piece *piece = lane->first;

    lane->line_count += piece->line_count;
    lane->first = piece->next;
    if (lane->first == NULL)
        lane->last = NULL;
    lane->piece_count--;
    give_back(reader, piece);
}

/* With the lock; gives it up while it joins. */
static void join_some(struct reader *reader)
{
    reader->is_joining = true;
    while (can_join(reader) && interrupt_signal() == 0) {
        struct lane *lane;
        int64_t limit, start;

        drop_ended(reader);
        if (reader->lane_count == 0)
            break;
        if (!can_join(reader))
            break;
        lane = next_lane(reader, &limit);
        if (open_due(reader, head_time(lane)))
            break;
        if (reader->next_file < reader->logs->set->count) {
            start = reader->logs->set->files[reader->next_file].start - 1;
            limit = start < limit ? start : limit;
        }
        pthread_mutex_unlock(&reader->lock);
        join_head(reader, lane, limit);
        pthread_mutex_lock(&reader->lock);
        if (lane->first->at == lane->first->count) {
            drop_head(reader, lane);
            pthread_cond_broadcast(&reader->changed);
        }
    }
    reader->is_joining = false;
}

static bool is_all_done(const struct reader *reader)
{
    return reader->lane_count == 0 &&
           reader->next_file >= reader->logs->set->count;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct reader *reader = worker->reader;

    pthread_mutex_lock(&reader->lock);
    while (!reader->is_done && !reader->has_failed && interrupt_signal() == 0) {
        struct lane *lane;
        struct piece *piece;

        if (!reader->is_joining && can_join(reader)) {
            join_some(reader);
            reader->is_done = is_all_done(reader);
            pthread_cond_broadcast(&reader->changed);
            continue;
        }
        lane = lane_to_read(reader);
        if (lane == NULL) {
            if (is_all_done(reader) || reader->has_failed) {
                reader->is_done = true;
                break;
            }
            pthread_cond_wait(&reader->changed, &reader->lock);
            continue;
        }
        piece = take_piece(reader);
        if (piece == NULL) {
            reader->has_failed = true;
            break;
        }
        lane->is_claimed = true;
        pthread_mutex_unlock(&reader->lock);
        read_block(worker, lane, piece);
    }
    reader->running--;
    pthread_cond_broadcast(&reader->changed);
    pthread_cond_signal(&reader->finished);
    pthread_mutex_unlock(&reader->lock);
    return NULL;
}

/* ---- from beginning to end ---- */

static void wait_for_workers(struct reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    while (reader->running > 0) {
        struct timespec until = progress_deadline();

        if (pthread_cond_timedwait(&reader->finished, &reader->lock, &until) !=
            ETIMEDOUT)
            continue;
        progress_show(&reader->logs->progress);
        /* A signal wakes nobody. */
        if (interrupt_signal() != 0)
            pthread_cond_broadcast(&reader->changed);
    }
    pthread_mutex_unlock(&reader->lock);
}

static size_t total_bytes(const struct log_set *set)
{
    size_t total = 0;

    for (size_t i = 0; i < set->count; i++)
        total += set->files[i].size_bytes;
    return total;
}

static unsigned start_workers(struct reader *reader, struct worker *workers,
                              const uint64_t key[2])
{
    const struct logread *logs = reader->logs;
    unsigned started = 0;

    for (unsigned i = 0; i < logs->workers; i++) {
        struct worker *worker = &workers[started];

        worker->reader = reader;
        if (!record_maker_init(&worker->maker, logs->rules, key,
                               logs->set->is_utc)) {
            record_maker_free(&worker->maker);
            break;
        }
        worker->maker.since = logs->since;
        worker->maker.until = logs->until;
        pthread_mutex_lock(&reader->lock);
        reader->running++;
        pthread_mutex_unlock(&reader->lock);
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            pthread_mutex_lock(&reader->lock);
            reader->running--;
            pthread_mutex_unlock(&reader->lock);
            record_maker_free(&worker->maker);
            break;
        }
        started++;
    }
    return started;
}

static void collect(struct logread *logs, struct worker *workers,
                    unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        logtally_merge(&logs->tally, &workers[i].maker.tally);
        record_maker_free(&workers[i].maker);
    }
    logtally_take_back(&logs->tally, &logs->join.late);
}

/* ---- what is told of the files ---- */

static void tell_of_file(const struct log_file *file, struct complaints *to)
{
    struct slice path = slice_from_string(file->path);
    const char *wrong = "years are wrong, --year=Y says when it begins";
    char what[80];

    if (file->is_overrun)
        complain_warning(to, path,
                         "its last stamps are later than the file itself",
                         "more than a year is in it", wrong);
    if (file->wrong_year != 0) {
        snprintf(what, sizeof(what), "it has a 29 February, and %d had none",
                 (int)file->wrong_year);
        complain_warning(to, path, what, NULL, wrong);
    }
    if (file->is_unopened)
        complain(to, path, "cannot be opened", strerror(file->error),
                 "left out");
    if (file->outcome != INPUT_LOG_OK)
        complain(to, path, "cannot be read to its end",
                 file->outcome == INPUT_LOG_FAILED
                     ? strerror(file->error)
                     : input_log_outcome_text(file->outcome),
                 "what stands before the damage is counted");
}

/* Whoever read them: the same words in the same order. */
static void tell_of_files(const struct logread *logs)
{
    for (size_t i = 0; i < logs->set->count; i++)
        tell_of_file(&logs->set->files[i], logs->complaints);
}

/* ---- the whole ---- */

static void reader_free(struct reader *reader)
{
    while (reader->lane_count > 0) {
        free_pieces(reader->lanes[0]->first);
        close_lane(reader, 0);
    }
    free_pieces(reader->free_pieces);
    free(reader->lanes);
    pthread_cond_destroy(&reader->changed);
    pthread_cond_destroy(&reader->finished);
    pthread_mutex_destroy(&reader->lock);
}

static bool read_all(struct logread *logs, const uint64_t key[2])
{
    struct reader reader = {.logs = logs, .piece_limit = logs->workers + 2};
    struct worker *workers = calloc(logs->workers, sizeof(*workers));
    unsigned started;
    bool is_good;

    if (workers == NULL)
        return false;
    pthread_mutex_init(&reader.lock, NULL);
    pthread_cond_init(&reader.changed, NULL);
    pthread_cond_init(&reader.finished, NULL);
    logs->progress.is_bytes = true;
    progress_begin(&logs->progress, "of log read", total_bytes(logs->set));
    started = start_workers(&reader, workers, key);
    wait_for_workers(&reader);
    progress_end(&logs->progress);
    collect(logs, workers, started);
    tell_of_files(logs);
    is_good = started > 0 && !reader.has_failed;
    reader_free(&reader);
    free(workers);
    return is_good;
}

bool logread_run(struct logread *logs)
{
    uint64_t key[2];
    bool is_good;

    keyed_hash_new_key(key);
    logtally_init(&logs->tally);
    is_good = sources_init(&logs->sources, logs->rules, key) &&
              join_init(&logs->join, &logs->sources, key);
    logs->join.late.hour_shift_sec = log_hour_shift(logs->set->is_utc);
    is_good = is_good && read_all(logs, key);
    if (is_good && interrupt_signal() == 0) {
        join_finish(&logs->join);
        is_good = sources_judge(&logs->sources, logs->workers);
    }
    is_good = is_good && !logs->tally.has_failed && !logs->join.has_failed &&
              !logs->sources.has_failed;
    if (!is_good && interrupt_signal() == 0)
        complain(logs->complaints, SLICE_LITERAL("memory"), "not enough", NULL,
                 "nothing done");
    return is_good && interrupt_signal() == 0;
}

void logread_free(struct logread *logs)
{
    join_free(&logs->join);
    sources_free(&logs->sources);
    logtally_free(&logs->tally);
}
