/* config_read.c: the main file and those that `include` names, into one struct settings. */
#include <errno.h>
#include <glob.h>
#include <unistd.h>

#include "core/config/config_build.h"

static void read_included(struct build *b, const char *path)
{
    struct conf_text *text = pool_zalloc(b->pool, sizeof(*text));

    if (conf_text_read(text, b->pool, b->report, path, b->dir) != 0 && !text->mended) {
        b->partial = true;
        return;
    }
    b->load.text = text;
    if (conf_load(&b->load, &settings_group, SCOPE_INCLUDED, b->settings) == CONF_UNREADABLE)
        b->partial = true;
}

static void read_pattern(struct build *b, struct str pattern, struct conf_place at)
{
    glob_t found;
    bool plain = !strpbrk(pattern.s, "*?[");

    if (plain) {
        if (access(pattern.s, R_OK) == 0) {
            read_included(b, pattern.s);
            return;
        }
        b->partial = true;
        conf_report_add(b->report, at, "cannot read %s: %s; write a file that is there", pattern.s,
                        strerror(errno));
        return;
    }
    if (glob(pattern.s, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        read_included(b, found.gl_pathv[i]);
    globfree(&found);
}

static int read_main(struct build *b, const struct conf_text *text)
{
    struct settings *s = b->settings;
    struct conf_list include;

    b->load.text = text;
    if (conf_load(&b->load, &settings_group, SCOPE_FILE, s) == CONF_UNREADABLE)
        return -1;
    include = s->include;
    for (size_t i = 0; i < include.n; i++)
        read_pattern(b, ((struct str *)include.items)[i],
                     conf_place_of(&settings_group, &s->head, "include"));
    /* What is printed has the included settings in it. */
    settings_forget(&settings_group, &s->head, "include");
    b->load.text = &b->text;
    return 0;
}

int config_read(struct build *b, const char *file)
{
    struct conf_text *text = pool_zalloc(b->pool, sizeof(*text));

    if (conf_text_read(text, b->pool, b->report, file, b->dir) != 0 && !text->mended)
        return -1;
    return read_main(b, text);
}

int config_read_text(struct build *b, struct str content, const char *name)
{
    struct conf_text *text = pool_zalloc(b->pool, sizeof(*text));

    if (conf_text_from(text, b->pool, b->report, name, b->dir, content) != 0 && !text->mended)
        return -1;
    return read_main(b, text);
}
