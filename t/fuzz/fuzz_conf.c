/*
 * fuzz_conf.c: configuration text.  Whatever is written, loading ends with a configuration or with errors
 * that have a place, and gives everything back.
 */
#include "conf/text.h"
#include "core/config/config.h"
#include "fuzz.h"

const char *const fuzz_tokens[] = {
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ";",
    ",",
    "=",
    ":",
    "\"",
    "\\\"",
    "\\x00",
    "#",
    "//",
    "/*",
    "*/",
    "\n",
    "0x",
    "L",
    "true",
    "false",
    "on",
    "\"10k\"",
    "\"5s\"",
    "1e9",
    "-1",
    "$host",
    "${",
    "$$",
    "\"~^/(a|b)+$\"",
    "listeners",
    "sites",
    "hosts",
    "routes",
    "upstreams",
    "servers",
    "defaults",
    "path",
    "prefix",
    "regex",
    "when",
    "proxy",
    "root",
    "redirect",
    "respond",
    "timeouts",
    "access_log",
    "error_log",
    "request_headers",
    "set",
    "add",
    "remove",
    "rewrite",
    "\"*:80\"",
    "\"[::1]:1\"",
    "\"unix:/tmp/x\"",
    "\"10.0.0.0/8\"",
    "@include \"nothing\"\n",
    "balance",
    "hash_method",
    "hash_balance_factor",
    "divert",
    "weight",
    "name",
    "any",
    "not",
    NULL,
};

static void check_report(struct conf_report *report)
{
    conf_report_sort(report);
    CLAIM(report->n > 0);
    for (size_t i = 0; i < report->n; i++)
        CLAIM(report->errors[i].what.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct conf_text text;
    struct config *config;

    conf_report_init(&report, pool);
    if (conf_text_from(&text, pool, &report, "fuzz", "/nonexistent", in) == 0) {
        CLAIM(report.n == 0 && strlen(text.s) == text.len);
        for (unsigned line = 1; line <= text.n_lines; line++)
            CLAIM(conf_text_place(&text, line).line > 0);
    } else {
        check_report(&report);
    }
    conf_report_init(&report, pool);
    config = config_from_text(in, "fuzz", &report);
    if (config) {
        CLAIM(report.n == 0);
        config_free(config);
    } else {
        check_report(&report);
    }
    pool_free(pool);
    return 0;
}
