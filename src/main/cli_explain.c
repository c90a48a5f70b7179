/* cli_explain.c: the options of `weir explain`. */
#include "main/cli_explain.h"

#include <getopt.h>

#include "http/bytes.h"
#include "main/cli.h"
#include "main/explain.h"

enum { EXPLAIN_FIELDS = 100, EXPLAIN_POOL = 16 * 1024 };

struct explain_options {
    const char *file;
    struct asked question;
    bool json, all, help;
};

static void explain_usage(FILE *to)
{
    fprintf(
        to,
        "usage: weir explain [-c FILE] [-X METHOD] [-H 'Name: value']... [--from IP] [--all] [--json] URL\n");
}

static int explain_add_header(struct explain_options *o, const char *text)
{
    const char *colon = strchr(text, ':');
    struct str name, value;

    if (!colon || colon == text) {
        fprintf(stderr, "weir explain: -H %s: write 'Name: value'\n", text);
        return -1;
    }
    name = (struct str){text, (size_t)(colon - text)};
    value = str_trim(str_of(colon + 1));
    if (header_add(&o->question.headers, name, value) < 0) {
        fprintf(stderr, "weir explain: more than %d fields\n", EXPLAIN_FIELDS);
        return -1;
    }
    return 0;
}

static int explain_set_from(struct explain_options *o, const char *text)
{
    if (addr_parse_ip(str_of(text), 0, &o->question.from) == 0)
        return 0;
    fprintf(stderr, "weir explain: --from %s: not an IP address\n", text);
    return -1;
}

static int explain_set_method(struct explain_options *o, const char *text)
{
    o->question.method = str_of(text);
    if (bytes_are_token(o->question.method))
        return 0;
    fprintf(stderr, "weir explain: -X %s: not a method\n", text);
    return -1;
}

/* 0, or -1: usage. */
static int explain_options(struct explain_options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"from", required_argument, NULL, 'f'}, {"json", no_argument, NULL, 'j'},
        {"all", no_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    int option, rc = 0;

    optind = 0; /* the caller may have read options of its own */
    while (rc == 0 && (option = getopt_long(argc, argv, "c:X:H:h", longs, NULL)) != -1) {
        switch (option) {
        case 'c': o->file = optarg; break;
        case 'X': rc = explain_set_method(o, optarg); break;
        case 'H': rc = explain_add_header(o, optarg); break;
        case 'f': rc = explain_set_from(o, optarg); break;
        case 'a': o->all = true; break;
        case 'j': o->json = true; break;
        case 'h': o->help = true; break;
        default: rc = -1;
        }
    }
    if (rc < 0 || o->help)
        return rc;
    if (optind + 1 != argc)
        return -1;
    o->question.url = str_of(argv[optind]);
    return 0;
}

static int explain_answer(const struct explain_options *o, const struct config *config, struct pool *pool)
{
    struct explain explain;
    char error[256];

    if (explain_run(config, &o->question, pool, &explain, error, sizeof(error)) < 0) {
        fprintf(stderr, "weir explain: %s\n", error);
        return CLI_FAULT;
    }
    if (o->json)
        explain_print_json(&explain, stdout);
    else
        explain_print_text(&explain, o->all, stdout);
    return CLI_DONE;
}

int cli_explain(int argc, char **argv)
{
    struct pool *pool = pool_new(EXPLAIN_POOL);
    struct explain_options o = {.file = CLI_FILE};
    struct conf_report report;
    struct config *config;
    int rc = CLI_FAULT;

    o.question.method = STR("GET");
    header_list_init(&o.question.headers, pool, EXPLAIN_FIELDS);
    if (explain_set_from(&o, "127.0.0.1") < 0 || explain_options(&o, argc - 1, argv + 1) < 0 || o.help) {
        explain_usage(o.help ? stdout : stderr);
        pool_free(pool);
        return o.help ? CLI_DONE : CLI_USAGE;
    }
    conf_report_init(&report, pool);
    config = config_load(o.file, &report);
    if (config)
        rc = explain_answer(&o, config, pool);
    else
        conf_report_print(&report, stderr);
    pool_free(pool);
    config_free(config);
    return rc;
}
