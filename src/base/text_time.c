/* RFC 3339 and HTTP's dates in UTC, to the second, by the arithmetic of the proleptic Gregorian calendar. Pure. */
#include "p2pdi/base/text.h"

#include <string.h>

#define DAY_S INT64_C(86400)
#define YEAR_0000_S INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define YEAR_9999_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_before_year(int64_t year)
{
    int64_t past = year - 1;

    /* Year 0 is a leap year; without the shift -1 / 4 would round the wrong way. */
    return year == 0 ? 0 : 366 + past * 365 + past / 4 - past / 100 + past / 400;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

static void put_digits(char *to, int64_t value, size_t width)
{
    while (width-- > 0) {
        to[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* A moment by the calendar; weekday: 0 is Sunday. */
struct civil {
    int64_t year, month, day, weekday;
    int64_t hour, minute, second;
};

/* Years before 0 and after 9999 become the first and the last second of those. */
static struct civil civil_of(int64_t wall_s)
{
    if (wall_s < YEAR_0000_S)
        wall_s = YEAR_0000_S;
    if (wall_s > YEAR_9999_S)
        wall_s = YEAR_9999_S;

    int64_t since = wall_s - YEAR_0000_S;
    int64_t days = since / DAY_S, second = since % DAY_S;
    struct civil c = {
        .year = days / 366, /* never too late, at most seven years early */
        .month = 1,
        .weekday = (days + 6) % 7, /* 0000-01-01 was a Saturday */
        .hour = second / 3600,
        .minute = second / 60 % 60,
        .second = second % 60,
    };

    while (days_before_year(c.year + 1) <= days)
        c.year++;
    days -= days_before_year(c.year);
    while (days >= days_in_month(c.year, c.month))
        days -= days_in_month(c.year, c.month++);
    c.day = days + 1;
    return c;
}

void text_format_rfc3339(int64_t wall_s, char out[TEXT_RFC3339_SIZE])
{
    static const char shape[TEXT_RFC3339_SIZE] = "0000-00-00T00:00:00Z";
    struct civil c = civil_of(wall_s);

    memcpy(out, shape, sizeof(shape));
    put_digits(out, c.year, 4);
    put_digits(out + 5, c.month, 2);
    put_digits(out + 8, c.day, 2);
    put_digits(out + 11, c.hour, 2);
    put_digits(out + 14, c.minute, 2);
    put_digits(out + 17, c.second, 2);
}

void text_format_http_date(int64_t wall_s, char out[TEXT_HTTP_DATE_SIZE])
{
    static const char shape[TEXT_HTTP_DATE_SIZE] = "Day, 00 Mon 0000 00:00:00 GMT";
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil c = civil_of(wall_s);

    memcpy(out, shape, sizeof(shape));
    memcpy(out, days + 3 * c.weekday, 3);
    put_digits(out + 5, c.day, 2);
    memcpy(out + 8, months + 3 * (c.month - 1), 3);
    put_digits(out + 12, c.year, 4);
    put_digits(out + 17, c.hour, 2);
    put_digits(out + 20, c.minute, 2);
    put_digits(out + 23, c.second, 2);
}

static bool get_digits(struct slice s, size_t at, size_t width, int64_t min, int64_t max,
                       int64_t *out)
{
    uint64_t value;

    if (!text_parse_u64((struct slice){s.p + at, width}, (uint64_t)max, &value))
        return false;
    *out = (int64_t)value;
    return *out >= min;
}

bool text_parse_rfc3339(struct slice s, int64_t *out_wall_s)
{
    int64_t year, month, day, hour, minute, second;

    if (s.n != TEXT_RFC3339_SIZE - 1 || s.p[4] != '-' || s.p[7] != '-' || s.p[10] != 'T' ||
        s.p[13] != ':' || s.p[16] != ':' || s.p[19] != 'Z')
        return false;
    if (!get_digits(s, 0, 4, 0, 9999, &year) || !get_digits(s, 5, 2, 1, 12, &month) ||
        !get_digits(s, 8, 2, 1, days_in_month(year, month), &day) ||
        !get_digits(s, 11, 2, 0, 23, &hour) || !get_digits(s, 14, 2, 0, 59, &minute) ||
        !get_digits(s, 17, 2, 0, 59, &second))
        return false;

    int64_t days = days_before_year(year) + day - 1;

    for (int64_t m = 1; m < month; m++)
        days += days_in_month(year, m);
    *out_wall_s = YEAR_0000_S + days * DAY_S + hour * 3600 + minute * 60 + second;
    return true;
}
