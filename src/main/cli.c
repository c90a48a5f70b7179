/*
 * cli.c: reads options and calls what was asked for.
 */
#include "main/cli.h"

#include <ares.h>
#include <event2/event.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <libconfig.h>
#include <llhttp.h>
#include <nghttp2/nghttp2.h>
#include <pcre2.h>

#include "config.h"
#include "main/cli_check.h"
#include "main/cli_ctl.h"
#include "main/cli_explain.h"
#include "main/cli_manual.h"
#include "main/cli_quick.h"
#include "main/cli_signal.h"
#include "main/master.h"

struct cli_options {
    const char *file;
    const char *command; /* of -s */
    char action;         /* 0: run */
    bool daemonise;
};

void cli_print_usage(FILE *to)
{
    fputs("usage: weir [-c FILE] [-d]\n"
          "       weir -t | -T [-c FILE]\n"
          "       weir -s reload|quit|stop|reopen|upgrade [-c FILE]\n"
          "       weir serve DIR [-l ADDR]\n"
          "       weir proxy -u ADDR [-u ADDR]... [-l ADDR]\n"
          "       weir explain [-c FILE] [-X METHOD] [-H 'Name: value']... [--from IP] [--all] [--json] URL\n"
          "       weir ctl [-c FILE] [--json] COMMAND\n"
          "       weir manual\n"
          "       weir -v | -V | -h\n"
          "  -c FILE     the configuration (" CLI_FILE ")\n"
          "  -d          run in the background\n"
          "  -t          check the configuration and all it names\n"
          "  -T          print the configuration with all defaults\n"
          "  -s COMMAND  tell the running instance what to do, wait for the outcome and print it\n"
          "  -v          print the version\n"
          "  -V          print the version and those of the libraries in use\n"
          "  -h          print this text\n"
          "  ctl         the running instance: status, upstreams [NAME], changes, reload, metrics,\n"
          "              server add|drain|down|up|weight|remove UPSTREAM SERVER ...; see weir(8)\n"
          "  manual      print the manual page of the configuration, weir.conf(5), as mdoc\n",
          to);
}

int cli_wrong(const char *fmt, ...)
{
    va_list args;

    fputs("weir: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputs("; `weir -h` shows what can be asked for\n", stderr);
    return CLI_USAGE;
}

static void cli_print_libraries(void)
{
    char pcre[64];

    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) >= (int)sizeof(pcre) ||
        pcre2_config(PCRE2_CONFIG_VERSION, pcre) < 0)
        strncpy(pcre, "unknown", sizeof(pcre));
    printf("weir %s\n", PACKAGE_VERSION);
    printf("libevent %s\n%s\nPCRE2 %s\n", event_get_version(), OpenSSL_version(OPENSSL_VERSION), pcre);
    printf("llhttp %d.%d.%d\n", LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH);
    printf("libconfig %d.%d.%d\n", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION);
    printf("c-ares %s\nnghttp2 %s\njansson %s\n", ares_version(NULL), nghttp2_version(0)->version_str, jansson_version_str());
    printf("configuration %s\n", CLI_FILE);
}

/* One thing at a time may be asked for. */
static int cli_set_action(struct cli_options *o, char action)
{
    if (o->action)
        return cli_wrong("-%c and -%c cannot both be asked for", o->action, action);
    o->action = action;
    return CLI_DONE;
}

static int cli_read_options(int argc, char **argv, struct cli_options *o)
{
    int option;

    opterr = 0;
    /* What everybody tries. */
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0)) {
        o->action = argv[1][2] == 'h' ? 'h' : 'v';
        return CLI_DONE;
    }
    while ((option = getopt(argc, argv, ":c:ds:tTvVh")) != -1) {
        switch (option) {
        case 'c':
            o->file = optarg;
            break;
        case 'd':
            o->daemonise = true;
            break;
        case 's':
            o->command = optarg;
            if (cli_set_action(o, 's') != CLI_DONE)
                return CLI_USAGE;
            break;
        case ':':
            return cli_wrong("-%c needs an argument", optopt);
        case '?':
            return optopt == '-' ? cli_wrong("options have one dash and one letter")
                                 : cli_wrong("there is no option -%c", optopt);
        default:
            if (cli_set_action(o, (char)option) != CLI_DONE)
                return CLI_USAGE;
        }
    }
    if (optind < argc)
        return cli_wrong("\"%s\" is one argument too many", argv[optind]);
    if (o->daemonise && o->action)
        return cli_wrong("-d goes with no other command");
    return CLI_DONE;
}

static int cli_run_master(const struct cli_options *o, char **argv)
{
    return master_run(&(struct master_options){
        .file = o->file,
        .daemonise = o->daemonise,
        .argv = argv,
    });
}

static int cli_run_options(int argc, char **argv)
{
    struct cli_options o = {.file = CLI_FILE};

    if (cli_read_options(argc, argv, &o) != CLI_DONE)
        return CLI_USAGE;
    switch (o.action) {
    case 'v':
        printf("weir %s\n", PACKAGE_VERSION);
        return CLI_DONE;
    case 'V':
        cli_print_libraries();
        return CLI_DONE;
    case 'h':
        cli_print_usage(stdout);
        return CLI_DONE;
    case 't':
        return cli_check(o.file);
    case 'T':
        return cli_print(o.file);
    case 's':
        return cli_signal(o.file, o.command);
    default:
        return cli_run_master(&o, argv);
    }
}

int cli_run(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"serve", cli_serve},
        {"proxy", cli_proxy},
        {"explain", cli_explain},
        {"ctl", cli_ctl},
        {"manual", cli_manual},
    };
    static const char *const later[] = {"plan", "import", "top"};

    if (argc < 2 || argv[1][0] == '-')
        return cli_run_options(argc, argv);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc, argv);
    }
    for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
        if (strcmp(argv[1], later[i]) == 0)
            return cli_wrong("\"%s\" is not in this version", argv[1]);
    }
    return cli_wrong("\"%s\" is not a command", argv[1]);
}
