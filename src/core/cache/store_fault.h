/*
 * store_fault.h: why an operation on the files of a cache failed, as a value: nothing here writes a log.
 */
#ifndef WEIR_CORE_CACHE_STORE_FAULT_H
#define WEIR_CORE_CACHE_STORE_FAULT_H

#include <errno.h>

struct store_fault {
    int number; /* as errno */
    const char *what; /* static: what was being done, "cannot make the temporary file" */
};

/* Sets *fault (NULL is allowed) from errno; -1. */
static inline int store_fault_set(struct store_fault *fault, const char *what)
{
    if (fault)
        *fault = (struct store_fault){errno, what};
    return -1;
}

/* The same with a number of its own, which errno has too afterwards. */
static inline int store_fault_as(struct store_fault *fault, int number, const char *what)
{
    errno = number;
    return store_fault_set(fault, what);
}

#endif
