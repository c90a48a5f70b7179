/*
 * probe_tls.h: TLS on the connection of a probe, for probe.c alone.  The server's certificate must be
 * valid, for the name or address that is asked for, and signed by one of the system's authorities: what
 * traffic over TLS asks for as long as nothing else is set.
 */
#ifndef WEIR_CORE_HEALTH_PROBE_TLS_H
#define WEIR_CORE_HEALTH_PROBE_TLS_H

#include <sys/types.h>

#include "core/health/probe.h"

/* Makes p->ssl; CHECK_GOES_ON or CHECK_FAILED. */
enum check_step probe_tls_begin(struct probe *);

/* CHECK_PASSED: the handshake is complete. */
enum check_step probe_tls_handshake(struct probe *);

/* As recv() and send(): -1 with errno, EAGAIN when the connection must be waited for. */
ssize_t probe_tls_read(struct probe *, char *buf, size_t room);
ssize_t probe_tls_write(struct probe *, struct str bytes);

/* Says goodbye and frees p->ssl. */
void probe_tls_end(struct probe *);

void probe_tls_free(struct probes *);

#endif
