/*
 * cli_signal.c: one call on the control socket, and the end of the master where that was asked for.
 */
#include "main/cli_signal.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "main/cli.h"
#include "main/control.h"
#include "main/orphans.h"

#define CLI_SIGNAL_STOP_MS 15000

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
static int cli_signal_open_master(const struct control_target *t)
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

static int cli_signal_send(const struct control_target *t, const char *file, const char *command)
{
    struct control_reply reply;
    char path[64];
    bool ok;

    snprintf(path, sizeof(path), "/api/v1/%s", command);
    if (control_ask(t, "POST", path, STR_NONE, &reply) < 0)
        return CLI_FAULT;
    ok = reply.status == 200;
    if (!ok && strstr(reply.body.s, "The master is gone"))
        orphans_say(t, file);
    else if (!cli_signal_print(reply.body.s, "text", ok ? stdout : stderr) &&
        !cli_signal_print(reply.body.s, "error", stderr))
        fprintf(stderr, "weir: status %u\n", reply.status);
    control_reply_free(&reply);
    fflush(stdout);
    return ok ? CLI_DONE : CLI_FAULT;
}

int cli_signal(const char *file, const char *command)
{
    static const char *const commands[] = {"reload", "quit", "stop", "reopen", "upgrade"};
    struct control_target target;
    bool known = false;
    int code, master;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        known = known || strcmp(command, commands[i]) == 0;
    if (!known)
        return cli_wrong("-s takes reload, quit, stop, reopen or upgrade, not \"%s\"", command);
    control_find(&target, file);
    if (!target.control[0]) {
        control_missing(file);
        return CLI_FAULT;
    }
    if (orphans_are(&target)) {
        orphans_say(&target, file);
        return CLI_FAULT;
    }
    /* Opened before, since the file goes away with the process. */
    master = cli_signal_open_master(&target);
    code = cli_signal_send(&target, file, command);
    if (code == CLI_DONE && strcmp(command, "stop") == 0)
        code = cli_signal_wait(master, CLI_SIGNAL_STOP_MS);
    else if (code == CLI_DONE && strcmp(command, "quit") == 0)
        code = cli_signal_wait(master, target.drain_timeout_ms + CLI_SIGNAL_STOP_MS);
    if (master >= 0)
        close(master);
    return code;
}
