/* store_list.c: see store_list.h. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/cache/store_list.h"

int store_list_open(struct store *st, unsigned directory, struct store_list *list, struct store_fault *fault)
{
    char name[8];
    int fd;

    list->dir = NULL;
    list->directory = directory;
    snprintf(name, sizeof(name), "%03x", directory % STORE_DIRECTORIES);
    fd = openat(st->directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : store_fault_set(fault, "cannot open a directory");
    list->dir = fdopendir(fd);
    if (list->dir)
        return 0;
    close(fd);
    return store_fault_as(fault, ENOMEM, "cannot read a directory");
}

void store_list_close(struct store_list *list)
{
    if (list->dir)
        closedir(list->dir);
    list->dir = NULL;
}

const char *store_list_next(struct store_list *list)
{
    const struct dirent *entry = list->dir ? readdir(list->dir) : NULL;

    return entry ? entry->d_name : NULL;
}

bool store_list_stat(struct store_list *list, const char *name, struct stat *st)
{
    return fstatat(dirfd(list->dir), name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode);
}
