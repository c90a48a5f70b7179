/* grpc.c: see grpc.h. */
#include "http/grpc.h"

#define TYPE STR("application/grpc")
/* Digits in grpc-timeout. */
#define TIMEOUT_DIGITS 8

bool grpc_is_request(const struct message *head)
{
    const struct header *type = header_find(&head->headers, HEADER_CONTENT_TYPE);
    struct str value = type ? type->value : STR_NONE;

    if (value.len < TYPE.len || !str_ieq((struct str){value.s, TYPE.len}, TYPE))
        return false;
    return value.len == TYPE.len || value.s[TYPE.len] == '+' || value.s[TYPE.len] == ';' ||
           value.s[TYPE.len] == ' ';
}

int64_t grpc_timeout_ms(struct str value)
{
    uint64_t n;
    int64_t ms;

    if (value.len < 2 || value.len > TIMEOUT_DIGITS + 1 ||
        str_to_u64((struct str){value.s, value.len - 1}, INT32_MAX, &n) != 0)
        return -1;
    ms = (int64_t)n;
    switch (value.s[value.len - 1]) {
    case 'H':
        ms *= 3600 * 1000;
        break;
    case 'M':
        ms *= 60 * 1000;
        break;
    case 'S':
        ms *= 1000;
        break;
    case 'm':
        break;
    case 'u':
        ms /= 1000;
        break;
    case 'n':
        ms /= 1000 * 1000;
        break;
    default:
        return -1;
    }
    return ms > 0 ? ms : 1;
}

unsigned grpc_status_of(unsigned http_status, bool timeout)
{
    switch (http_status) {
    case 400:
    case 500:
        return 13; /* INTERNAL */
    case 401:
        return 16; /* UNAUTHENTICATED */
    case 403:
        return 7; /* PERMISSION_DENIED */
    case 404:
        return 12; /* UNIMPLEMENTED */
    case 413:
    case 507:
        return 8; /* RESOURCE_EXHAUSTED */
    case 504:
        return timeout ? 4 /* DEADLINE_EXCEEDED */ : GRPC_UNAVAILABLE;
    case 429:
    case 502:
    case 503:
        return GRPC_UNAVAILABLE;
    default:
        return 2; /* UNKNOWN */
    }
}

struct str grpc_status_in(const struct header_list *headers)
{
    const struct header *status = header_find_name(headers, STR("grpc-status"));

    return status ? status->value : STR_NONE;
}
