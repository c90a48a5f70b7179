/* listener_trust.c: see listener_trust.h. */
#include "core/client/listener_trust.h"

bool listener_trusts(const struct listener_conf *listener, const struct addr *address)
{
    for (size_t i = 0; i < listener->trusted_count; i++)
        if (cidr_holds(&listener->trusted[i], address))
            return true;
    return false;
}
