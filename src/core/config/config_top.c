/* config_top.c: the settings of the whole instance. */
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rnd.h"
#include "core/config/config_build.h"
#include "core/route/percent.h"

#define SECRET_MAX 65536

static struct conf_place top_place(const struct build *b, const char *name)
{
    return conf_place_of(&settings_group, &b->settings->head, name);
}

static unsigned top_processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return n > 0 ? (unsigned)n : 1;
}

static struct str secret_from_file(struct build *b, const char *name, struct conf_place at)
{
    char *buf = pool_alloc(b->pool, SECRET_MAX);
    FILE *f = fopen(name, "re");
    size_t n;

    if (!f) {
        conf_report_add(b->report, at, "cannot read the secret %s: %s; write a file that is there", name,
                        strerror(errno));
        return STR_NONE;
    }
    n = fread(buf, 1, SECRET_MAX, f);
    fclose(f);
    while (n && (buf[n - 1] == '\n' || buf[n - 1] == '\r'))
        n--;
    if (n == 0)
        conf_report_add(b->report, at, "the secret %s is empty; put random text into it", name);
    return (struct str){buf, n};
}

struct str config_secret(struct build *b, struct str *text, struct conf_place at)
{
    struct str file = STR("file:");

    if (str_has_prefix(*text, file)) {
        const char *name = conf_path_in(b->pool, b->dir, str_from(*text, file.len));

        *text = pool_printf(b->pool, "file:%s", name);
        return secret_from_file(b, name, at);
    }
    if (text->len == 0)
        conf_report_add(b->report, at, "'secret' is empty; write random text or \"file:PATH\"");
    return *text;
}

static void top_secret(struct build *b)
{
    struct str secret = b->settings->secret;

    if (secret.s) {
        b->config->secret = config_secret(b, &b->settings->secret, top_place(b, "secret"));
    } else {
        char *random = pool_alloc(b->pool, 32);
        rnd_bytes(random, 32);
        b->config->secret = (struct str){random, 32};
    }
    b->config->has_secret = secret.s != NULL;
    b->percent_key = percent_key(b->config->secret);
}

static void top_user(struct build *b)
{
    const struct passwd *user;

    b->config->user = b->settings->user;
    if (geteuid() != 0)
        return;
    user = getpwnam(b->settings->user.s);
    if (!user) {
        conf_report_add(b->report, top_place(b, "user"), "there is no user \"%s\"; write one that is",
                        b->settings->user.s);
        return;
    }
    b->drops = user->pw_uid != 0;
    b->uid = user->pw_uid;
    b->gid = user->pw_gid;
}

static void top_control(struct build *b)
{
    struct str control = b->settings->control;
    struct str scheme = STR("unix:");

    if (!control.s)
        return;
    if (!str_has_prefix(control, scheme) || control.len == scheme.len) {
        conf_report_add(b->report, top_place(b, "control"), "'control' is \"%.*s\"; write \"unix:PATH\"",
                        STR_ARG(control));
        return;
    }
    struct str path = {control.s + scheme.len, control.len - scheme.len};
    path = str_of(conf_path_in(b->pool, b->dir, path));
    config_check_directory_of(b, path, "control", top_place(b, "control"));
    b->config->control = b->settings->control = pool_printf(b->pool, "unix:%s", path.s);
}

/* It is locked, so that the name must be that of the file itself. */
static void top_pid_file(struct build *b)
{
    struct str path = b->settings->pid_file;
    struct stat st;

    b->config->pid_file = path;
    if (!path.s)
        return;
    config_check_file(b, path, "pid_file", top_place(b, "pid_file"));
    if (lstat(path.s, &st) == 0 && S_ISLNK(st.st_mode))
        conf_report_add(b->report, top_place(b, "pid_file"),
                        "'pid_file' is %s, which is a symbolic link; write the path of a file", path.s);
}

/* One that is missing can be made at start, or done without. */
static void top_state_dir(struct build *b)
{
    struct str path = b->settings->state_dir;
    struct stat st;

    b->config->state_dir = path;
    if (path.s && stat(path.s, &st) == 0 && !S_ISDIR(st.st_mode))
        conf_report_add(b->report, top_place(b, "state_dir"),
                        "'state_dir' is %s, which is not a directory; write the path of one", path.s);
}

void config_build_top(struct build *b)
{
    const struct settings *s = b->settings;
    struct config *c = b->config;

    top_user(b);
    c->workers = s->workers ? (unsigned)s->workers : top_processors();
    top_pid_file(b);
    top_control(b);
    top_state_dir(b);
    c->drain_timeout = s->drain_timeout;
    c->watchdog = s->watchdog;
    top_secret(b);
    config_build_resolver(b);
    c->error_log_path = s->error_log ? s->error_log->path : STR("stderr");
    c->error_log_level = s->error_log ? s->error_log->level : 2;
    config_check_log(b, c->error_log_path, "error_log", top_place(b, "error_log"));
    config_overload_top(c, s->limits);
    c->max_connections = s->limits ? (uint64_t)s->limits->connections : 0;
}
