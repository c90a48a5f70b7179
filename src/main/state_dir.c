/* state_dir.c: see state_dir.h. */
#include "main/state_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Takes `fd` over. */
static bool is_empty(int fd)
{
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry = NULL;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    do
        entry = readdir(dir);
    while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    closedir(dir);
    return !entry;
}

void state_dir_give(struct str path, const struct privdrop_user *user)
{
    struct stat st;
    int fd;

    if (path.len == 0 || user->uid == 0)
        return;
    (void)mkdir(path.s, 0700);
    /* All that follows is of this directory, whatever becomes of the name. */
    fd = open(path.s, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == 0 && !(st.st_mode & S_IWOTH) &&
        is_empty(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)))
        (void)!fchown(fd, user->uid, user->gid);
    close(fd);
}
