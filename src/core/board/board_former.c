/* board_former.c: one page of another's board, mapped for the moment of a call. */
#include "core/board/board_former.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/board/board_map.h"

/* Far above those that were started and never served; a board sees few reloads in comparison. */
#define FORMER_STEP (1ULL << 32)

/* NULL: not a board.  Without the seal another could shrink the file under the mapping. */
static struct board_head *former_map(int fd)
{
    struct board_head *head;
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || !(seals & F_SEAL_SHRINK) || (seals & F_SEAL_WRITE) || fstat(fd, &st) < 0 ||
        st.st_size < (off_t)sizeof(*head))
        return NULL;
    head = mmap(NULL, sizeof(*head), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (head == MAP_FAILED)
        return NULL;
    if (head->magic == BOARD_MAGIC)
        return head;
    munmap(head, sizeof(*head));
    return NULL;
}

int board_former_secret(struct board *board, int fd)
{
    struct board_head *head = former_map(fd);

    if (!head)
        return -1;
    memcpy(board->map->head.secret, head->secret, BOARD_SECRET);
    munmap(head, sizeof(*head));
    return 0;
}

int board_former_drain(int fd)
{
    struct board_head *head = former_map(fd);
    uint64_t from;

    if (!head)
        return -1;
    from = __atomic_load_n(&head->serve_from, __ATOMIC_ACQUIRE);
    from = from < UINT64_MAX - FORMER_STEP ? from + FORMER_STEP : UINT64_MAX;
    __atomic_store_n(&head->serve_from, from, __ATOMIC_RELEASE);
    munmap(head, sizeof(*head));
    return 0;
}
