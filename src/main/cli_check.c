/* cli_check.c: loads a configuration, says what is wrong with it or what it is, and lets it go. */
#include "main/cli_check.h"

#include <stdio.h>

#include "conf/print.h"
#include "core/config/config.h"
#include "core/config/settings.h"
#include "main/bind_check.h"
#include "main/cache_dirs.h"
#include "main/tls_checker.h"

/* Addresses and directories as they are here and now. */
static bool cli_check_here(const struct config *config, struct conf_report *report)
{
    bool bound = bind_check(config, report);

    return cache_dirs_check(config, report) && bound;
}

/* Calls `say` with a valid configuration, else prints the errors; `whole` tries the addresses and certificates too. */
static int cli_with_config(const char *file, bool whole, void (*say)(const char *file, const struct config *))
{
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct config *config;
    char first[8];
    bool valid;

    conf_report_init(&report, pool);
    config = config_load(file, &report);
    valid = config && (!whole || cli_check_here(config, &report));
    conf_report_print(&report, stderr);
    if (config && whole && !tls_checker_run(config, stderr, first, sizeof(first)))
        valid = false;
    /* Before the config goes, in whose memory the names of files are. */
    if (valid && whole)
        (void)conf_report_print_warnings(&report, stderr);
    if (valid)
        say(file, config);
    config_free(config);
    pool_free(pool);
    return valid ? 0 : 1;
}

static void say_valid(const char *file, const struct config *config)
{
    (void)config;
    printf("%s: the configuration is valid\n", file);
}

static void say_effective(const char *file, const struct config *config)
{
    const struct settings *settings = config->settings;
    struct conf_level defaults = {&settings_defaults_group, settings->defaults};

    (void)file;
    conf_print_levels(stdout, &settings_group, SCOPE_FILE, settings, &defaults);
}

int cli_check(const char *file)
{
    return cli_with_config(file, true, say_valid);
}

int cli_print(const char *file)
{
    return cli_with_config(file, false, say_effective);
}
