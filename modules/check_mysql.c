/*
 * check_mysql.c: the greeting of a MySQL or MariaDB server, then with `user` a login without a password and a
 * goodbye.  Packets are three bytes of length, a number, and the payload; integers have the low byte first.
 */
#include "core/health/probe.h"
#include "modules/modules.h"

#define PACKET_HEAD 4
#define PACKET_MAX 4096
#define PROTOCOL 10
#define OK_BYTE 0x00
#define MORE_BYTE 0x01
#define SWITCH_BYTE 0xfe
#define ERROR_BYTE 0xff
#define FAST_AUTH_OK 0x03
#define ERROR_TEXT_AT 9 /* 0xff, the code, '#', five digits of state */

/* LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH. */
#define CAPABILITIES (0x1u | 0x200u | 0x8000u | 0x80000u)
#define CHARSET_UTF8 33
#define RESERVED_BYTES 23

struct mysql_check {
    bool greeted;
    unsigned switches;
};

static enum check_step mysql_start(struct probe *p)
{
    p->data = pool_zalloc(p->pool, sizeof(struct mysql_check));
    return CHECK_GOES_ON;
}

static void put_le(char *to, unsigned long value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (char)(value >> (8 * i) & 0xff);
}

static void send_packet(struct probe *p, unsigned number, struct str payload)
{
    char head[PACKET_HEAD];

    put_le(head, payload.len, 3);
    head[3] = (char)number;
    probe_send(p, (struct str){head, sizeof(head)});
    probe_send(p, payload);
}

static void send_login(struct probe *p, unsigned number)
{
    static const char plugin[] = "mysql_native_password";
    struct str user = p->job.conf->user;
    char fixed[4 + 4 + 1 + RESERVED_BYTES] = "";
    size_t len = sizeof(fixed) + user.len + 1 + 1 + sizeof(plugin);
    char *text = pool_text(p->pool, len);
    char *at = text + sizeof(fixed);

    put_le(fixed, CAPABILITIES, 4);
    put_le(fixed + 4, PACKET_MAX, 4);
    fixed[8] = CHARSET_UTF8;
    memcpy(text, fixed, sizeof(fixed));
    memcpy(at, user.s, user.len);
    at += user.len;
    *at++ = '\0';
    *at++ = 0; /* an empty password */
    memcpy(at, plugin, sizeof(plugin));
    send_packet(p, number, (struct str){text, len});
}

static enum check_step mysql_refused(struct probe *p, struct str payload)
{
    struct str text = payload.len > ERROR_TEXT_AT && payload.s[3] == '#' ? str_from(payload, ERROR_TEXT_AT)
                      : payload.len > 3                                  ? str_from(payload, 3)
                                                                         : STR("without a text");

    return probe_fail(p, "refused: %.*s", (int)(text.len < PEER_REASON_MAX ? text.len : PEER_REASON_MAX),
                      text.s);
}

static enum check_step mysql_greeting(struct probe *p, unsigned number, struct str payload)
{
    struct mysql_check *mysql = p->data;

    if ((unsigned char)payload.s[0] != PROTOCOL || !memchr(payload.s, '\0', payload.len))
        return probe_fail(p, "the greeting is not MySQL's");
    mysql->greeted = true;
    if (p->job.conf->user.len == 0)
        return probe_pass(p, "greeted");
    send_login(p, number + 1);
    return CHECK_GOES_ON;
}

static enum check_step mysql_packet(struct probe *p, unsigned number, struct str payload)
{
    struct mysql_check *mysql = p->data;
    unsigned char kind = (unsigned char)payload.s[0];

    if (kind == ERROR_BYTE)
        return mysql_refused(p, payload);
    if (!mysql->greeted)
        return mysql_greeting(p, number, payload);
    if (kind == OK_BYTE) {
        send_packet(p, 0, STR("\x01"));
        return probe_pass(p, "logged in");
    }
    if (kind == MORE_BYTE && payload.len >= 2 && payload.s[1] == FAST_AUTH_OK)
        return CHECK_GOES_ON;
    if (kind != SWITCH_BYTE || mysql->switches++ > 0)
        return probe_fail(p, "the user needs a password");
    /* Another way of proving it; of no password the proof is always empty. */
    send_packet(p, number + 1, STR_NONE);
    return CHECK_GOES_ON;
}

static enum check_step mysql_on_data(struct probe *p, bool end)
{
    enum check_step step = CHECK_GOES_ON;

    while (step == CHECK_GOES_ON && p->in_len >= PACKET_HEAD) {
        const unsigned char *head = (const unsigned char *)p->in;
        size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;

        if (len == 0 || len > PACKET_MAX)
            return probe_fail(p, "the answer is not MySQL's");
        if (p->in_len < PACKET_HEAD + len)
            break;
        step = mysql_packet(p, head[3], (struct str){p->in + PACKET_HEAD, len});
        probe_take(p, PACKET_HEAD + len);
    }
    if (step == CHECK_GOES_ON && end)
        return probe_fail(p, "the server closed the connection early");
    return step;
}

const struct check check_mysql = {.name = "mysql", .start = mysql_start, .on_data = mysql_on_data};
