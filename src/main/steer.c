/* steer.c: small BPF programs. */
#include "main/steer.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

#define STEER_TCP_FLAGS 13 /* offset of the flags in a TCP head */
#define STEER_TCP_SYN 0x02

int steer_to(int fd, unsigned n, unsigned all)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)SKF_AD_OFF + SKF_AD_RANDOM),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};
    int none = 0;

    if (n < all)
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
    if (setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none)) < 0 && errno != ENOENT)
        return -1;
    return 0;
}

void steer_drop_syn(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, STEER_TCP_FLAGS),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, STEER_TCP_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

    /* Without it new connections are reset at the close instead of timing out: no reason to fail. */
    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}
