/*
 * h1_server.h: HTTP/1 towards clients: reads heads and bodies from a connection, feeds them to requests, and
 * sends their answers (h1_answer.c).
 */
#ifndef WEIR_CORE_CLIENT_H1_SERVER_H
#define WEIR_CORE_CLIENT_H1_SERVER_H

#include "core/client/conn.h"

extern const struct conn_protocol h1_protocol;

#endif
