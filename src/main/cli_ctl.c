/*
 * cli_ctl.c: from words of the command line to calls of the API; what is answered is shown by cli_ctl_show.c.
 */
#include "main/cli_ctl.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "main/cli.h"
#include "main/control.h"

/* While one generation follows another nobody takes changes: asked again for this long. */
#define CTL_AGAIN 50
#define CTL_AGAIN_MS 100

/* ---- asking ---- */

static void ctl_say_error(const json_t *answer, unsigned status, struct str body)
{
    const char *error = json_string_value(json_object_get(answer, "error"));

    if (!error)
        error = json_string_value(json_object_get(answer, "text"));
    if (error)
        fprintf(stderr, "weir: %s\n", error);
    else
        fprintf(stderr, "weir: status %u: %.200s\n", status, body.s);
}

/* What says so is of the moment. */
static bool ctl_is_to_ask_again(const struct control_reply *reply)
{
    return reply->status == 409 && strstr(reply->body.s, "ask again") != NULL;
}

static int ctl_ask(const struct ctl *c, const char *method, const char *path, struct str body,
                   struct control_reply *reply)
{
    for (unsigned i = 0;; i++) {
        if (control_ask(&c->target, method, path, body, reply) < 0)
            return CLI_FAULT;
        if (i == CTL_AGAIN || !ctl_is_to_ask_again(reply))
            return CLI_DONE;
        control_reply_free(reply);
        nanosleep(&(struct timespec){.tv_nsec = CTL_AGAIN_MS * 1000000L}, NULL);
    }
}

int cli_ctl_call(const struct ctl *c, const char *method, const char *path, struct str body,
                 void (*show)(const json_t *, FILE *))
{
    struct control_reply reply;
    json_t *answer;
    int code;

    if (ctl_ask(c, method, path, body, &reply) != CLI_DONE)
        return CLI_FAULT;
    answer = json_loadb(reply.body.s, reply.body.len, 0, NULL);
    code = reply.status < 300 ? CLI_DONE : CLI_FAULT;
    if (c->json || (code == CLI_DONE && !show)) {
        fwrite(reply.body.s, 1, reply.body.len, stdout);
        if (reply.body.len == 0 || reply.body.s[reply.body.len - 1] != '\n')
            putchar('\n');
    } else if (code == CLI_DONE && answer) {
        show(answer, stdout);
    }
    if (code != CLI_DONE || (show && !answer)) {
        ctl_say_error(answer, reply.status, reply.body);
        code = CLI_FAULT;
    }
    json_decref(answer);
    control_reply_free(&reply);
    fflush(stdout);
    return code;
}

int cli_ctl_path_add(char path[CTL_PATH_MAX], const char *text, bool encode)
{
    size_t len = strlen(path);

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = !encode || isalnum(c) || strchr("-._~:", c);

        if (len + 4 > CTL_PATH_MAX)
            return -1;
        len += (size_t)snprintf(path + len, CTL_PATH_MAX - len, plain ? "%c" : "%%%02X", c);
    }
    return 0;
}

static int server_path(char path[CTL_PATH_MAX], const char *upstream, const char *server)
{
    path[0] = 0;
    if (cli_ctl_path_add(path, "/api/v1/upstreams/", false) < 0 || cli_ctl_path_add(path, upstream, true) < 0 ||
        cli_ctl_path_add(path, "/servers", false) < 0 ||
        (server && (cli_ctl_path_add(path, "/", false) < 0 || cli_ctl_path_add(path, server, true) < 0))) {
        fputs("weir: the name is too long\n", stderr);
        return -1;
    }
    return 0;
}

/* Calls for a server, or for the upstream's servers, with `body` (which is freed). */
static int server_call(const struct ctl *c, const char *method, const char *upstream, const char *server,
                       json_t *body)
{
    char path[CTL_PATH_MAX];
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    int code = CLI_FAULT;

    json_decref(body);
    if (body && !text)
        fputs("weir: what was given is not UTF-8\n", stderr);
    else if (server_path(path, upstream, server) == 0)
        code = cli_ctl_call(c, method, path, str_of(text), cli_ctl_show_done);
    free(text);
    return code;
}

/* ---- server ---- */

static int weight_of(const char *text, json_t *body)
{
    uint64_t weight;

    if (str_to_u64(str_of(text), 256, &weight) < 0)
        return cli_wrong("a weight is a whole number from 0 to 256, not \"%s\"", text);
    json_object_set_new(body, "weight", json_integer((json_int_t)weight));
    return CLI_DONE;
}

static int server_add(const struct ctl *c)
{
    json_t *body;
    int code = CLI_DONE;

    if (c->argc != 2)
        return cli_wrong("server add takes UPSTREAM ADDRESS [--name NAME] [--weight N] [--backup]");
    body = json_pack("{s:s}", "address", c->argv[1]);
    if (c->name)
        json_object_set_new(body, "name", json_string(c->name));
    if (c->backup)
        json_object_set_new(body, "backup", json_true());
    if (c->weight)
        code = weight_of(c->weight, body);
    if (code == CLI_DONE)
        return server_call(c, "POST", c->argv[0], NULL, body);
    json_decref(body);
    return code;
}

static int server_weight(const struct ctl *c)
{
    json_t *body;
    int code;

    if (c->argc != 3)
        return cli_wrong("server weight takes UPSTREAM SERVER N");
    body = json_pack("{}");
    code = weight_of(c->argv[2], body);
    if (code == CLI_DONE)
        return server_call(c, "PATCH", c->argv[0], c->argv[1], body);
    json_decref(body);
    return code;
}

/* The same for each of the servers; stops at none of them. */
static int server_each(const struct ctl *c, const char *what)
{
    int code = CLI_DONE;

    if (c->argc < 2)
        return cli_wrong("server %s takes UPSTREAM SERVER ...", what);
    for (int i = 1; i < c->argc; i++) {
        bool removes = strcmp(what, "remove") == 0;
        json_t *body = removes ? NULL : json_pack("{s:s}", "state", what);

        if (server_call(c, removes ? "DELETE" : "PATCH", c->argv[0], c->argv[i], body) != CLI_DONE)
            code = CLI_FAULT;
    }
    return code;
}

static int ctl_server(struct ctl *c)
{
    static const char *const states[] = {"drain", "down", "up", "remove"};
    const char *what = c->argc > 0 ? c->argv[0] : "";

    if (c->argc > 0) {
        c->argc--;
        c->argv++;
    }
    if (strcmp(what, "add") == 0)
        return server_add(c);
    if (c->name || c->weight || c->backup)
        return cli_wrong("--name, --weight and --backup go with server add");
    if (strcmp(what, "weight") == 0)
        return server_weight(c);
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (strcmp(what, states[i]) == 0)
            return server_each(c, what);
    return cli_wrong("server takes add, drain, down, up, weight or remove, not \"%s\"", what);
}

/* ---- others ---- */

static int ctl_upstreams(struct ctl *c)
{
    char path[CTL_PATH_MAX] = "/api/v1/upstreams";

    if (c->argc > 1)
        return cli_wrong("upstreams takes one NAME, or none");
    if (c->argc == 0)
        return cli_ctl_call(c, "GET", path, STR_NONE, cli_ctl_show_upstreams);
    if (cli_ctl_path_add(path, "/", false) < 0 || cli_ctl_path_add(path, c->argv[0], true) < 0)
        return cli_wrong("the name is too long");
    return cli_ctl_call(c, "GET", path, STR_NONE, cli_ctl_show_upstream);
}

static int ctl_status(struct ctl *c)
{
    return cli_ctl_call(c, "GET", "/api/v1/status", STR_NONE, cli_ctl_show_status);
}

static int ctl_changes(struct ctl *c)
{
    return cli_ctl_call(c, "GET", "/api/v1/changes", STR_NONE, cli_ctl_show_changes);
}

static int ctl_reload(struct ctl *c)
{
    return cli_ctl_call(c, "POST", "/api/v1/reload", STR_NONE, cli_ctl_show_done);
}

static int ctl_metrics(struct ctl *c)
{
    return cli_ctl_call(c, "GET", "/metrics", STR_NONE, NULL);
}

/* ---- the command line ---- */

/* Takes the options out of argv, wherever they stand. */
static int ctl_read_options(struct ctl *c)
{
    struct {
        const char *option;
        const char **value;
    } const valued[] = {{"-c", &c->file},        {"--name", &c->name}, {"--weight", &c->weight}, {"--key", &c->key},
                        {"--prefix", &c->prefix}, {"--tag", &c->tag},   {"-X", &c->method},       {"--from", &c->from}};
    struct {
        const char *option;
        bool *value;
    } const flags[] = {{"--json", &c->json}, {"--backup", &c->backup}, {"--all", &c->all}, {"--soft", &c->soft}};
    int words = 0;

    for (int i = 0; i < c->argc; i++) {
        const char *word = c->argv[i];
        bool taken = false;

        for (size_t k = 0; k < ARRAY_SIZE(flags) && !taken; k++) {
            taken = strcmp(word, flags[k].option) == 0;
            *flags[k].value = *flags[k].value || taken;
        }
        for (size_t k = 0; k < ARRAY_SIZE(valued) && !taken; k++) {
            if (strcmp(word, valued[k].option) != 0)
                continue;
            if (i + 1 == c->argc)
                return cli_wrong("%s needs an argument", word);
            *valued[k].value = c->argv[++i];
            taken = true;
        }
        if (!taken && strcmp(word, "-H") == 0 && i + 1 < c->argc && c->field_count < ARRAY_SIZE(c->fields)) {
            c->fields[c->field_count++] = c->argv[++i];
            taken = true;
        }
        if (!taken && word[0] == '-')
            return cli_wrong("ctl has no option %s", word);
        if (!taken)
            c->argv[words++] = c->argv[i];
    }
    c->argc = words;
    return CLI_DONE;
}

int cli_ctl(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct ctl *);
        bool words; /* it takes more */
    } commands[] = {
        {"status", ctl_status, false},   {"upstreams", ctl_upstreams, true}, {"server", ctl_server, true},
        {"changes", ctl_changes, false}, {"reload", ctl_reload, false},      {"metrics", ctl_metrics, false},
        {"caches", cli_ctl_caches, false}, {"cache", cli_ctl_cache, true},
    };
    struct ctl c = {.file = CLI_FILE, .argc = argc - 2, .argv = argv + 2};
    const char *command;

    if (ctl_read_options(&c) != CLI_DONE)
        return CLI_USAGE;
    command = c.argc > 0 ? c.argv[0] : "";
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(command, commands[i].name) != 0)
            continue;
        c.argc--;
        c.argv++;
        if (c.argc > 0 && !commands[i].words)
            return cli_wrong("\"%s\" is one argument too many", c.argv[0]);
        control_find(&c.target, c.file);
        if (!c.target.control[0]) {
            control_missing(c.file);
            return CLI_FAULT;
        }
        return commands[i].run(&c);
    }
    return cli_wrong("ctl takes status, upstreams, server, caches, cache, changes, reload or metrics, not \"%s\"", command);
}
