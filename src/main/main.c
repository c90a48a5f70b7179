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
#include "main/cli_explain.h"

enum exit_code { EXIT_DONE = 0, EXIT_FAULT = 1, EXIT_USAGE = 2 };

static void print_usage(FILE *to)
{
    fprintf(to, "usage: weir -v | -V | -h\n"
                "  -v  print the version\n"
                "  -V  print the version and those of the libraries in use\n"
                "  -h  print this text\n");
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
    int option;

    if (argc > 1 && strcmp(argv[1], "explain") == 0)
        return cli_explain(argc - 1, argv + 1);
    while ((option = getopt(argc, argv, "vVh")) != -1) {
        switch (option) {
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
    print_usage(stderr);
    return EXIT_USAGE;
}
