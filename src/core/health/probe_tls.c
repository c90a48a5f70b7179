/* probe_tls.c: see probe_tls.h. */
#include "core/health/probe_tls.h"

#include <errno.h>

enum check_step probe_tls_begin(struct probe *p)
{
    p->tls = tls_client_new(p->job.tls, p->job.address, p->job.alpn, p->fd, p->owner->tls_scratch, NULL);
    return p->tls ? CHECK_GOES_ON : probe_fail(p, "TLS cannot be begun");
}

enum check_step probe_tls_handshake(struct probe *p)
{
    if (tls_is_blocked(p->tls) && tls_flush(p->tls) < 0 && errno == EAGAIN)
        return CHECK_GOES_ON;
    switch (tls_handshake(p->tls)) {
    case TLS_DONE:
        return CHECK_PASSED;
    case TLS_FAILED:
        break;
    default:
        return CHECK_GOES_ON;
    }
    return probe_fail(p, "%s: %s", tls_client_fault(p->tls) == TLS_CLIENT_CERTIFICATE ? "certificate" : "TLS handshake",
                      tls_error(p->tls));
}

void probe_tls_end(struct probe *p)
{
    tls_goodbye(p->tls);
    tls_free(p->tls);
    p->tls = NULL;
}
