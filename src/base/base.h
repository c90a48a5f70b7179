/* base.h: the attributes and small macros that every file may use.  C library only. */
#ifndef WEIR_BASE_BASE_H
#define WEIR_BASE_BASE_H

#include <stddef.h>

#define WEIR_MUST_CHECK __attribute__((warn_unused_result))
#define WEIR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define WEIR_NORETURN __attribute__((noreturn))
#define WEIR_UNUSED __attribute__((unused))

#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The structure of which `ptr` is the member `member`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
