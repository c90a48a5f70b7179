/*
 * proxy.h: the handler that forwards a request to a server of the route's upstream: picks a server, takes a
 * connection or makes one, sends, awaits, relays; tries again where nothing can have happened twice; tells
 * the client why where it cannot be done.
 */
#ifndef WEIR_CORE_PROXY_PROXY_H
#define WEIR_CORE_PROXY_PROXY_H

#include "core/handler.h"

extern const struct handler handler_proxy;

#endif
