/* client_hello.c: see client_hello.h. */
#include "io/client_hello.h"

#include <stdint.h>
#include <string.h>

#define RECORD_HEAD 5
#define RECORD_HANDSHAKE 22
#define RECORD_BYTES_MAX (16 * 1024)
#define MESSAGE_HEAD 4
#define CLIENT_HELLO_TYPE 1
#define EXTENSION_SERVER_NAME 0
#define NAME_TYPE_HOST 0

/* What is left to be read; `bad` once more was wanted than there is. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static struct reader take(struct reader *r, size_t n)
{
    struct reader part = {r->at, n, false};

    if (r->bad || n > r->left) {
        r->bad = true;
        return (struct reader){r->at, 0, true};
    }
    r->at += n;
    r->left -= n;
    return part;
}

static size_t number(struct reader *r, size_t bytes)
{
    struct reader part = take(r, bytes);
    size_t value = 0;

    for (size_t i = 0; i < part.left; i++)
        value = value << 8 | part.at[i];
    return value;
}

/* A vector with its length in `bytes` bytes in front. */
static struct reader vector(struct reader *r, size_t bytes)
{
    size_t n = number(r, bytes);

    return take(r, n);
}

static bool is_host_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static void copy_name(struct reader host, char name[CLIENT_HELLO_NAME_MAX])
{
    size_t len = host.left;

    if (len > 0 && host.at[len - 1] == '.')
        len--;
    if (host.bad || len == 0 || len >= CLIENT_HELLO_NAME_MAX)
        return;
    for (size_t i = 0; i < len; i++) {
        name[i] = ascii_lower((char)host.at[i]);
        if (!is_host_byte((uint8_t)name[i])) {
            name[0] = '\0';
            return;
        }
    }
    name[len] = '\0';
}

static void find_name(struct reader extensions, char name[CLIENT_HELLO_NAME_MAX])
{
    while (extensions.left > 0 && !extensions.bad) {
        size_t type = number(&extensions, 2);
        struct reader body = vector(&extensions, 2);

        if (type != EXTENSION_SERVER_NAME || body.bad)
            continue;
        body = vector(&body, 2);
        if (number(&body, 1) == NAME_TYPE_HOST)
            copy_name(vector(&body, 2), name);
        return;
    }
}

static enum client_hello read_message(struct reader message, char name[CLIENT_HELLO_NAME_MAX])
{
    struct reader extensions;

    (void)take(&message, 2 + 32); /* version and random */
    (void)vector(&message, 1);    /* session */
    (void)vector(&message, 2);    /* cipher suites */
    (void)vector(&message, 1);    /* compressions */
    if (message.bad)
        return CLIENT_HELLO_NONE;
    if (message.left == 0)
        return CLIENT_HELLO_DONE;
    extensions = vector(&message, 2);
    if (extensions.bad)
        return CLIENT_HELLO_NONE;
    find_name(extensions, name);
    return CLIENT_HELLO_DONE;
}

/* Puts the handshake bytes of whole and begun records behind one another.  False: these are no such records. */
static bool join_records(struct str bytes, uint8_t *to, size_t *len)
{
    struct reader r = {(const uint8_t *)bytes.s, bytes.len, false};

    *len = 0;
    while (r.left > 0) {
        size_t n;

        if (r.at[0] != RECORD_HANDSHAKE || (r.left > 1 && r.at[1] != 3))
            return false;
        if (r.left < RECORD_HEAD)
            return true;
        n = (size_t)r.at[3] << 8 | r.at[4];
        if (n == 0 || n > RECORD_BYTES_MAX)
            return false;
        (void)take(&r, RECORD_HEAD);
        if (n > r.left)
            n = r.left;
        if (*len + n > CLIENT_HELLO_BYTES_MAX)
            return false;
        memcpy(to + *len, r.at, n);
        *len += n;
        (void)take(&r, n);
        /* What follows the message may be of another kind. */
        if (*len >= MESSAGE_HEAD && *len >= MESSAGE_HEAD + ((size_t)to[1] << 16 | (size_t)to[2] << 8 | to[3]))
            return true;
    }
    return true;
}

enum client_hello client_hello_name(struct str bytes, char name[CLIENT_HELLO_NAME_MAX])
{
    uint8_t joined[CLIENT_HELLO_BYTES_MAX];
    struct reader message = {joined, 0, false};
    size_t len;

    name[0] = '\0';
    if (!join_records(bytes, joined, &message.left) || (message.left > 0 && joined[0] != CLIENT_HELLO_TYPE))
        return CLIENT_HELLO_NONE;
    if (message.left < MESSAGE_HEAD)
        return CLIENT_HELLO_MORE;
    (void)take(&message, 1);
    len = number(&message, 3);
    if (len > CLIENT_HELLO_BYTES_MAX - MESSAGE_HEAD)
        return CLIENT_HELLO_NONE;
    if (len > message.left)
        return CLIENT_HELLO_MORE;
    message.left = len;
    return read_message(message, name);
}
