#include "qscan/logset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "parsers/array.h"
#include "parsers/hash.h"
#include "parsers/input.h"

enum {
    SLACK_SEC = 26 * 3600,     /* a stamp may be this much later than the mtime:
                                  another zone, a clock that is wrong */
    OVERRUN_SEC = 183 * 86400, /* a year too late it is, if it is */
    MONTHS_APART = 6,          /* more than this is another year */
    YEARS_BACK = 8,            /* to the next 29 February, at most */
    SECONDS_MIN = 100000000,   /* more than this is no number of a rotation */
    DATE_DIGITS = 14,          /* YYYYMMDDhhmmss, */
    DATE_MAX_BYTES = 19,       /* YYYY-MM-DDThh:mm:ss */
    PEEK_LINES = 200,          /* that are compared with those of copies */
    ZONE_STEP_MIN = 15,        /* zones differ by multiples of this, */
    ZONES_APART_SEC = 26 * 3600, /* and by this at most */
};

/* One key for all files: of a small number a hash would forget what is before
 * an empty text. */
static const uint64_t opening_key = UINT64_C(0xa4093822299f31d0);

/* ---- stamps to seconds ---- */

int32_t log_year_near(const struct log_epoch *near, int month)
{
    if (month + MONTHS_APART < near->month)
        return near->year + 1;
    /* What is late in January may be of December. Any other step ahead is one
     * of the clock, or of a log that was at rest. */
    return near->month == 1 && month == 12 ? near->year - 1 : near->year;
}

static int64_t local_epoch(const struct log_stamp *stamp, int32_t year)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = stamp->month - 1,
                    .tm_mday = stamp->day,
                    .tm_hour = stamp->hour,
                    .tm_isdst = -1};

    return (int64_t)mktime(&tm);
}

void log_clock_set(struct log_clock *clock, const struct log_epoch *near,
                   const struct log_stamp *stamp)
{
    int32_t year =
        stamp->year != 0 ? stamp->year : log_year_near(near, stamp->month);

    clock->stamp = *stamp;
    clock->near = *near;
    clock->hour_start = clock->is_utc || stamp->has_zone
                            ? log_stamp_epoch(stamp, year, 0) -
                                  stamp->minute * 60 - stamp->second
                            : local_epoch(stamp, year);
}

/* ---- the year of a file ---- */

static int64_t start_in(const struct log_set *set, const struct log_file *file,
                        int32_t year)
{
    struct log_clock clock = {.is_utc = set->is_utc};
    struct log_epoch near = {year, file->stamp.month};

    return log_clock_read(&clock, &near, &file->stamp);
}

/* The latest year in which the file does not begin behind that moment. */
static int32_t latest_year(const struct log_set *set,
                           const struct log_file *file, int64_t moment)
{
    time_t seconds = (time_t)moment;
    struct tm tm;
    int32_t year = gmtime_r(&seconds, &tm) == NULL ? 1970 : tm.tm_year + 1901;

    for (int32_t last = year - YEARS_BACK; year > last; year--)
        if (log_stamp_has_day(&file->stamp, year) &&
            start_in(set, file, year) <= moment)
            break;
    return year;
}

/* The earliest year in which the file does not begin before that moment. */
static int32_t earliest_year(const struct log_set *set,
                             const struct log_file *file, int64_t moment,
                             int32_t year)
{
    for (int32_t last = year + YEARS_BACK; year < last; year++)
        if (log_stamp_has_day(&file->stamp, year) &&
            start_in(set, file, year) >= moment)
            break;
    return year;
}

/* A name of a rotated set: "mail.log", ".3" or "-20261122", ".gz". */
struct rotated_name {
    struct slice base;
    int64_t number; /* larger is older; -1: the one that is written */
};

static bool take_suffix(struct slice *name, const char *suffix)
{
    struct slice end = slice_from_string(suffix);

    if (name->len <= end.len ||
        memcmp(name->ptr + name->len - end.len, end.ptr, end.len) != 0)
        return false;
    name->len -= end.len;
    return true;
}

static bool is_separator(char b)
{
    return b == '.' || b == '-' || b == '_';
}

/* A number behind a separator, at the end; -1 when there is none. */
static int64_t take_number(struct slice *name)
{
    size_t start = name->len;
    int64_t number = 0;

    while (start > 0 && byte_is_digit(name->ptr[start - 1]))
        start--;
    if (start == name->len || start < 2 ||
        !is_separator(name->ptr[start - 1]) ||
        !slice_to_integer(slice_skip(*name, start), &number))
        return -1;
    name->len = start - 1;
    /* A time in seconds grows. */
    return number < SECONDS_MIN ? number : INT64_MAX - number;
}

/* YYYYMMDDhhmmss of "20261122", "2026-11-22T00:00:00" and what is between; of
 * a month, the end. 0: it is no date. */
static int64_t date_of(struct slice text)
{
    int64_t number = 0, month, day;
    int digits = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (byte_is_digit(text.ptr[i])) {
            if (++digits > DATE_DIGITS)
                return 0;
            number = number * 10 + (text.ptr[i] - '0');
        } else if (i < 4 || (!is_separator(text.ptr[i]) && text.ptr[i] != 'T' &&
                             text.ptr[i] != ':')) {
            return 0;
        }
    }
    if (digits < 6 || digits % 2 != 0)
        return 0;
    if (digits == 6)
        number = number * 100 + 31;
    for (digits = digits == 6 ? 8 : digits; digits < DATE_DIGITS; digits++)
        number *= 10;
    month = number / 100000000 % 100;
    day = number / 1000000 % 100;
    return number / 10000000000 >= 1970 && month >= 1 && month <= 12 &&
                   day >= 1 && day <= 31
               ? number
               : 0;
}

/* A date behind a separator, at the end or before ".log"; 0 when there is none.
 */
static int64_t take_date(struct slice *name)
{
    struct slice text = *name;
    size_t start;

    take_suffix(&text, ".log");
    start = text.len > DATE_MAX_BYTES + 2 ? text.len - DATE_MAX_BYTES : 2;
    for (; start < text.len; start++) {
        int64_t date = is_separator(text.ptr[start - 1])
                           ? date_of(slice_skip(text, start))
                           : 0;

        if (date == 0)
            continue;
        name->len = start - 1;
        return date;
    }
    return 0;
}

static struct slice unpacked_name(const char *path)
{
    static const char *const packed[] = {".gz",  ".bz2", ".xz",
                                         ".zst", ".lz4", ".Z"};
    struct slice name = slice_from_string(path);

    for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)
        if (take_suffix(&name, packed[i]))
            break;
    return name;
}

static struct rotated_name rotated_name(const char *path)
{
    struct rotated_name name = {unpacked_name(path), 0};
    int64_t date = take_date(&name.base);

    /* Dates grow the other way: a later one is a younger file. */
    name.number = date != 0 ? INT64_MAX - date : take_number(&name.base);
    return name;
}

/* The moment before which a file was written to its end: its mtime, or the day
 * behind the one in its name, whichever is earlier. */
static int64_t written_by(const struct log_file *file)
{
    struct slice name = unpacked_name(file->path);
    int64_t date = take_date(&name), moment = file->mtime;

    if (date != 0) {
        struct log_stamp stamp = {.month = (uint8_t)(date / 100000000 % 100),
                                  .day = (uint8_t)(date / 1000000 % 100)};
        int64_t day_end =
            log_stamp_epoch(&stamp, (int32_t)(date / 10000000000), 0) + 86400;

        if (day_end < moment)
            moment = day_end;
    }
    return moment + SLACK_SEC;
}

bool log_file_overruns(const struct log_file *file,
                       const struct log_epoch *last)
{
    struct log_stamp month = {.month = last->month, .day = 1};

    return file->is_year_assumed && log_stamp_epoch(&month, last->year, 0) >
                                        written_by(file) + OVERRUN_SEC;
}

static int order_rotated(const void *left, const void *right)
{
    const struct log_file *a = left, *b = right;
    struct rotated_name first = rotated_name(a->path);
    struct rotated_name second = rotated_name(b->path);
    size_t shorter =
        first.base.len < second.base.len ? first.base.len : second.base.len;
    int order = memcmp(first.base.ptr, second.base.ptr, shorter);

    if (order != 0)
        return order;
    if (first.base.len != second.base.len)
        return first.base.len < second.base.len ? -1 : 1;
    if (first.number != second.number)
        return first.number < second.number ? -1 : 1;
    return strcmp(a->path, b->path);
}

static bool is_same_set(const struct log_file *a, const struct log_file *b)
{
    return slice_equal(rotated_name(a->path).base, rotated_name(b->path).base);
}

/* A rotated set, youngest first: an older file does not begin behind a
 * younger one. */
static void assume_years(struct log_set *set)
{
    const struct log_file *younger = NULL;

    for (size_t i = 0; i < set->count; i++) {
        struct log_file *file = &set->files[i];
        int64_t latest;

        if (!file->has_stamp)
            continue;
        if (younger != NULL && !is_same_set(younger, file))
            younger = NULL;
        if (file->stamp.year != 0) {
            file->year = file->stamp.year;
        } else {
            latest = written_by(file);
            if (younger != NULL && younger->start < latest)
                latest = younger->start;
            file->year = latest_year(set, file, latest);
            file->is_year_assumed = true;
        }
        file->start = start_in(set, file, file->year);
        younger = file;
    }
}

/* The oldest file of each set begins in that year, the others follow; such as
 * begin no later in it than the turn, in the next one. */
static void begin_in(struct log_set *set, int32_t year, int64_t turn)
{
    struct log_file *older = NULL;

    for (size_t i = set->count; i-- > 0;) {
        struct log_file *file = &set->files[i];

        file->year = year;
        if (!file->has_stamp)
            continue;
        if (older != NULL && !is_same_set(older, file))
            older = NULL;
        file->is_oldest = file->stamp.year == 0 && older == NULL;
        if (file->stamp.year != 0)
            file->year = file->stamp.year;
        else if (older != NULL)
            file->year = earliest_year(set, file, older->start, year);
        else if (start_in(set, file, year) <= turn)
            file->year = year + 1;
        file->start = start_in(set, file, file->year);
        older = file;
    }
}

/* The first of the oldest files to begin behind that moment, or NULL. */
static const struct log_file *oldest_behind(const struct log_set *set,
                                            int64_t moment)
{
    const struct log_file *found = NULL;

    for (size_t i = 0; i < set->count; i++) {
        const struct log_file *file = &set->files[i];

        if (file->is_oldest && file->start > moment &&
            (found == NULL || file->start < found->start))
            found = file;
    }
    return found;
}

/*
 * Names do not tell that "december" comes before "january": where all files
 * begin within a month of each other, if New Year is among them, it is. The
 * start of the last one behind it, or INT64_MIN.
 */
static int64_t new_year_turn(const struct log_set *set)
{
    enum { YEAR_SEC = 365 * 86400, SPAN_SEC = 31 * 86400 };
    const struct log_file *file = oldest_behind(set, INT64_MIN);

    while (file != NULL) {
        const struct log_file *next = oldest_behind(set, file->start);

        if (next != NULL && next->start - file->start > YEAR_SEC - SPAN_SEC)
            return file->start;
        file = next;
    }
    return INT64_MIN;
}

/* --year */
static void give_years(struct log_set *set, int32_t year)
{
    int64_t turn;

    begin_in(set, year, INT64_MIN);
    turn = new_year_turn(set);
    set->has_new_year = turn != INT64_MIN;
    if (set->has_new_year)
        begin_in(set, year, turn);
}

/* ---- opening ---- */

static bool is_standard_input(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* One more line of its opening. Of the stamp what is the same in every zone. */
static void add_opening(struct log_file *file, const struct logline *line)
{
    struct slice parts[] = {line->host, line->tag, line->id, line->text};
    size_t number = file->opening_count;
    unsigned second =
        line->stamp.minute % ZONE_STEP_MIN * 60u + line->stamp.second;
    uint64_t key[2] = {number == 0 ? ~opening_key : file->opening[number - 1],
                       opening_key ^ second};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        key[0] = keyed_hash(key, parts[i]);
    file->opening[number] = key[0];
    file->opening_count++;
}

/* The first stamp, and how sendmail's lines begin. */
static void look_at_lines(struct log_file *file, struct slice text)
{
    struct slice line;

    for (int i = 0;
         (!file->has_stamp ||
          (i < PEEK_LINES && file->opening_count < LOG_OPENING_LINES)) &&
         slice_next_line(&text, &line);
         i++) {
        struct logline parsed;
        enum logline_outcome outcome = logline_parse(line, NULL, &parsed);

        if (outcome != LOGLINE_NO_STAMP && !file->has_stamp) {
            file->stamp = parsed.stamp;
            file->has_stamp = true;
        }
        if (outcome == LOGLINE_OK)
            add_opening(file, &parsed);
    }
}

/* Reads blocks, mostly one, for how it begins: a log that was cut while its
 * writer went on begins with a hole. A pipe keeps what was read of it, and so
 * has one block for this. */
static bool peek(struct log_file *file, int fd)
{
    struct input_log *in = input_log_open(fd);
    struct log_block block;

    if (in == NULL)
        return false;
    log_block_init(&block);
    file->format = input_log_format(in);
    while (!file->has_stamp && input_log_next(in, &block) == INPUT_LOG_OK) {
        look_at_lines(file, block.text);
        if (file->is_pipe)
            break;
    }
    if (file->is_pipe) {
        file->held = in;
        file->held_block = block;
        return true;
    }
    log_block_free(&block);
    input_log_close(in);
    return true;
}

static int open_path(const char *path)
{
    if (is_standard_input(path))
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    return input_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static struct log_file *new_file(struct log_set *set, const char *path)
{
    struct log_file *files =
        array_with_room(set->files, set->count, &set->capacity, sizeof(*files));
    struct log_file *file;

    if (files == NULL)
        return NULL;
    set->files = files;
    file = &files[set->count];
    *file = (struct log_file){.path = strdup(path)};
    if (file->path == NULL)
        return NULL;
    set->count++;
    return file;
}

/* What stamps are near to, until the first one is found. */
static void note_written(struct log_file *file)
{
    time_t written = (time_t)file->mtime;
    struct tm tm;

    if (gmtime_r(&written, &tm) == NULL)
        return;
    file->year = tm.tm_year + 1900;
    file->stamp.month = (uint8_t)(tm.tm_mon + 1);
}

static bool look_at(struct log_set *set, const char *path, int64_t now,
                    struct complaints *to)
{
    struct slice object = slice_from_string(path);
    int fd = open_path(path);
    struct stat st;
    struct log_file *file;

    if (fd < 0 || fstat(fd, &st) != 0) {
        complain(to, object, "cannot be opened", strerror(errno), "left out");
        if (fd >= 0)
            close(fd);
        return true;
    }
    if (S_ISDIR(st.st_mode)) {
        complain(to, object, "is a directory", NULL, "left out");
        close(fd);
        return true;
    }
    file = new_file(set, path);
    if (file == NULL) {
        close(fd);
        return false;
    }
    if (S_ISREG(st.st_mode)) {
        file->mtime = (int64_t)st.st_mtime;
        file->size_bytes = (uint64_t)st.st_size;
    } else {
        file->mtime = now;
    }
    file->is_pipe = !S_ISREG(st.st_mode) || is_standard_input(path);
    note_written(file);
    return peek(file, fd);
}

/* st: of the other file; NULL: that is standard input. */
static bool is_that_file(const char *path, const struct stat *st)
{
    struct stat own;

    if (st == NULL || is_standard_input(path))
        return st == NULL && is_standard_input(path);
    return stat(path, &own) == 0 && own.st_dev == st->st_dev &&
           own.st_ino == st->st_ino;
}

/* In a rotated set two names of one file count its lines twice. */
static bool is_named_before(const struct string_list *paths, size_t index,
                            struct complaints *to)
{
    bool is_input = is_standard_input(paths->strings[index]);
    struct stat st;

    if (!is_input &&
        (stat(paths->strings[index], &st) != 0 || !S_ISREG(st.st_mode)))
        return false;
    for (size_t i = 0; i < index; i++) {
        if (!is_that_file(paths->strings[i], is_input ? NULL : &st))
            continue;
        complain_warning(to, slice_from_string(paths->strings[index]),
                         "is the same file as one named before", NULL,
                         "read once");
        return true;
    }
    return false;
}

static int order_by_start(const void *left, const void *right)
{
    const struct log_file *a = left, *b = right;

    if (a->has_stamp != b->has_stamp)
        return a->has_stamp ? 1 : -1;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return strcmp(a->path, b->path);
}

/* As far as both go, they begin with the same lines at the same time. */
static bool is_copy(const struct log_file *a, const struct log_file *b)
{
    size_t count = a->opening_count < b->opening_count ? a->opening_count
                                                       : b->opening_count;

    return count > 0 && b->start - a->start <= ZONES_APART_SEC &&
           a->opening[count - 1] == b->opening[count - 1];
}

/* A log and its packed copy, or one log in two forms: nothing is dropped, but
 * nobody should take the numbers for granted. */
static void find_copies(struct log_set *set, struct complaints *to)
{
    for (size_t i = 1; i < set->count; i++) {
        struct log_file *file = &set->files[i];

        for (size_t j = 0; j < i && file->copy_of == 0; j++)
            if (is_copy(&set->files[j], file))
                file->copy_of = j + 1;
        if (file->copy_of > 0)
            complain_warning(to, slice_from_string(file->path),
                             "seems to hold the same lines as another",
                             set->files[file->copy_of - 1].path,
                             "both read, those lines counted twice");
    }
}

bool log_set_open(struct log_set *set, const struct options *options,
                  struct complaints *to)
{
    static char standard_input[] = "-";
    char *only[] = {standard_input};
    struct string_list paths = options->queues;

    *set = (struct log_set){.is_utc = options->is_utc};
    if (paths.count == 0)
        paths = (struct string_list){only, 1, 1};
    for (size_t i = 0; i < paths.count; i++) {
        if (!is_named_before(&paths, i, to) &&
            !look_at(set, paths.strings[i],
                     options->now >= 0 ? options->now : (int64_t)time(NULL),
                     to)) {
            complain(to, SLICE_LITERAL("memory"), "not enough", NULL,
                     "nothing done");
            return false;
        }
    }
    if (set->count == 0) {
        complain(to, SLICE_LITERAL("logs"), "none can be read", NULL,
                 "nothing done");
        return false;
    }
    qsort(set->files, set->count, sizeof(*set->files), order_rotated);
    if (options->year != 0)
        give_years(set, options->year);
    else
        assume_years(set);
    qsort(set->files, set->count, sizeof(*set->files), order_by_start);
    find_copies(set, to);
    return true;
}

struct input_log *log_file_open(struct log_file *file)
{
    struct input_log *in = file->held;
    int fd;

    if (in != NULL) {
        file->held = NULL;
        return in;
    }
    fd = open_path(file->path);
    if (fd < 0)
        return NULL;
    in = input_log_open(fd);
    if (in == NULL)
        errno = ENOMEM;
    return in;
}

void log_set_free(struct log_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        log_block_free(&set->files[i].held_block);
        if (set->files[i].held != NULL)
            input_log_close(set->files[i].held);
        free(set->files[i].path);
    }
    free(set->files);
    *set = (struct log_set){0};
}
