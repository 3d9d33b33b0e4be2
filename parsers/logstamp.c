#include "parsers/logline_part.h"

enum { DAY_SEC = 86400, STAMP_FRACTION_MAX = 12 };

/* Value of two digits, or -1. " 7" is a day below ten. */
static int two_digits(const char *p)
{
    unsigned high = (unsigned char)p[0] - (unsigned)'0';
    unsigned low = (unsigned char)p[1] - (unsigned)'0';

    return high > 9 || low > 9 ? -1 : (int)(high * 10 + low);
}

static int day_of_month(const char *p)
{
    unsigned low = (unsigned char)p[1] - (unsigned)'0';

    if (p[0] == ' ')
        return low > 9 ? -1 : (int)low;
    return two_digits(p);
}

static int four_digits(const char *p)
{
    int high = two_digits(p);
    int low = two_digits(p + 2);

    return high < 0 || low < 0 ? -1 : high * 100 + low;
}

#define MONTH(a, b, c)                                                         \
    ((uint32_t)(unsigned char)(a) << 16 | (uint32_t)(unsigned char)(b) << 8 |  \
     (uint32_t)(unsigned char)(c))

/* 1..12, or 0: names in English, whatever the locale was. */
static unsigned month_number(const char *p)
{
    switch (MONTH(p[0], p[1], p[2])) {
    case MONTH('J', 'a', 'n'):
        return 1;
    case MONTH('F', 'e', 'b'):
        return 2;
    case MONTH('M', 'a', 'r'):
        return 3;
    case MONTH('A', 'p', 'r'):
        return 4;
    case MONTH('M', 'a', 'y'):
        return 5;
    case MONTH('J', 'u', 'n'):
        return 6;
    case MONTH('J', 'u', 'l'):
        return 7;
    case MONTH('A', 'u', 'g'):
        return 8;
    case MONTH('S', 'e', 'p'):
        return 9;
    case MONTH('O', 'c', 't'):
        return 10;
    case MONTH('N', 'o', 'v'):
        return 11;
    case MONTH('D', 'e', 'c'):
        return 12;
    default:
        return 0;
    }
}

/* "hh:mm:ss"; a leap second is a second. */
static bool take_clock(const char *p, struct log_stamp *stamp)
{
    struct log_clock clock = log_clock_read(p);

    if (!clock.is_good || clock.hour > 23 || clock.minute > 59 ||
        clock.second > 60)
        return false;
    stamp->hour = clock.hour;
    stamp->minute = clock.minute;
    stamp->second = clock.second;
    return true;
}

static bool is_leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool log_stamp_has_day(const struct log_stamp *stamp, int32_t year)
{
    static const uint8_t days[] = {0,  31, 29, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31};

    if (stamp->month == 2 && stamp->day == 29)
        return is_leap(stamp->year != 0 ? stamp->year : year);
    return stamp->day <= days[stamp->month];
}

/* Without a year yet, it may be a leap year. */
static bool take_day(int month, int day, struct log_stamp *stamp)
{
    if (month < 1 || month > 12 || day < 1)
        return false;
    stamp->month = (uint8_t)month;
    stamp->day = (uint8_t)day;
    return log_stamp_has_day(stamp, 0);
}

/* Bytes of ".340291" at offset at; Cisco and Java write a comma. */
static size_t fraction_length(struct slice text, size_t at)
{
    size_t len = 1;

    if (at >= text.len || (text.ptr[at] != '.' && text.ptr[at] != ','))
        return 0;
    while (len <= STAMP_FRACTION_MAX && at + len < text.len &&
           byte_is_digit(text.ptr[at + len]))
        len++;
    return len > 1 ? len : 0;
}

/* Bytes of "Z", "+hh:mm", "-hhmm", "+hh" at offset at, or 0. */
static size_t take_zone(struct slice text, size_t at, struct log_stamp *stamp)
{
    struct slice zone = slice_skip(text, at);
    size_t len = 3;
    int hours, minutes = 0;

    if (zone.len > 0 && (zone.ptr[0] == 'Z' || zone.ptr[0] == 'z')) {
        stamp->has_zone = true;
        return 1;
    }
    if (zone.len < 3 || (zone.ptr[0] != '+' && zone.ptr[0] != '-'))
        return 0;
    hours = two_digits(zone.ptr + 1);
    if (zone.len >= 6 && zone.ptr[3] == ':') {
        minutes = two_digits(zone.ptr + 4);
        len = 6;
    } else if (zone.len >= 5 && byte_is_digit(zone.ptr[3])) {
        minutes = two_digits(zone.ptr + 3);
        len = 5;
    }
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return 0;
    stamp->has_zone = true;
    stamp->zone_sec = (hours * 60 + minutes) * (zone.ptr[0] == '-' ? -60 : 60);
    return len;
}

/* "2026-11-16T14:28:37", a blank for the T, fraction and zone, "+0000" too. */
static size_t take_iso(struct slice text, struct log_stamp *stamp)
{
    const char *p = text.ptr;
    size_t at = sizeof "yyyy-mm-ddThh:mm:ss" - 1;

    if (text.len < at || p[4] != '-' || p[7] != '-' ||
        (p[10] != 'T' && p[10] != ' ' && p[10] != 't'))
        return 0;
    stamp->year = four_digits(p);
    if (stamp->year < 1 ||
        !take_day(two_digits(p + 5), two_digits(p + 8), stamp) ||
        !take_clock(p + 11, stamp))
        return 0;
    at += fraction_length(text, at);
    if (at + 1 < text.len && text.ptr[at] == ' ' &&
        (text.ptr[at + 1] == '+' || text.ptr[at + 1] == '-')) {
        size_t zone = take_zone(text, at + 1, stamp);

        return zone > 0 ? at + 1 + zone : at;
    }
    return at + take_zone(text, at, stamp);
}

/* " CET" at offset at, or 0. Names of zones mean this and that: only UTC is
 * more than local time. */
static size_t take_zone_name(struct slice text, size_t at,
                             struct log_stamp *stamp)
{
    enum { NAME_MAX = 6 };
    struct slice name = slice_skip(text, at + 1);
    size_t len = 0;

    if (at >= text.len || text.ptr[at] != ' ' || stamp->has_zone)
        return 0;
    while (len < name.len && name.ptr[len] >= 'A' && name.ptr[len] <= 'Z')
        len++;
    if (len < 3 || len > NAME_MAX || len == name.len || name.ptr[len] != ' ')
        return 0;
    stamp->has_zone = slice_equal(slice_head(name, len), SLICE_LITERAL("UTC"));
    return 1 + len;
}

/* journalctl -o short-full: "Sun 2026-11-22 20:28:02 CET" */
static size_t take_journal(struct slice text, struct log_stamp *stamp)
{
    size_t weekday = sizeof "Sun " - 1;
    size_t at = take_iso(slice_skip(text, weekday), stamp);

    if (at == 0)
        return 0;
    at += weekday;
    return at + take_zone_name(text, at, stamp);
}

static bool is_journal(struct slice text)
{
    return text.len > 8 && text.ptr[3] == ' ' && text.ptr[8] == '-';
}

/* "Nov 4 14:28:37": a program that writes lines anew makes one blank of two. */
static size_t take_short_bsd(struct slice text, struct log_stamp *stamp)
{
    const char *p = text.ptr;
    size_t at = sizeof "Mon d " - 1;

    if (text.len < sizeof "Mon d hh:mm:ss" - 1 || p[3] != ' ' ||
        !byte_is_digit(p[4]) || p[5] != ' ' ||
        !take_day((int)month_number(p), p[4] - '0', stamp) ||
        !take_clock(p + at, stamp))
        return 0;
    at += sizeof "hh:mm:ss" - 1;
    return at + fraction_length(text, at);
}

/* "Nov 16 14:28:37"; some loghosts write "Nov 16 2026 14:28:37". */
static size_t take_bsd(struct slice text, struct log_stamp *stamp)
{
    const char *p = text.ptr;
    size_t at = sizeof "Mon dd " - 1;

    if (text.len < sizeof "Mon dd hh:mm:ss" - 1 || p[3] != ' ' || p[6] != ' ' ||
        !take_day((int)month_number(p), day_of_month(p + 4), stamp))
        return take_short_bsd(text, stamp);
    if (!take_clock(p + at, stamp)) {
        if (text.len < sizeof "Mon dd yyyy hh:mm:ss" - 1 || p[11] != ' ')
            return 0;
        stamp->year = four_digits(p + at);
        at += sizeof "yyyy " - 1;
        if (stamp->year < 1 || !log_stamp_has_day(stamp, 0) ||
            !take_clock(p + at, stamp))
            return 0;
    }
    at += sizeof "hh:mm:ss" - 1;
    return at + fraction_length(text, at);
}

size_t log_stamp_take(struct slice text, struct log_stamp *stamp_r)
{
    *stamp_r = (struct log_stamp){.year = 0};
    if (text.len == 0)
        return 0;
    if (byte_is_digit(text.ptr[0]))
        return take_iso(text, stamp_r);
    return is_journal(text) ? take_journal(text, stamp_r)
                            : take_bsd(text, stamp_r);
}

/* Days from 1970-01-01 to the first of a month; month from 1. The year is
 * counted from March, so that a leap day is its last. */
static int64_t days_to_month(int64_t year, unsigned month)
{
    int64_t of_march = month > 2 ? year : year - 1;
    int64_t era = (of_march >= 0 ? of_march : of_march - 399) / 400;
    int64_t year_of_era = of_march - era * 400;
    int64_t month_of_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * month_of_march + 2) / 5;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 -
           year_of_era / 100 + day_of_year - 719468;
}

int64_t log_stamp_epoch(const struct log_stamp *stamp, int32_t year,
                        int32_t zone_sec)
{
    int64_t days =
        days_to_month(stamp->year != 0 ? stamp->year : year, stamp->month) +
        stamp->day - 1;

    return days * DAY_SEC + stamp->hour * 3600 + stamp->minute * 60 +
           stamp->second - (stamp->has_zone ? stamp->zone_sec : zone_sec);
}
