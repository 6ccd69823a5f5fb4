/*
 * What is left of a disk after a crash. Whoever is killed leaves all that he wrote. Without power
 * any of the sectors written since the last sync are lost, and the end of a directory's log. In the
 * world's one thread.
 */
#include "world_disk.h"

#include <stdlib.h>
#include <string.h>

/* Inodes of the old disk and what became of them on the new one. */
struct twins {
    struct disk *to;
    bool power;
    struct inode **old, **made;
    size_t count;
};

/* Behind `size` there is nothing. */
static void cut_page(char *bytes, size_t number, uint64_t size)
{
    uint64_t at = (uint64_t)number * PAGE;
    size_t keep = size <= at ? 0 : size - at < PAGE ? (size_t)(size - at) : PAGE;

    memset(bytes + keep, 0, PAGE - keep);
}

/* Each sector is as it was or as it should be; if is_lost, as it was. */
static void tear(struct page *p, bool is_lost)
{
    for (int at = 0; at < PAGE; at += SECTOR) {
        if (memcmp(p->now + at, p->was + at, SECTOR) == 0 || (!is_lost && chance(500)))
            continue;
        memcpy(p->now + at, p->was + at, SECTOR);
        w.result->lost_writes++;
    }
}

/*
 * A file that was cut off since its last sync either was not, and nothing came after that, or was;
 * then nothing of what had been behind the cut comes up again. One that grew has either size.
 */
static void lose_power(struct inode *i)
{
    bool was_cut = i->low_size < i->synced_size, is_lost = was_cut && chance(500);

    for (size_t k = 0; k < i->page_count; k++) {
        struct page *p = &i->pages[k];

        if (!p->is_dirty)
            continue;
        if (was_cut && !is_lost)
            cut_page(p->was, k, i->low_size);
        tear(p, is_lost);
        p->is_dirty = false;
    }
    if (is_lost)
        i->size = i->synced_size;
    else if (chance(500))
        i->size = was_cut ? i->low_size : i->synced_size;
    /* Should it grow again, there are zeros. */
    for (size_t k = 0; k < i->page_count; k++)
        cut_page(i->pages[k].now, k, i->size);
    i->is_dirty = false;
    i->synced_size = i->low_size = i->size;
}

static struct inode *copy_file(struct twins *t, const struct inode *from)
{
    struct inode *i = disk_inode_new(t->to, from->is_directory);

    i->number = from->number;
    i->changed_ns = from->changed_ns;
    i->size = from->size;
    i->synced_size = from->synced_size;
    i->low_size = from->low_size;
    i->is_dirty = from->is_dirty;
    i->page_count = from->page_count;
    i->pages = must(calloc(from->page_count + 1, sizeof(*i->pages)));
    for (size_t k = 0; k < from->page_count; k++) {
        struct page *p = &i->pages[k];

        p->now = must(malloc(PAGE));
        memcpy(p->now, from->pages[k].now, PAGE);
        p->is_dirty = from->pages[k].is_dirty;
        if (!p->is_dirty)
            continue;
        p->was = must(malloc(PAGE));
        memcpy(p->was, from->pages[k].was, PAGE);
    }
    if (t->power)
        lose_power(i);
    return i;
}

static struct inode *twin(struct twins *t, struct inode *i)
{
    for (size_t k = 0; k < t->count; k++)
        if (t->old[k] == i)
            return t->made[k];
    t->old = must(realloc(t->old, (t->count + 1) * sizeof(struct inode *)));
    t->made = must(realloc(t->made, (t->count + 1) * sizeof(struct inode *)));
    t->old[t->count] = i;
    t->made[t->count] = copy_file(t, i);
    return t->made[t->count++];
}

static struct inode *copy_directory(struct twins *t, const struct inode *from)
{
    struct inode *dir = disk_inode_new(t->to, true);
    size_t keep = t->power ? (size_t)between(0, (int64_t)from->log_count) : from->log_count;

    while (keep > 0 && from->log[keep - 1].goes_on)
        keep--;
    dir->number = from->number;
    for (size_t k = 0; k < from->synced.count; k++) {
        struct inode *i = twin(t, from->synced.entry[k].inode);

        disk_set(dir, from->synced.entry[k].name, i);
        disk_names_set(&dir->synced, from->synced.entry[k].name, i);
    }
    for (size_t k = 0; k < keep; k++) {
        const struct change *c = &from->log[k];

        disk_change(dir, c->entry.name, c->entry.inode == NULL ? NULL : twin(t, c->entry.inode),
                    c->goes_on);
    }
    w.result->lost_writes += (unsigned)(from->log_count - keep);
    if (t->power)
        disk_sync_now(dir);
    return dir;
}

struct disk *disk_after(const struct disk *d, bool power)
{
    struct disk *made = disk_new(d->host);
    struct twins t = {.to = made, .power = power};

    made->last_number = d->last_number + 1000;
    for (size_t k = 0; k < d->root->now.count; k++) {
        struct inode *dir = copy_directory(&t, d->root->now.entry[k].inode);

        disk_names_set(&made->root->now, d->root->now.entry[k].name, dir);
        inode_unref(dir);
    }
    for (size_t k = 0; k < t.count; k++)
        inode_unref(t.made[k]);
    free(t.old);
    free(t.made);
    return made;
}
