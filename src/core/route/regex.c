/*
 * regex.c: PCRE2 behind regex.h.
 * Most patterns of a proxy begin with "^" and plain text.  That text is taken out of the pattern at
 * compile time and compared first, so that a list of regex routes costs a few byte comparisons for
 * each route that cannot match.  The extraction reads only what it surely understands; a pattern
 * with anything else has no literal and is simply matched.
 */
#include "core/route/regex.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    REGEX_STEPS = 100000,
    REGEX_DEPTH = 10000,
    REGEX_HEAP_KIB = 1024,
    REGEX_JIT_STACK = 64 * 1024 /* bytes; first and greatest size, so that it never grows */
};

struct regex {
    pcre2_code *code;
    struct str text; /* the pattern */
    struct str literal; /* lower case if nocase */
    bool nocase;
};

struct regex_scratch {
    pcre2_match_context *context;
    pcre2_match_data *data;
    pcre2_jit_stack *stack;
};

static bool regex_is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* A byte that stands for itself wherever it is in a pattern. */
static bool regex_is_plain(char c)
{
    return c > ' ' && c < 0x7f && !strchr("^$.[]|()?*+{}\\", c);
}

/*
 * The position after the class that begins at `at`, or 0 if it holds what would need a real parser:
 * a "[" (POSIX classes), a "\Q" or the like.
 */
static size_t regex_skip_class(struct str p, size_t at)
{
    at++;
    if (at < p.len && p.s[at] == '^')
        at++;
    if (at < p.len && p.s[at] == ']')
        at++;
    for (; at < p.len && p.s[at] != ']'; at++) {
        if (p.s[at] == '[')
            return 0;
        if (p.s[at] == '\\' &&
            (++at == p.len || p.s[at] == 'Q' || p.s[at] == 'E' || p.s[at] == 'c'))
            return 0;
    }
    return at < p.len ? at + 1 : 0;
}

/* Whether `p` surely has no "|" outside parentheses, so that all of it is one sequence. */
static bool regex_is_sequence(struct str p)
{
    size_t depth = 0;
    size_t at = 0;

    while (at < p.len) {
        char c = p.s[at];

        if (c == '[') {
            at = regex_skip_class(p, at);
            if (at == 0)
                return false;
            continue;
        }
        if (c == '\\' && (++at == p.len || p.s[at] == 'Q' || p.s[at] == 'E' || p.s[at] == 'c'))
            return false;
        /* Of the special groups only "(?:" is taken: others may change the syntax. */
        if (c == '(' && at + 1 < p.len && p.s[at + 1] == '*')
            return false;
        if (c == '(' && at + 1 < p.len && p.s[at + 1] == '?') {
            if (at + 2 == p.len || p.s[at + 2] != ':')
                return false;
            at += 2;
        }
        if ((c == ')' && depth == 0) || (c == '|' && depth == 0))
            return false;
        depth = c == '(' ? depth + 1 : c == ')' ? depth - 1 : depth;
        at++;
    }
    return depth == 0;
}

/* The text after "^" that every match of `pattern` begins with; in lower case if `nocase`. */
static struct str regex_find_literal(struct pool *pool, struct str pattern, bool nocase)
{
    size_t at = 1;
    size_t len = 0;
    char *text;

    if (pattern.len < 2 || pattern.s[0] != '^' || !regex_is_sequence(pattern))
        return STR_NONE;
    text = pool_text(pool, pattern.len);
    while (at < pattern.len) {
        size_t next = at;
        char c = pattern.s[next++];

        if (c == '\\') {
            c = pattern.s[next++]; /* a sequence never ends in a lone backslash */
            if (regex_is_alnum(c) || c <= ' ' || c >= 0x7f)
                break;
        } else if (!regex_is_plain(c)) {
            break;
        }
        /* What is repeated may be absent. */
        if (next < pattern.len && strchr("?*+{", pattern.s[next]))
            break;
        text[len++] = nocase ? ascii_lower(c) : c;
        at = next;
    }
    return (struct str){text, len};
}

static void regex_drop(void *arg)
{
    pcre2_code_free(arg);
}

static void regex_explain(struct regex_error *error, int code, size_t offset)
{
    PCRE2_UCHAR text[sizeof(error->text)];

    error->offset = offset;
    if (pcre2_get_error_message(code, text, sizeof(text)) < 0)
        snprintf(error->text, sizeof(error->text), "error %d", code);
    else
        memcpy(error->text, text, sizeof(text));
}

struct regex *regex_new(struct pool *pool, struct str pattern, bool nocase,
                        struct regex_error *error)
{
    uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C |
                       PCRE2_DOLLAR_ENDONLY | (nocase ? PCRE2_CASELESS : 0);
    PCRE2_SPTR text = (PCRE2_SPTR)(pattern.len ? pattern.s : "");
    PCRE2_SIZE offset = 0;
    int code = 0;
    struct regex *regex;
    pcre2_code *compiled = pcre2_compile(text, pattern.len, options, &code, &offset, NULL);

    if (!compiled) {
        regex_explain(error, code, offset);
        return NULL;
    }
    pool_on_free(pool, regex_drop, compiled);
    /* Where there is no JIT (another machine, W^X) the interpreter answers the same, slower. */
    (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
    regex = pool_alloc(pool, sizeof(*regex));
    regex->code = compiled;
    regex->nocase = nocase;
    regex->text = pool_str(pool, pattern);
    regex->literal = regex_find_literal(pool, pattern, nocase);
    return regex;
}

static void regex_drop_scratch(void *arg)
{
    struct regex_scratch *scratch = arg;

    pcre2_match_data_free(scratch->data);
    pcre2_match_context_free(scratch->context);
    if (scratch->stack)
        pcre2_jit_stack_free(scratch->stack);
}

struct regex_scratch *regex_scratch_new(struct pool *pool)
{
    struct regex_scratch *scratch = pool_zalloc(pool, sizeof(*scratch));

    scratch->context = pcre2_match_context_create(NULL);
    scratch->data = pcre2_match_data_create(REGEX_CAPTURES, NULL);
    if (!scratch->context || !scratch->data)
        abort(); /* as a pool does when memory runs out */
    pcre2_set_match_limit(scratch->context, REGEX_STEPS);
    pcre2_set_depth_limit(scratch->context, REGEX_DEPTH);
    pcre2_set_heap_limit(scratch->context, REGEX_HEAP_KIB);
    /* NULL without JIT support; a match then runs on the heap within its limit. */
    scratch->stack = pcre2_jit_stack_create(REGEX_JIT_STACK, REGEX_JIT_STACK, NULL);
    if (scratch->stack)
        pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
    pool_on_free(pool, regex_drop_scratch, scratch);
    return scratch;
}

/* Whether `subject` begins with the literal, which is in lower case if case does not count. */
static bool regex_may_match(const struct regex *regex, struct str subject)
{
    struct str literal = regex->literal;

    if (literal.len > subject.len)
        return false;
    if (!regex->nocase)
        return literal.len == 0 || memcmp(subject.s, literal.s, literal.len) == 0;
    for (size_t i = 0; i < literal.len; i++)
        if (ascii_lower(subject.s[i]) != literal.s[i])
            return false;
    return true;
}

static void regex_copy(struct regex_captures *captures, pcre2_match_data *data, int groups,
                       struct str subject)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);

    /* 0 says that there were more groups than room. */
    captures->count = groups == 0 ? REGEX_CAPTURES : (unsigned)groups;
    for (unsigned i = 0; i < captures->count; i++) {
        PCRE2_SIZE from = ends[2 * i];
        PCRE2_SIZE to = ends[2 * i + 1];

        /* "\K" can leave a start behind its end. */
        captures->group[i] = STR_NONE;
        if (from != PCRE2_UNSET && from <= to && to <= subject.len)
            captures->group[i] = (struct str){subject.s + from, to - from};
    }
}

enum regex_result regex_match(const struct regex *regex, struct regex_scratch *scratch,
                              struct str subject, struct regex_captures *captures)
{
    int rc;

    if (captures)
        captures->count = 0;
    if (!subject.s)
        subject = STR("");
    if (!regex_may_match(regex, subject))
        return REGEX_NO_MATCH;
    rc = pcre2_match(regex->code, (PCRE2_SPTR)subject.s, subject.len, 0, 0, scratch->data,
                     scratch->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return REGEX_NO_MATCH;
    if (rc < 0)
        return REGEX_LIMIT;
    if (captures)
        regex_copy(captures, scratch->data, rc, subject);
    return REGEX_MATCH;
}

struct regex_gate regex_gate(const struct regex *regex)
{
    struct regex_gate gate = {.len = 0};
    struct str literal = regex->literal;
    size_t n = literal.len < sizeof(gate.word) ? literal.len : sizeof(gate.word);

    if (literal.len == 0 || regex->nocase)
        return gate;
    gate.len = (uint32_t)literal.len;
    gate.at = (uint32_t)(literal.len - n);
    memcpy(&gate.word, literal.s + gate.at, n);
    memset(&gate.mask, 0xff, n);
    return gate;
}

struct str regex_text(const struct regex *regex)
{
    return regex->text;
}

bool regex_same(const struct regex *a, const struct regex *b)
{
    return a == b || (str_eq(a->text, b->text) && a->nocase == b->nocase);
}

struct str regex_literal(const struct regex *regex)
{
    return regex->literal;
}
