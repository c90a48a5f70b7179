/*
 * date.c: see date.h.  Days are counted in years that begin on 1 March, so that the leap day
 * comes last and month lengths follow one formula.
 */
#include "http/date.h"

#define DAY_SECONDS 86400
#define ERA_DAYS 146097   /* in 400 years */
#define EPOCH_DAYS 719468 /* 0000-03-01 to 1970-01-01 */
#define OLDEST (-62167219200LL) /* 0000-01-01 00:00:00 */
#define NEWEST 253402300799LL   /* 9999-12-31 23:59:59 */

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "SunMonTueWedThuFriSat";

struct date_fields {
    int64_t year;
    unsigned month, day, hour, minute, second; /* month 1..12 */
};

static int64_t days_from_fields(const struct date_fields *f)
{
    int64_t year = f->year - (f->month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * ((f->month + 9) % 12) + 2) / 5 + f->day - 1;

    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

static void fields_from_days(int64_t day, struct date_fields *f)
{
    int64_t z = day + EPOCH_DAYS;
    int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t of_era = z - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t shifted = (5 * of_year + 2) / 153; /* March is 0 */

    f->day = (unsigned)(of_year - (153 * shifted + 2) / 5 + 1);
    f->month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    f->year = year + era * 400 + (f->month <= 2);
}

static char *put_number(char *to, unsigned value, unsigned width)
{
    unsigned i;

    for (i = width; i > 0; i--) {
        to[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + width;
}

static char *put_text(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

void date_print(int64_t seconds, char out[DATE_SIZE])
{
    struct date_fields f = {0};
    int64_t day, rest;
    unsigned second;
    char *to = out;

    seconds = seconds < OLDEST ? OLDEST : seconds > NEWEST ? NEWEST : seconds;
    day = seconds / DAY_SECONDS;
    rest = seconds % DAY_SECONDS;
    if (rest < 0) {
        day--;
        rest += DAY_SECONDS;
    }
    second = (unsigned)rest;
    fields_from_days(day, &f);
    to = put_text(to, days + 3 * (((day + 4) % 7 + 7) % 7), 3);
    to = put_text(to, ", ", 2);
    to = put_number(to, f.day, 2);
    *to++ = ' ';
    to = put_text(to, months + 3 * (f.month - 1), 3);
    *to++ = ' ';
    to = put_number(to, (unsigned)f.year, 4);
    *to++ = ' ';
    to = put_number(to, second / 3600, 2);
    *to++ = ':';
    to = put_number(to, second / 60 % 60, 2);
    *to++ = ':';
    to = put_number(to, second % 60, 2);
    memcpy(to, " GMT", 5);
}

/* A reader that remembers failure, so that a whole form is read before one check. */
struct reader {
    struct str rest;
    bool bad;
};

static void skip_text(struct reader *r, struct str text)
{
    if (!str_has_prefix(r->rest, text)) {
        r->bad = true;
        return;
    }
    r->rest.s += text.len;
    r->rest.len -= text.len;
}

static unsigned read_number(struct reader *r, size_t width)
{
    uint64_t value = 0;

    if (r->rest.len < width || str_to_u64((struct str){r->rest.s, width}, 9999, &value) < 0) {
        r->bad = true;
        return 0;
    }
    r->rest.s += width;
    r->rest.len -= width;
    return (unsigned)value;
}

/* One of the three-letter names in `table`, counted from 1. */
static unsigned read_name(struct reader *r, const char *table)
{
    unsigned i;

    for (i = 0; table[i] != '\0' && r->rest.len >= 3; i += 3) {
        if (memcmp(r->rest.s, table + i, 3) == 0) {
            skip_text(r, (struct str){table + i, 3});
            return i / 3 + 1;
        }
    }
    r->bad = true;
    return 0;
}

static void read_time(struct reader *r, struct date_fields *f)
{
    f->hour = read_number(r, 2);
    skip_text(r, STR(":"));
    f->minute = read_number(r, 2);
    skip_text(r, STR(":"));
    f->second = read_number(r, 2);
}

/* ", 06 Nov 1994 08:49:37 GMT" */
static void read_imf(struct reader *r, struct date_fields *f)
{
    skip_text(r, STR(", "));
    f->day = read_number(r, 2);
    skip_text(r, STR(" "));
    f->month = read_name(r, months);
    skip_text(r, STR(" "));
    f->year = read_number(r, 4);
    skip_text(r, STR(" "));
    read_time(r, f);
    skip_text(r, STR(" GMT"));
}

/* " Nov  6 08:49:37 1994" */
static void read_asctime(struct reader *r, struct date_fields *f)
{
    skip_text(r, STR(" "));
    f->month = read_name(r, months);
    skip_text(r, STR(" "));
    if (r->rest.len > 0 && r->rest.s[0] == ' ') {
        skip_text(r, STR(" "));
        f->day = read_number(r, 1);
    } else {
        f->day = read_number(r, 2);
    }
    skip_text(r, STR(" "));
    read_time(r, f);
    skip_text(r, STR(" "));
    f->year = read_number(r, 4);
}

static int64_t year_of(int64_t now)
{
    struct date_fields f = {0};

    now = now < OLDEST ? OLDEST : now > NEWEST ? NEWEST : now;
    fields_from_days(now / DAY_SECONDS, &f);
    return f.year;
}

/* "day, 06-Nov-94 08:49:37 GMT", where the rest of the day's name was already compared. */
static void read_rfc850(struct reader *r, struct date_fields *f, int64_t now)
{
    int64_t this_year = year_of(now);

    skip_text(r, STR(", "));
    f->day = read_number(r, 2);
    skip_text(r, STR("-"));
    f->month = read_name(r, months);
    skip_text(r, STR("-"));
    f->year = read_number(r, 2) + this_year / 100 * 100;
    if (f->year > this_year + 50) {
        f->year -= 100;
    } else if (f->year <= this_year - 50) {
        f->year += 100;
    }
    skip_text(r, STR(" "));
    read_time(r, f);
    skip_text(r, STR(" GMT"));
}

/* Skips what a full weekday name has after its first three letters; false: nothing of the kind. */
static bool skip_weekday_tail(struct reader *r, unsigned weekday)
{
    static const char *const tails[] = {"day", "day", "sday", "nesday", "rsday", "day", "urday"};
    struct str tail = str_of(tails[weekday - 1]);

    if (!str_has_prefix(r->rest, tail)) {
        return false;
    }
    skip_text(r, tail);
    return true;
}

static bool fields_valid(const struct date_fields *f)
{
    static const unsigned lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (f->year % 4 == 0 && f->year % 100 != 0) || f->year % 400 == 0;

    return f->month >= 1 && f->month <= 12 && f->day >= 1 && f->day <= lengths[f->month - 1] &&
           (f->month != 2 || f->day < 29 || leap) && f->hour < 24 && f->minute < 60 &&
           f->second <= 60; /* 60: a leap second */
}

int date_parse(struct str text, int64_t now, int64_t *seconds)
{
    struct reader r = {text, false};
    struct date_fields f = {0};
    unsigned weekday = read_name(&r, days);

    if (r.bad || r.rest.len == 0) {
        return -1;
    }
    if (r.rest.s[0] == ',') {
        read_imf(&r, &f);
    } else if (r.rest.s[0] == ' ') {
        read_asctime(&r, &f);
    } else if (skip_weekday_tail(&r, weekday)) {
        read_rfc850(&r, &f, now);
    } else {
        return -1;
    }
    if (r.bad || r.rest.len != 0 || !fields_valid(&f)) {
        return -1;
    }
    *seconds = days_from_fields(&f) * DAY_SECONDS + f.hour * 3600 + f.minute * 60 + f.second;
    return 0;
}
