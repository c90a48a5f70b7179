/*
 * llhttp_quiet.h: the callbacks of llhttp that h1_parse.c does not ask for, as functions that do nothing.  It
 * is put in front of llhttp's source where that is compiled here for SSE 4.2, so that the compiler leaves
 * them out: llhttp would call each of them for every field, to find that nobody wants to know.  Whoever sets
 * one in h1_parse.c takes it out here.
 */
#ifndef WEIR_HTTP_LLHTTP_QUIET_H
#define WEIR_HTTP_LLHTTP_QUIET_H

#include <llhttp.h>

#define LLHTTP_QUIET(name) \
    static inline int llhttp__##name(llhttp__internal_t *llhttp, const unsigned char *at, \
                                      const unsigned char *end) \
    { \
        (void)llhttp; \
        (void)at; \
        (void)end; \
        return 0; \
    }

LLHTTP_QUIET(on_message_begin)
LLHTTP_QUIET(on_method)
LLHTTP_QUIET(on_method_complete)
LLHTTP_QUIET(on_url_complete)
LLHTTP_QUIET(on_version)
LLHTTP_QUIET(on_version_complete)
LLHTTP_QUIET(on_status)
LLHTTP_QUIET(on_status_complete)
LLHTTP_QUIET(on_header_field)
LLHTTP_QUIET(on_header_field_complete)
LLHTTP_QUIET(on_header_value)

#undef LLHTTP_QUIET

/* This one is asked for; only the way to it is shorter. */
static inline int llhttp__on_header_value_complete(llhttp__internal_t *llhttp, const unsigned char *at,
                                                   const unsigned char *end)
{
    const llhttp_settings_t *settings = llhttp->settings;

    (void)at;
    (void)end;
    return settings->on_header_value_complete(llhttp);
}

#endif
