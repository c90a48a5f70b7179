/*
 * listener_trust.h: whom a listener believes.  A peer among the listener's `trusted` may say who it speaks for, in
 * a PROXY header or in X-Forwarded-For and the like; what others say about that is dropped.
 */
#ifndef WEIR_CORE_CLIENT_LISTENER_TRUST_H
#define WEIR_CORE_CLIENT_LISTENER_TRUST_H

#include "core/config/config.h"

/* Whether `address` is one of the listener's `trusted`; a unix socket's peer is with "all" alone. */
bool listener_trusts(const struct listener_conf *, const struct addr *address);

#endif
