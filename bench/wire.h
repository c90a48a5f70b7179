/*
 * wire.h: what the backend and the load generator of the benchmark share: reading an HTTP/1 head out of a
 * buffer, and the numbers of a command line.  Both trust the other end as far as a benchmark may: a head
 * that does not fit, or is not framed by Content-Length, is an error that they count, never a guess.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What matters of one head: its length with the empty line, the body's, and whether it closes. */
struct wire_head {
    size_t size;
    long body; /* -1: no Content-Length */
    int close;
};

/* The value of the field NAME ("Content-Length:") in the head from HEAD to END, or NULL. */
static inline const char *wire_field(const char *head, const char *end, const char *name)
{
    size_t n = strlen(name);
    const char *line = head;

    while (line < end) {
        const char *eol = memchr(line, '\n', (size_t)(end - line));

        if (!eol)
            return NULL;
        line = eol + 1;
        if ((size_t)(end - line) > n && strncasecmp(line, name, n) == 0)
            return line + n + strspn(line + n, " \t");
    }
    return NULL;
}

/* Reads the head at the start of TEXT (N bytes): 1 with *h filled in, 0 when its end is not there yet. */
static inline int wire_head(const char *text, size_t n, struct wire_head *h)
{
    const char *end = memmem(text, n, "\r\n\r\n", 4);
    const char *length, *connection;

    if (!end)
        return 0;
    end += 4;
    h->size = (size_t)(end - text);
    length = wire_field(text, end, "Content-Length:");
    h->body = length ? strtol(length, NULL, 10) : -1;
    connection = wire_field(text, end, "Connection:");
    h->close = connection && strncasecmp(connection, "close", 5) == 0;
    return 1;
}

/* A decimal number from LOW to HIGH; ends the program when TEXT is anything else. */
static inline long wire_number(const char *text, long low, long high)
{
    char *end;
    long v = strtol(text, &end, 10);

    if (end == text || *end || v < low || v > high)
        exit(2);
    return v;
}

#endif
