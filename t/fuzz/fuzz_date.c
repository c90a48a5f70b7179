/* fuzz_date.c: whatever is read as a date, printed and read again, is the same second. */
#include "fuzz.h"
#include "http/date.h"

const char *const fuzz_tokens[] = {
    "Sun",  "Monday", ", ",   " ",        "Nov",      "Feb",  "29", "31", "1900",
    "2000", "9999",   "0000", "23:59:60", "24:00:00", " GMT", "-",  "00", NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t nows[] = {0, 946684799, 1700000000, 4102444800, 253402300799};
    struct str in = {(const char *)data, size};
    char text[DATE_SIZE];
    int64_t number = 0;

    for (size_t i = 0; i < ARRAY_SIZE(nows); i++) {
        int64_t seconds = 0, again = 0;

        if (date_parse(in, nows[i], &seconds) != 0)
            continue;
        date_print(seconds, text);
        CLAIM(strlen(text) == DATE_LEN);
        /* A leap second at the end of the last year that can be written is the one exception. */
        CLAIM((date_parse(str_of(text), nows[i], &again) == 0 && again == seconds) || seconds > 253402300799);
    }
    memcpy(&number, data, size < sizeof(number) ? size : sizeof(number));
    date_print(number, text);
    CLAIM(strlen(text) == DATE_LEN);
    return 0;
}
