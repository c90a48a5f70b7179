/* file_multipart.c: see file_multipart.h. */
#include "modules/file_multipart.h"

#include <unistd.h>

#include "base/rnd.h"

/* Room for what stands around each part. */
#define PART_HEAD_MAX 512

struct parts {
    struct request *req;
    const struct file_entry *file;
    struct str type;
    char boundary[33];
    char *bytes;
    size_t len;
};

static void put(struct parts *p, struct str s)
{
    memcpy(p->bytes + p->len, s.s, s.len);
    p->len += s.len;
}

static bool put_range(struct parts *p, const struct range *range)
{
    size_t length = (size_t)(range->last - range->first + 1);
    char content[RANGE_CONTENT_SIZE];

    range_print_content(range, p->file->size, content);
    put(p, pool_printf(p->req->pool, "\r\n--%s\r\nContent-Type: %.*s\r\nContent-Range: %s\r\n\r\n",
                       p->boundary, STR_ARG(p->type), content));
    if (p->file->bytes)
        memcpy(p->bytes + p->len, p->file->bytes + range->first, length);
    else if (pread(p->file->fd, p->bytes + p->len, length, (off_t)range->first) != (ssize_t)length)
        return false;
    p->len += length;
    return true;
}

static uint64_t total(const struct range_set *set)
{
    uint64_t sum = PART_HEAD_MAX;

    for (unsigned i = 0; i < set->count; i++)
        sum += set->ranges[i].last - set->ranges[i].first + 1 + PART_HEAD_MAX;
    return sum;
}

bool file_multipart_send(struct request *req, struct message *head, const struct file_entry *file,
                         struct str type, const struct range_set *set)
{
    struct parts p = {
        .req = req, .file = file, .type = type.len < 128 ? type : STR("application/octet-stream")};
    struct frame frame = {.kind = FRAME_LENGTH};

    if (total(set) > FILE_MULTIPART_MAX)
        return false;
    for (size_t i = 0; i < sizeof(p.boundary) - 1; i++)
        p.boundary[i] = "0123456789abcdef"[rnd_u64(&req->worker->rnd) & 15];
    p.bytes = pool_text(req->pool, (size_t)total(set));
    for (unsigned i = 0; i < set->count; i++) {
        if (!put_range(&p, &set->ranges[i]))
            return false;
    }
    put(&p, pool_printf(req->pool, "\r\n--%s--\r\n", p.boundary));
    if (header_add(&head->headers, STR("Content-Type"),
                   pool_printf(req->pool, "multipart/byteranges; boundary=%s", p.boundary)) < 0)
        return false;
    frame.length = p.len;
    (void)!request_send_head(req, head, &frame, (struct str){p.bytes, p.len}, true);
    return true;
}
