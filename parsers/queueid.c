#include "parsers/queueid.h"

#include <assert.h>

enum {
    DAY_SEC = 86400,
    YEAR_SEC = 31556952, /* mean of the Gregorian calendar */
    YEAR_CYCLE = 60,     /* ids keep (year - 1900) % 60 */
};

/* Value of a digit in "0-9A-Za-z", the alphabet of assign_queueid, or -1. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 36;
    return -1;
}

/* The digits of s as a pid, or -1 when there are not min to max of them. */
static int64_t pid_value(struct slice s, size_t min, size_t max)
{
    int64_t pid;

    if (s.len < min || s.len > max || !byte_is_digit(s.ptr[0]) ||
        !slice_to_integer(s, &pid))
        return -1;
    return pid;
}

/* Floor division; years before 1970 are as good as any. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month] + (month == 1 && is_leap_year(year));
}

/* Days from 1970-01-01 to the given day; month from 0, day from 1. */
static int64_t days_to(int64_t year, int month, int day)
{
    static const int days_before[] = {0,   31,  59,  90,  120, 151,
                                      181, 212, 243, 273, 304, 334};
    int64_t before = year - 1; /* whole years since the year 0 */
    int64_t days = before * 365 + floor_div(before, 4) -
                   floor_div(before, 100) + floor_div(before, 400) - 719162;

    return days + days_before[month] + (month > 1 && is_leap_year(year)) + day -
           1;
}

/* The year within 30 of the moment near whose place in the cycle is given. */
static int64_t year_near(int cycle, int64_t near)
{
    int64_t year = 1970 + floor_div(near, YEAR_SEC);
    int64_t ahead;

    /* a moment of nonsense must not overflow the seconds */
    if (year < 1900 || year > 9999)
        year = 1970;
    ahead = (cycle - (year - 1900)) % YEAR_CYCLE;
    if (ahead < -YEAR_CYCLE / 2)
        ahead += YEAR_CYCLE;
    else if (ahead > YEAR_CYCLE / 2)
        ahead -= YEAR_CYCLE;
    return year + ahead;
}

/* The six digits Y M D h m s that 8.10 and later begin with. */
static bool decode_time(struct slice id, int64_t near, int64_t *created_r)
{
    static const int limits[] = {YEAR_CYCLE, 12, 32, 24, 60, 62};
    int part[6];
    int64_t year;

    for (int i = 0; i < 6; i++) {
        part[i] = digit_value(id.ptr[i]);
        if (part[i] < 0 || part[i] >= limits[i])
            return false;
    }
    year = year_near(part[0], near);
    if (part[2] < 1 || part[2] > month_days(year, part[1]))
        return false;
    *created_r = days_to(year, part[1], part[2]) * DAY_SEC + part[3] * 3600 +
                 part[4] * 60 + part[5];
    return true;
}

/* The sequence digits are base 60 too. */
static int sequence_digit(char c)
{
    int value = digit_value(c);

    return value < YEAR_CYCLE ? value : -1;
}

/* YMDhmsNNpppppp; the first releases wrote five digits of pid. */
static bool decode_v8_12(struct slice id, int64_t near, struct queueid *id_r)
{
    int high, low;
    int64_t created, pid;

    if (id.len < 13)
        return false;
    high = sequence_digit(id.ptr[6]);
    low = sequence_digit(id.ptr[7]);
    pid = pid_value(slice_skip(id, 8), 5, 10);
    if (high < 0 || low < 0 || pid < 0 || !decode_time(id, near, &created))
        return false;
    *id_r = (struct queueid){.era = QUEUEID_V8_12,
                             .created = created,
                             .pid = pid,
                             .hour = -1,
                             .sequence = high * YEAR_CYCLE + low};
    return true;
}

/* YMDhmsNppppp */
static bool decode_v8_10(struct slice id, int64_t near, struct queueid *id_r)
{
    int sequence;
    int64_t created, pid;

    if (id.len < 12)
        return false;
    sequence = sequence_digit(id.ptr[6]);
    pid = pid_value(slice_skip(id, 7), 5, 5);
    if (sequence < 0 || pid < 0 || !decode_time(id, near, &created))
        return false;
    *id_r = (struct queueid){.era = QUEUEID_V8_10,
                             .created = created,
                             .pid = pid,
                             .hour = -1,
                             .sequence = sequence};
    return true;
}

/* Hccppppp: local hour, two counters ('A' to '~', 'A' to 'Z'), pid. */
static bool decode_v8_8(struct slice id, struct queueid *id_r)
{
    int64_t pid;

    if (id.len < 8 || id.ptr[0] < 'A' || id.ptr[0] > 'X' || id.ptr[1] < 'A' ||
        id.ptr[1] > '~' || id.ptr[2] < 'A' || id.ptr[2] > 'Z')
        return false;
    pid = pid_value(slice_skip(id, 3), 5, 7);
    if (pid < 0)
        return false;
    *id_r = (struct queueid){.era = QUEUEID_V8_8,
                             .created = -1,
                             .pid = pid,
                             .hour = id.ptr[0] - 'A',
                             .sequence = -1};
    return true;
}

void queueid_decode(struct slice id, int64_t near, struct queueid *id_r)
{
    assert(id_r != NULL);
    if (decode_v8_12(id, near, id_r) || decode_v8_10(id, near, id_r) ||
        decode_v8_8(id, id_r))
        return;
    *id_r = (struct queueid){.era = QUEUEID_OTHER,
                             .created = -1,
                             .pid = -1,
                             .hour = -1,
                             .sequence = -1};
}
