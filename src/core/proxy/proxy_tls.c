/* proxy_tls.c: TLS with a server that fails, in the words of the log and of Proxy-Status (RFC 9209 2.3). */
#include <errno.h>

#include "core/proxy/proxy_state.h"
#include "core/tls/tls_client.h"

bool proxy_tls_failed(const struct proxy *p, struct reply_error *error)
{
    const struct uconn *u = p->client.uconn;
    const struct peer_conf *conf;
    char text[ADDR_TEXT_MAX];

    if (!u || !u->tls)
        return false;
    conf = u->peer->conf;
    error->status = 502;
    error->cause = pool_str(p->req->pool, str_of(tls_error(u->tls)));
    switch (tls_client_fault(u->tls)) {
    case TLS_CLIENT_CERTIFICATE:
        error->proxy_error = "tls_certificate_error";
        error->reason = "the upstream's certificate is not valid";
        error->cause = pool_printf(p->req->pool, "%s; asked for %.*s", tls_error(u->tls),
                                   STR_ARG(tls_client_name(conf->tls, &conf->address, text)));
        break;
    case TLS_CLIENT_ALERT:
        error->proxy_error = "tls_alert_received";
        error->reason = "the upstream has refused TLS";
        break;
    case TLS_CLIENT_PROTOCOL:
        error->proxy_error = "tls_protocol_error";
        error->reason = "TLS with the upstream failed";
        break;
    }
    return true;
}
