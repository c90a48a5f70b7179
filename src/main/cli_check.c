/* cli_check.c: loads a configuration, says what is wrong with it or what it is, and lets it go. */
#include "main/cli_check.h"

#include <stdio.h>

#include "conf/print.h"
#include "core/config.h"
#include "core/settings.h"

/* Calls `say` with a valid configuration, else prints the errors. */
static int cli_with_config(const char *file, void (*say)(const char *file, const struct config *))
{
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct config *config;

    conf_report_init(&report, pool);
    config = config_load(file, &report);
    if (config)
        say(file, config);
    else
        conf_report_print(&report, stderr);
    config_free(config);
    pool_free(pool);
    return config ? 0 : 1;
}

static void say_valid(const char *file, const struct config *config)
{
    (void)config;
    printf("%s: the configuration is valid\n", file);
}

static void say_effective(const char *file, const struct config *config)
{
    (void)file;
    conf_print(stdout, &settings_group, SCOPE_FILE, config->settings, 0);
}

int cli_check(const char *file)
{
    return cli_with_config(file, say_valid);
}

int cli_print(const char *file)
{
    return cli_with_config(file, say_effective);
}
