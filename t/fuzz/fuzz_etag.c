/*
 * fuzz_etag.c: entity tags and preconditions.  The lines of the input are: tag, If-Match, If-None-Match,
 * If-Modified-Since, If-Unmodified-Since, If-Range, Range; an empty line is a field that was not sent.
 */
#include "fuzz.h"
#include "http/etag.h"

const char *const fuzz_tokens[] = {
    "\"",        "\"a\"", "W/",   "W/\"a\"", "w/\"a\"",
    ",",         ", ",    "*",    "\n",      "\"\"",
    " ",         "\t",    "\x80", "\\\"",    "Sun, 06 Nov 1994 08:49:37 GMT",
    "bytes=0-1", NULL,
};

static struct str field(struct str *rest)
{
    struct str line = fuzz_line(rest);

    return line.len ? line : STR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, all = rest;
    struct etag_resource resource = {.exists = true, .last_modified = 784111777};
    struct etag_request request = {.get_or_head = true};
    enum etag_verdict verdict;

    resource.tag = fuzz_line(&rest);
    request.if_match = field(&rest);
    request.if_none_match = field(&rest);
    request.if_modified_since = field(&rest);
    request.if_unmodified_since = field(&rest);
    request.if_range = field(&rest);
    request.range = field(&rest);
    CLAIM(etag_equal_strong(resource.tag, request.if_match) ==
          etag_equal_strong(request.if_match, resource.tag));
    CLAIM(!etag_in_list(all, resource.tag, true) || etag_in_list(all, resource.tag, false));
    CLAIM(!etag_in_list(request.if_match, resource.tag, true) ||
          etag_equal_strong(resource.tag, resource.tag));
    for (int round = 0; round < 8; round++) {
        request.get_or_head = round & 1;
        resource.exists = round & 2;
        resource.last_modified = round & 4 ? -1 : 784111777;
        verdict = etag_evaluate(&request, &resource, 784111777 + round);
        CLAIM(verdict != ETAG_NOT_MODIFIED || request.get_or_head);
        CLAIM(verdict != ETAG_FAILED || request.if_match.s || request.if_none_match.s ||
              request.if_unmodified_since.s);
        CLAIM(verdict != ETAG_NOT_MODIFIED || request.if_none_match.s || request.if_modified_since.s);
        CLAIM(verdict != ETAG_PROCEED_WHOLE || request.if_range.s);
    }
    return 0;
}
