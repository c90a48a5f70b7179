/* fuzz_escape.c: what strangers sent, as it stands in logs: one line of printable ASCII, or one JSON string.
 */
#include "base/log.h"
#include "core/log/access_line.h"
#include "fuzz.h"

const char *const fuzz_tokens[] = {
    "\"",           "\\",
    "\\x0a",        "\n",
    "\r",           "\x1b[2J",
    "\x7f",         "\xc3\xa9",
    "\xe2\x82\xac", "\xf0\x9f\x98\x80",
    "\xed\xa0\x80", "\xf4\x90\x80\x80",
    "\xc0\x80",     "\xff",
    "\xe2\x82",     NULL,
};

static void check_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        CLAIM(text[i] >= 0x20 && text[i] < 0x7f);
}

/* Where the JSON string that begins at text[0] ends. */
static size_t string_end(const char *text, size_t len)
{
    size_t i = 1;

    CLAIM(len >= 2 && text[0] == '"');
    while (i < len && text[i] != '"') {
        if (text[i] != '\\') {
            i++;
            continue;
        }
        CLAIM(i + 1 < len && strchr("\"\\u", text[i + 1]));
        for (size_t k = 2; text[i + 1] == 'u' && k < 6; k++)
            CLAIM(i + k < len && hex_digit(text[i + k]) >= 0);
        i += text[i + 1] == 'u' ? 6 : 2;
    }
    CLAIM(i < len);
    return i + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t rooms[] = {2, 3, 7, 8, 13, 100, 600, 6 * 16 * 1024 + 2};
    struct str in = {(const char *)data, size};

    for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
        size_t room = rooms[i], len;
        char *out = malloc(room);
        struct str text;

        CLAIM(out);
        text = log_escape(in, out, room);
        CLAIM(text.len < room && text.len <= LOG_ESCAPED_MAX && out[text.len] == '\0');
        check_printable(text.s, text.len);
        CLAIM(!memchr(text.s, '"', text.len));
        len = access_line_escape(in, out, room);
        CLAIM(len <= room && len + 3 >= (size < room ? size : room));
        check_printable(out, len);
        CLAIM(!memchr(out, '"', len));
        len = access_line_json_string(in, out, room);
        CLAIM(len <= room && string_end(out, len) == len);
        check_printable(out, len);
        free(out);
    }
    return 0;
}
