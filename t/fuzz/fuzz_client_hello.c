/* fuzz_client_hello.c: the first bytes of connections: the name in a ClientHello can be a host's, or is empty. */
#include "fuzz.h"
#include "io/client_hello.h"

const char *const fuzz_tokens[] = {"\x16\x03\x01", "\x01", "\x03\x03", "example.org", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    char name[CLIENT_HELLO_NAME_MAX], again[CLIENT_HELLO_NAME_MAX];
    char *copy = fuzz_copy(in);
    enum client_hello result = client_hello_name((struct str){copy, size}, name);

    CLAIM(memchr(name, '\0', sizeof(name)));
    CLAIM(result == CLIENT_HELLO_DONE || name[0] == '\0');
    for (const char *c = name; *c; c++)
        CLAIM((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '.' || *c == '_');
    /* What is known stays so, whatever follows. */
    if (result == CLIENT_HELLO_DONE && size > 0) {
        for (size_t cut = 0; cut < size; cut++) {
            enum client_hello before = client_hello_name((struct str){copy, cut}, again);

            CLAIM(before == CLIENT_HELLO_MORE || before == CLIENT_HELLO_DONE);
        }
    }
    free(copy);
    return 0;
}
