/*
 * probe_tls.h: TLS on the connection of a probe, for probe.c alone: by the same settings as the traffic's, without going
 * on with an earlier session, so that each check looks at the certificate.
 */
#ifndef WEIR_CORE_HEALTH_PROBE_TLS_H
#define WEIR_CORE_HEALTH_PROBE_TLS_H

#include "core/health/probe.h"

/* Makes p->tls; CHECK_GOES_ON or CHECK_FAILED. */
enum check_step probe_tls_begin(struct probe *);

/* CHECK_PASSED: the handshake is complete. */
enum check_step probe_tls_handshake(struct probe *);

/* Says goodbye and frees p->tls. */
void probe_tls_end(struct probe *);

#endif
