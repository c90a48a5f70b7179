/*
 * manifest.c: "weir 1", "peer FD", then "KIND INDEX BACKLOG DEFER FD ADDRESS" for each descriptor.
 */
#include "main/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MANIFEST_LINE 512

int manifest_write(const struct handover_item *items, size_t count, int peer)
{
    int fd = memfd_create("manifest", 0);
    FILE *out;

    if (fd < 0)
        return -1;
    out = fdopen(dup(fd), "w");
    if (!out) {
        close(fd);
        return -1;
    }
    fprintf(out, "weir 1\npeer %d\n", peer);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%u %u %d %d %d %s\n", items[i].kind, items[i].index, items[i].backlog,
                items[i].defer_accept_s, items[i].fd, items[i].address);
    if (fclose(out) == 0)
        return fd;
    close(fd);
    return -1;
}

static int manifest_fail(struct handover_set *set, char *error, size_t error_size, const char *line)
{
    snprintf(error, error_size, "upgrade: the list of descriptors is not understood: %.*s",
             (int)strcspn(line, "\n"), line);
    handover_free(set);
    return -1;
}

static int manifest_read_line(const char *line, struct handover_item *item)
{
    int at = 0;

    *item = (struct handover_item){.fd = -1};
    if (sscanf(line, "%u %u %d %d %d %n", &item->kind, &item->index, &item->backlog, &item->defer_accept_s,
               &item->fd, &at) != 5 ||
        at == 0)
        return -1;
    snprintf(item->address, sizeof(item->address), "%.*s", (int)strcspn(line + at, "\n"), line + at);
    if (item->kind == 0 || item->kind >= HANDOVER_KINDS || fcntl(item->fd, F_SETFD, FD_CLOEXEC) < 0)
        return -1;
    return 0;
}

static void manifest_append(struct handover_set *set, const struct handover_item *item)
{
    set->items = reallocarray(set->items, set->count + 1, sizeof(*set->items));
    if (!set->items)
        abort();
    set->items[set->count++] = *item;
}

int manifest_read(int fd, struct handover_set *set, int *peer, char *error, size_t error_size)
{
    char line[MANIFEST_LINE] = "";
    struct handover_item item;
    FILE *in;

    *set = (struct handover_set){NULL, 0};
    if (lseek(fd, 0, SEEK_SET) < 0 || !(in = fdopen(fd, "r"))) {
        snprintf(error, error_size, "upgrade: no list of descriptors: %s", strerror(errno));
        return -1;
    }
    if (!fgets(line, sizeof(line), in) || strcmp(line, "weir 1\n") != 0 || !fgets(line, sizeof(line), in) ||
        sscanf(line, "peer %d", peer) != 1 || fcntl(*peer, F_SETFD, FD_CLOEXEC) < 0) {
        fclose(in);
        return manifest_fail(set, error, error_size, line);
    }
    while (fgets(line, sizeof(line), in)) {
        if (manifest_read_line(line, &item) < 0) {
            fclose(in);
            return manifest_fail(set, error, error_size, line);
        }
        manifest_append(set, &item);
    }
    fclose(in);
    return 0;
}
