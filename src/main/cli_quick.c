/*
 * cli_quick.c: what comes from the command line is put into the text in quotes, escaped.
 */
#include "main/cli_quick.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/cli.h"
#include "main/master.h"

#define CLI_QUICK_LISTEN "*:8080"
#define CLI_QUICK_SERVERS 64

static void cli_quick_quote(FILE *out, const char *s)
{
    putc('"', out);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            putc('\\', out);
        putc(*s, out);
    }
    putc('"', out);
}

static void cli_quick_head(FILE *out, const char *listen)
{
    fputs("workers = 0;\nerror_log = { path = \"stderr\"; level = \"notice\"; };\nlisteners = ( { address = ", out);
    cli_quick_quote(out, listen);
    fputs("; } );\n", out);
}

static FILE *cli_quick_open(char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);

    if (!out)
        abort();
    return out;
}

static int cli_quick_run(char *text, size_t size, char **argv)
{
    int code = master_run(&(struct master_options){
        .text = {text, size},
        .text_name = "command line",
        .argv = argv,
    });

    free(text);
    return code;
}

int cli_serve(int argc, char **argv)
{
    const char *listen = CLI_QUICK_LISTEN;
    char *dir, *text;
    size_t size;
    FILE *out;
    int option;

    optind = 2;
    opterr = 0;
    while ((option = getopt(argc, argv, "l:")) != -1) {
        if (option != 'l')
            return cli_wrong("serve takes no option but -l ADDR");
        listen = optarg;
    }
    if (optind != argc - 1)
        return cli_wrong("serve takes one directory");
    dir = realpath(argv[optind], NULL);
    if (!dir) {
        fprintf(stderr, "weir: %s: %s\n", argv[optind], strerror(errno));
        return CLI_FAULT;
    }
    out = cli_quick_open(&text, &size);
    cli_quick_head(out, listen);
    fputs("sites = ( { root = ", out);
    cli_quick_quote(out, dir);
    fputs("; listing = true; } );\n", out);
    fclose(out);
    free(dir);
    return cli_quick_run(text, size, argv);
}

int cli_proxy(int argc, char **argv)
{
    const char *listen = CLI_QUICK_LISTEN, *servers[CLI_QUICK_SERVERS];
    char *text;
    size_t size, n = 0;
    FILE *out;
    int option;

    optind = 2;
    opterr = 0;
    while ((option = getopt(argc, argv, "l:u:")) != -1) {
        if (option == 'l')
            listen = optarg;
        else if (option == 'u' && n < CLI_QUICK_SERVERS)
            servers[n++] = optarg;
        else
            return cli_wrong("proxy takes -l ADDR and up to %d times -u ADDR", CLI_QUICK_SERVERS);
    }
    if (optind != argc || n == 0)
        return cli_wrong("proxy needs at least one server: -u ADDR");
    out = cli_quick_open(&text, &size);
    cli_quick_head(out, listen);
    fputs("upstreams = ( { name = \"servers\"; servers = ( ", out);
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        cli_quick_quote(out, servers[i]);
    }
    fputs(" ); } );\nsites = ( { routes = ( { prefix = \"/\"; proxy = \"servers\"; } ); } );\n", out);
    fclose(out);
    return cli_quick_run(text, size, argv);
}
