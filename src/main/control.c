/*
 * control.c: a small HTTP/1.0 client, and a way to the control socket when the file does not load: just then
 * someone wants to know what a reload says.
 */
#include "main/control.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "conf/text.h"
#include "core/config/config_names.h"

#define CONTROL_TIMEOUT_S 120
#define CONTROL_REPLY_MAX (256 * 1024 * 1024)
#define CONTROL_READ 65536

static void control_copy(char *to, size_t size, struct str from)
{
    if (from.len < size)
        snprintf(to, size, "%.*s", STR_ARG(from));
}

/* The string that top-level setting `name` has in a text without comments; empty when there is none. */
static struct str control_setting(struct str text, const char *name)
{
    size_t len = strlen(name);
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        bool starts = i == 0 || !(isalnum((unsigned char)text.s[i - 1]) || text.s[i - 1] == '_');

        if (c == '"') {
            for (i++; i < text.len && text.s[i] != '"'; i++)
                i += text.s[i] == '\\';
        } else if (strchr("{[(", c)) {
            depth++;
        } else if (strchr("}])", c)) {
            depth--;
        } else if (depth == 0 && starts && text.len - i > len && memcmp(text.s + i, name, len) == 0) {
            size_t at = i + len, end;

            while (at < text.len && strchr(" \t\r\n=:", text.s[at]))
                at++;
            if (at >= text.len || text.s[at] != '"')
                continue;
            for (end = ++at; end < text.len && text.s[end] != '"'; end++)
                ;
            return (struct str){text.s + at, end - at};
        }
    }
    return STR_NONE;
}

static void control_from_config(struct control_target *t, const struct config *config)
{
    struct str control = config->control;

    if (str_has_prefix(control, STR("unix:")))
        control = (struct str){control.s + 5, control.len - 5};
    control_copy(t->control, sizeof(t->control), control);
    control_copy(t->pid_file, sizeof(t->pid_file), config->pid_file);
    t->drain_timeout_ms = config->drain_timeout;
}

/* The file is wrong: its text, or at worst the defaults, still say where the socket is. */
static void control_from_text(struct control_target *t, struct pool *pool, const char *file)
{
    struct conf_report report;
    struct conf_text text = {.s = NULL, .len = 0};
    struct str control, pid_file;
    struct config *config;

    conf_report_init(&report, pool);
    config = config_from_text(STR(""), "defaults", &report);
    if (config)
        control_from_config(t, config);
    config_free(config);
    (void)!conf_text_read(&text, pool, &report, file, ".");
    if (!text.s)
        return;
    control = control_setting((struct str){text.s, text.len}, "control");
    pid_file = control_setting((struct str){text.s, text.len}, "pid_file");
    if (str_has_prefix(control, STR("unix:")))
        control_copy(t->control, sizeof(t->control), (struct str){control.s + 5, control.len - 5});
    if (pid_file.len > 0)
        control_copy(t->pid_file, sizeof(t->pid_file), pid_file);
}

void control_find(struct control_target *t, const char *file)
{
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct config *config;

    *t = (struct control_target){.drain_timeout_ms = 600 * 1000};
    conf_report_init(&report, pool);
    /* No address of a server is needed, and none waited for: what stops an instance works without DNS. */
    config = config_load_with(file, &(struct config_names){.how = CONFIG_NAMES_NONE}, &report);
    if (config)
        control_from_config(t, config);
    else
        control_from_text(t, pool, file);
    config_free(config);
    pool_free(pool);
}

static int control_connect(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = CONTROL_TIMEOUT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(un.sun_path, path, strlen(path) + 1);
    if (fd < 0 || connect(fd, (const void *)&un, sizeof(un)) < 0) {
        fprintf(stderr, "weir: no instance answers at unix:%s: %s\n", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    return fd;
}

/* All that comes, malloc'd, with a NUL behind it; NULL with errno. */
static char *control_read(int fd, size_t *len)
{
    size_t room = 0;
    char *text = NULL;
    ssize_t n = 1;

    *len = 0;
    while (n > 0 && *len < CONTROL_REPLY_MAX) {
        if (room - *len < CONTROL_READ + 1) {
            room = room ? room * 2 : 2 * CONTROL_READ;
            text = realloc(text, room);
            if (!text)
                abort();
        }
        do
            n = recv(fd, text + *len, CONTROL_READ, 0);
        while (n < 0 && errno == EINTR);
        *len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[*len] = 0;
    return text;
}

static int control_send(int fd, const char *method, const char *path, struct str body)
{
    char head[8192];
    int n = snprintf(
        head, sizeof(head),
        "%s %s HTTP/1.0\r\nHost: weir\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        method, path, body.len);

    if (n >= (int)sizeof(head)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (send(fd, head, (size_t)n, MSG_NOSIGNAL) != n)
        return -1;
    return body.len == 0 || send(fd, body.s, body.len, MSG_NOSIGNAL) == (ssize_t)body.len ? 0 : -1;
}

int control_ask(const struct control_target *t, const char *method, const char *path, struct str body,
                struct control_reply *reply)
{
    int fd = control_connect(t->control);
    const char *end;
    size_t len = 0;

    *reply = (struct control_reply){.text = NULL};
    if (fd < 0)
        return -1;
    if (control_send(fd, method, path, body) == 0)
        reply->text = control_read(fd, &len);
    end = reply->text ? strstr(reply->text, "\r\n\r\n") : NULL;
    if (!end || sscanf(reply->text, "HTTP/1.%*1[01] %3u", &reply->status) != 1) {
        fprintf(stderr, "weir: no answer: %s\n", reply->text ? "the connection was closed" : strerror(errno));
        control_reply_free(reply);
        close(fd);
        return -1;
    }
    close(fd);
    reply->body = (struct str){end + 4, len - (size_t)(end + 4 - reply->text)};
    return 0;
}

void control_reply_free(struct control_reply *reply)
{
    free(reply->text);
    *reply = (struct control_reply){.text = NULL};
}

void control_missing(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    char byte;

    if (fd < 0 || read(fd, &byte, 1) < 0)
        fprintf(stderr, "weir: cannot read %s: %s\n", file, strerror(errno));
    else
        fprintf(stderr, "weir: %s: no control socket is configured; write control = \"unix:/run/weir.sock\";\n", file);
    if (fd >= 0)
        close(fd);
}
