/*
 * main.c: the command line.  Reads the options, then hands over to what was asked for; knows nothing
 * of HTTP.  Exit codes: 0 done; 1 a configuration, file or address is at fault; 2 usage.
 */
#include <event2/event.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <libconfig.h>
#include <llhttp.h>
#include <pcre2.h>

#include "config.h"
#include "main/cli_check.h"

#ifndef WEIR_SYSCONFDIR
#define WEIR_SYSCONFDIR "/etc"
#endif

#define MAIN_FILE WEIR_SYSCONFDIR "/weir/weir.conf"

enum exit_code { EXIT_DONE = 0, EXIT_FAULT = 1, EXIT_USAGE = 2 };

static void print_usage(FILE *to)
{
    fprintf(to, "usage: weir -t | -T [-c FILE]\n"
                "       weir -v | -V | -h\n"
                "  -c FILE  the configuration (default %s)\n"
                "  -t  check the configuration and all that it names; print every error\n"
                "  -T  print the effective configuration, defaults filled in\n"
                "  -v  print the version\n"
                "  -V  print the version and those of the libraries in use\n"
                "  -h  print this text\n", MAIN_FILE);
}

static void print_libraries(void)
{
    char pcre[64];

    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) >= (int)sizeof(pcre) ||
        pcre2_config(PCRE2_CONFIG_VERSION, pcre) < 0)
        strncpy(pcre, "unknown", sizeof(pcre));
    printf("weir %s\n", PACKAGE_VERSION);
    printf("libevent %s\n%s\nPCRE2 %s\n", event_get_version(), OpenSSL_version(OPENSSL_VERSION), pcre);
    printf("llhttp %d.%d.%d\n", LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH);
    printf("libconfig %d.%d.%d\n", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION);
}

int main(int argc, char **argv)
{
    const char *file = MAIN_FILE;
    int option, what = 0;

    while ((option = getopt(argc, argv, "c:tTvVh")) != -1) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case 't':
        case 'T':
            what = option;
            break;
        case 'v':
            printf("weir %s\n", PACKAGE_VERSION);
            return EXIT_DONE;
        case 'V':
            print_libraries();
            return EXIT_DONE;
        case 'h':
            print_usage(stdout);
            return EXIT_DONE;
        default:
            print_usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (what && optind == argc)
        return what == 't' ? cli_check(file) : cli_print(file);
    print_usage(stderr);
    return EXIT_USAGE;
}
