/* fuzz_accept.c: weights of Accept, Accept-Encoding and Accept-Language; case changes nothing. */
#include "fuzz.h"
#include "http/accept.h"

const char *const fuzz_tokens[] = {
    ",",   ";",      "q=",        ";q=0", ";q=0.",  ";q=1.000", ";q=0.001", ";Q=1", "*",
    "*/*", "text/*", "text/html", "gzip", "x-gzip", "identity", "br",       "de",   "de-CH",
    "en-", "-",      "\"",        "\\\"", " ",      "\t",       ";level=1", NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const tags[] = {"de", "de-CH", "en", "", "*", "i-default"};
    static const char *const codings[] = {"gzip", "br", "zstd", "identity", ""};
    static const char *const types[] = {"text/html", "application/json", "*/*", "text", ""};
    struct str in = {(const char *)data, size};
    char *upper = fuzz_copy(in);
    struct str other = {upper, size};

    for (size_t i = 0; i < size; i++)
        upper[i] = upper[i] >= 'a' && upper[i] <= 'z' ? (char)(upper[i] - 32) : upper[i];
    for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
        unsigned weight = accept_language(in, str_of(tags[i]));

        CLAIM(weight <= 1000 && weight == accept_language(other, str_of(tags[i])));
    }
    for (size_t i = 0; i < ARRAY_SIZE(codings); i++) {
        unsigned weight = accept_encoding(in, str_of(codings[i]));

        CLAIM(weight <= 1000 && weight == accept_encoding(other, str_of(codings[i])));
    }
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        unsigned weight = accept_type(in, str_of(types[i]));

        CLAIM(weight <= 1000 && weight == accept_type(other, str_of(types[i])));
    }
    free(upper);
    return 0;
}
