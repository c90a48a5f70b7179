/*
 * cli_signal.c: a small HTTP/1.0 client, and a way to the control socket when the file does not load: just
 * then someone wants to know what a reload says.
 */
#include "main/cli_signal.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/text.h"
#include "core/config.h"
#include "main/cli.h"

#define CLI_SIGNAL_TIMEOUT_S 120
#define CLI_SIGNAL_REPLY_MAX (512 * 1024)
#define CLI_SIGNAL_STOP_MS 15000

/* What of the configuration is needed. */
struct cli_signal_target {
    char control[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char pid_file[4096];
    int64_t drain_timeout_ms;
};

static void cli_signal_copy(char *to, size_t size, struct str from)
{
    if (from.len < size)
        snprintf(to, size, "%.*s", STR_ARG(from));
}

/* The string that top-level setting `name` has in a text without comments; empty when there is none. */
static struct str cli_signal_setting(struct str text, const char *name)
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

static void cli_signal_from_config(struct cli_signal_target *t, const struct config *config)
{
    struct str control = config->control;

    if (str_has_prefix(control, STR("unix:")))
        control = (struct str){control.s + 5, control.len - 5};
    cli_signal_copy(t->control, sizeof(t->control), control);
    cli_signal_copy(t->pid_file, sizeof(t->pid_file), config->pid_file);
    t->drain_timeout_ms = config->drain_timeout;
}

/* The file is wrong: its text, or at worst the defaults, still say where the socket is. */
static void cli_signal_from_text(struct cli_signal_target *t, struct pool *pool, const char *file)
{
    struct conf_report report;
    struct conf_text text = {.s = NULL, .len = 0};
    struct str control, pid_file;
    struct config *config;

    conf_report_init(&report, pool);
    config = config_from_text(STR(""), "defaults", &report);
    if (config)
        cli_signal_from_config(t, config);
    config_free(config);
    (void)!conf_text_read(&text, pool, &report, file, ".");
    if (!text.s)
        return;
    control = cli_signal_setting((struct str){text.s, text.len}, "control");
    pid_file = cli_signal_setting((struct str){text.s, text.len}, "pid_file");
    if (str_has_prefix(control, STR("unix:")))
        cli_signal_copy(t->control, sizeof(t->control), (struct str){control.s + 5, control.len - 5});
    if (pid_file.len > 0)
        cli_signal_copy(t->pid_file, sizeof(t->pid_file), pid_file);
}

static void cli_signal_find(struct cli_signal_target *t, const char *file)
{
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct config *config;

    *t = (struct cli_signal_target){.drain_timeout_ms = 600 * 1000};
    conf_report_init(&report, pool);
    config = config_load(file, &report);
    if (config)
        cli_signal_from_config(t, config);
    else
        cli_signal_from_text(t, pool, file);
    config_free(config);
    pool_free(pool);
}

static int cli_signal_connect(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = CLI_SIGNAL_TIMEOUT_S};
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

/* The whole reply, malloc'd, ends in NUL; NULL with a message. */
static char *cli_signal_exchange(int fd, const char *command)
{
    char request[160], *reply = malloc(CLI_SIGNAL_REPLY_MAX + 1);
    size_t len = 0;
    ssize_t n;
    int size = snprintf(request, sizeof(request),
                        "POST /api/v1/%s HTTP/1.0\r\nHost: weir\r\nContent-Length: 0\r\n\r\n", command);

    if (!reply)
        abort();
    n = send(fd, request, (size_t)size, MSG_NOSIGNAL);
    while (n > 0 && len < CLI_SIGNAL_REPLY_MAX) {
        n = recv(fd, reply + len, CLI_SIGNAL_REPLY_MAX - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    reply[len] = 0;
    if (len > 0 && strstr(reply, "\r\n\r\n"))
        return reply;
    fprintf(stderr, "weir: no answer: %s\n", n < 0 ? strerror(errno) : "the connection was closed");
    free(reply);
    return NULL;
}

/* The character of the escape at `*s`, just behind the backslash; leaves *s at its last byte. */
static char cli_signal_unescape(const char **s)
{
    unsigned code;

    switch (**s) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'u':
        if (sscanf(*s + 1, "%4x", &code) != 1)
            return '?';
        *s += 4;
        return code < 0x80 ? (char)code : '?';
    default:
        return **s;
    }
}

/* Prints the JSON string that follows `"name":`. */
static bool cli_signal_print(const char *json, const char *name, FILE *to)
{
    char key[32], last = '\n';
    const char *s;

    snprintf(key, sizeof(key), "\"%s\"", name);
    s = strstr(json, key);
    s = s ? strchr(s + strlen(key), '"') : NULL;
    if (!s)
        return false;
    for (s++; *s && *s != '"'; s++) {
        last = *s;
        if (*s == '\\' && s[1]) {
            s++;
            last = cli_signal_unescape(&s);
        }
        putc(last, to);
    }
    if (last != '\n')
        putc('\n', to);
    return true;
}

/* A descriptor of the process in the pid file, or -1. */
static int cli_signal_open_master(const struct cli_signal_target *t)
{
    FILE *in = fopen(t->pid_file, "re");
    long pid = 0;

    if (!in)
        return -1;
    if (fscanf(in, "%ld", &pid) != 1)
        pid = 0;
    fclose(in);
    return pid > 1 ? pidfd_open((pid_t)pid, 0) : -1;
}

/* Waits until the master has ended. */
static int cli_signal_wait(int master, int64_t ms)
{
    struct pollfd poller = {.fd = master, .events = POLLIN};

    if (master < 0 || poll(&poller, 1, ms > INT32_MAX ? -1 : (int)ms) > 0)
        return CLI_DONE;
    fprintf(stderr, "weir: the master has not ended\n");
    return CLI_FAULT;
}

static int cli_signal_send(const struct cli_signal_target *t, const char *command)
{
    int fd = cli_signal_connect(t->control);
    char *reply = fd < 0 ? NULL : cli_signal_exchange(fd, command);
    const char *body;
    unsigned status = 0;
    bool ok;

    if (fd >= 0)
        close(fd);
    if (!reply)
        return CLI_FAULT;
    body = strstr(reply, "\r\n\r\n") + 4;
    ok = sscanf(reply, "HTTP/1.%*1[01] %3u", &status) == 1 && status == 200;
    if (!cli_signal_print(body, "text", ok ? stdout : stderr) && !cli_signal_print(body, "error", stderr))
        fprintf(stderr, "weir: status %u\n", status);
    free(reply);
    fflush(stdout);
    return ok ? CLI_DONE : CLI_FAULT;
}

int cli_signal(const char *file, const char *command)
{
    static const char *const commands[] = {"reload", "quit", "stop", "reopen", "upgrade"};
    struct cli_signal_target target;
    bool known = false;
    int code, master;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        known = known || strcmp(command, commands[i]) == 0;
    if (!known)
        return cli_wrong("-s takes reload, quit, stop, reopen or upgrade, not \"%s\"", command);
    cli_signal_find(&target, file);
    if (!target.control[0]) {
        fprintf(stderr, "weir: %s: no control socket is configured\n", file);
        return CLI_FAULT;
    }
    /* Opened before, since the file goes away with the process. */
    master = cli_signal_open_master(&target);
    code = cli_signal_send(&target, command);
    if (code == CLI_DONE && strcmp(command, "stop") == 0)
        code = cli_signal_wait(master, CLI_SIGNAL_STOP_MS);
    else if (code == CLI_DONE && strcmp(command, "quit") == 0)
        code = cli_signal_wait(master, target.drain_timeout_ms + CLI_SIGNAL_STOP_MS);
    if (master >= 0)
        close(master);
    return code;
}
