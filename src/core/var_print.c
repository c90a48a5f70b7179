/*
 * var_print.c: see var_print.h.  By hand: an access log prints these for each request, where printf would
 * cost more than all the rest.
 */
#include "core/var_print.h"

/* Decimal digits of `n`, at least `width` of them. */
static char *var_put_number(char *to, uint64_t n, unsigned width)
{
    char digits[20];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n || count < width);
    while (count)
        *to++ = digits[--count];
    return to;
}

struct str var_print_number(uint64_t n, char scratch[VAR_SCRATCH])
{
    return (struct str){scratch, (size_t)(var_put_number(scratch, n, 1) - scratch)};
}

struct str var_print_seconds(int64_t ms, char scratch[VAR_SCRATCH])
{
    uint64_t value = ms > 0 ? (uint64_t)ms : 0;
    char *to = var_put_number(scratch, value / 1000, 1);

    *to++ = '.';
    to = var_put_number(to, value % 1000, 3);
    return (struct str){scratch, (size_t)(to - scratch)};
}

struct str var_print_ip(const struct addr *addr, char scratch[VAR_SCRATCH])
{
    uint8_t ip[16];
    char *to = scratch;

    if (addr->len == 0)
        return STR_NONE;
    if (addr->any || addr_ip_bytes(addr, ip) != 4)
        return addr_print_ip(addr, scratch);
    for (int i = 0; i < 4; i++) {
        if (i)
            *to++ = '.';
        to = var_put_number(to, ip[i], 1);
    }
    return (struct str){scratch, (size_t)(to - scratch)};
}

struct str var_print_port(const struct addr *addr, char scratch[VAR_SCRATCH])
{
    uint16_t port = addr_port(addr);

    return port ? var_print_number(port, scratch) : STR_NONE;
}

/* The calendar is H. Hinnant's days-to-civil, with years that begin in March. */
struct str var_print_time(int64_t wall_s, char scratch[VAR_SCRATCH])
{
    uint64_t seconds = wall_s > 0 ? (uint64_t)wall_s : 0;
    uint64_t days = seconds / 86400 + 719468;
    uint64_t era = days / 146097;
    uint64_t doe = days % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint64_t mp = (5 * doy + 2) / 153;
    uint64_t month = mp < 10 ? mp + 3 : mp - 9;
    char *to = var_put_number(scratch, yoe + era * 400 + (month <= 2), 4);

    *to++ = '-';
    to = var_put_number(to, month, 2);
    *to++ = '-';
    to = var_put_number(to, doy - (153 * mp + 2) / 5 + 1, 2);
    *to++ = 'T';
    to = var_put_number(to, seconds / 3600 % 24, 2);
    *to++ = ':';
    to = var_put_number(to, seconds / 60 % 60, 2);
    *to++ = ':';
    to = var_put_number(to, seconds % 60, 2);
    *to++ = 'Z';
    return (struct str){scratch, (size_t)(to - scratch)};
}
