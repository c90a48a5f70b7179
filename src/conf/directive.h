/*
 * directive.h: a setting as one row of a table.  Loading, checking, inheriting, printing and the manual
 * page all walk these rows; what a setting is called, holds, defaults to and means stands here only.
 *
 * Each group of settings is a plain struct whose first member is `struct conf_head`.
 */
#ifndef WEIR_CONF_DIRECTIVE_H
#define WEIR_CONF_DIRECTIVE_H

#include "base/str.h"
#include "conf/report.h"

/* Rows in one table, at most: bits of the presence mask. */
#define CONF_MAX_ROWS 128

enum conf_type {
    CONF_BOOL,     /* bool */
    CONF_INT,      /* int64_t */
    CONF_SIZE,     /* int64_t, bytes: 4096, "16k", "10m", "2g" */
    CONF_DURATION, /* int64_t, milliseconds: 30 (seconds), "500ms", "30s", "5m", "8h", "7d" */
    CONF_RATIO,    /* double: 0.5, 5, "20%" */
    CONF_RATE,     /* struct conf_rate: "10/s", "6/m" */
    CONF_STRING,   /* struct str */
    CONF_TEMPLATE, /* struct str that may hold $variables; compiled by its user */
    CONF_REGEX,    /* struct str, the source of a regex; compiled by its user */
    CONF_PATH,     /* struct str, made absolute; one of `choices` is kept as it is ("-", "syslog:") */
    CONF_ENUM,     /* int, the index in `choices` */
    CONF_ADDRESS,  /* struct conf_address */
    CONF_CIDR,     /* struct conf_cidr */
    CONF_STATUS,   /* struct conf_statuses: 404, "404", "500-599" */
    CONF_HEADERS,  /* struct conf_headers *: header operations */
    CONF_MAP,      /* struct conf_pair, always with CONF_LIST: { NAME = VALUE; } or ( {name; value} ) */
    CONF_GROUP     /* pointer to the struct of `group`; NULL where present: turned off */
};

enum conf_flag {
    CONF_LIST = 1 << 0,     /* struct conf_list of the type (of structs themselves for CONF_GROUP) */
    CONF_REQUIRED = 1 << 1, /* the group is wrong without it */
    CONF_NUMBERS = 1 << 2,  /* text may be written as an integer */
    CONF_APPEND = 1 << 3,   /* a list that included files add to */
    CONF_OWN = 1 << 4,      /* not inherited from an outer level */
    CONF_LATER = 1 << 5,    /* known, but not in this version: an error that says so, unless `false` */
    CONF_OFF = 1 << 6,      /* a number that may be `false`: stored as -1 */
    CONF_LEVEL = 1 << 7,    /* elements of the list have what they lack from the level around them */
    CONF_SPARSE = 1 << 8    /* a group whose user joins it with another: no defaults are put into it */
};

/* Where rows were written; only these, as of many rows a level mostly has few. */
struct conf_places {
    size_t n, room;
    struct {
        size_t row;
        struct conf_place at;
    } rows[];
};

struct conf_group;

/* First member of every group's struct. */
struct conf_head {
    uint64_t present[CONF_MAX_ROWS / 64]; /* which rows were written, here or at an outer level */
    struct conf_place at;                 /* where the group was written */
    struct conf_places *places;           /* of the rows written here; or NULL */
    const struct conf_head *outer;        /* where the others that are present come from; or NULL */
    const struct conf_group *outer_group;
    bool broken;                          /* something in it was wrong: what it lacks may be that */
};

struct conf_list {
    void *items;
    size_t n;
};

struct conf_rate {
    int64_t count;
    int64_t period; /* milliseconds */
};

struct conf_address {
    struct str text; /* as written */
    struct str host; /* name, IP without brackets, "*", or the path of a unix socket */
    int port;        /* -1: none written */
    bool is_unix;
};

struct conf_cidr {
    uint8_t family;   /* 0 is "all", else 4 or 6 */
    uint8_t bits;     /* length of the prefix */
    uint8_t addr[16]; /* network order; bits past the prefix are 0 */
};

struct conf_statuses {
    int first, last; /* inclusive */
};

struct conf_pair {
    struct str name, value;
    struct conf_place at;
};

enum conf_header_what { CONF_HEADER_REMOVE, CONF_HEADER_SET, CONF_HEADER_ADD };

struct conf_header {
    enum conf_header_what what;
    struct str name, value; /* value is a template; empty for remove */
    struct conf_place at;
};

/* Operations in the order in which they are done. */
struct conf_headers {
    struct conf_header *ops;
    size_t n;
    bool alone; /* `inherit = false`: what outer levels say is dropped */
};

struct conf_row {
    const char *name;
    enum conf_type type;
    unsigned flags;               /* enum conf_flag */
    unsigned scopes;              /* bits of the levels where it may stand; 0 is everywhere */
    unsigned later;               /* bits of the choices that are not in this version */
    size_t offset;                /* of the member in the group's struct */
    const char *unit;             /* for the manual: "seconds", "percent"; may be NULL */
    const char *fallback;         /* the default in libconfig syntax; NULL: zeroed */
    int64_t min, max;             /* of the value in its own unit; both 0: no limits */
    const char *const *choices;   /* names of an enum, NULL at the end; a final ':' marks a prefix */
    const struct conf_group *group;
    unsigned enters;              /* scope of the nested group's rows; 0: the same as outside */
    const char *doc;              /* one sentence */
};

struct conf_group {
    const char *name; /* for messages: "a server" */
    size_t size;      /* of the struct */
    const struct conf_row *rows;
    size_t n_rows;
    const char *main;   /* the row a scalar stands for; NULL: a scalar is an error */
    bool positional;    /* an array fills the rows in order */
};

/* The bits of the levels and how they are called in messages. */
struct conf_scope_name {
    unsigned scope;
    const char *name;
};

static inline bool conf_is_present(const struct conf_head *h, size_t row)
{
    return h->present[row / 64] >> (row % 64) & 1;
}

static inline void conf_mark_present(struct conf_head *h, size_t row)
{
    h->present[row / 64] |= (uint64_t)1 << (row % 64);
}

/* Notes that the row was written at `at`. */
void conf_set_place(struct pool *, struct conf_head *, size_t row, struct conf_place at);

/* Rows up to the last that is not CONF_LATER: only these hold something. */
size_t conf_rows_in_use(const struct conf_group *);

/* Bytes that a value of the type takes in a struct or list; for CONF_GROUP, of the pointer. */
size_t conf_type_size(enum conf_type);

#endif
