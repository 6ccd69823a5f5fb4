/* Disks in use: the calls for files end here. In the world's one thread. */
#include "world_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- inodes ---------------------------------------------------------------------------------- */

static int64_t wall_ns(const struct host *h)
{
    return (WALL_S + h->wall_offset_s) * INT64_C(1000000000) + w.now_us * 1000;
}

struct inode *disk_inode_new(struct disk *d, bool is_directory)
{
    struct inode *i = must(calloc(1, sizeof(*i)));

    i->refs = 1;
    i->disk = d;
    i->number = ++d->last_number;
    i->is_directory = is_directory;
    i->changed_ns = wall_ns(d->host);
    return i;
}

struct inode *inode_ref(struct inode *i)
{
    i->refs++;
    return i;
}

static void names_clear(struct names *n)
{
    for (size_t k = 0; k < n->count; k++)
        inode_unref(n->entry[k].inode);
    free(n->entry);
    *n = (struct names){0};
}

struct entry *disk_names_find(const struct names *n, const char *name)
{
    for (size_t k = 0; k < n->count; k++)
        if (strcmp(n->entry[k].name, name) == 0)
            return &n->entry[k];
    return NULL;
}

/* i NULL: the name goes. */
void disk_names_set(struct names *n, const char *name, struct inode *i)
{
    struct entry *e = disk_names_find(n, name);
    struct inode *was = e == NULL ? NULL : e->inode;

    if (i != NULL && e == NULL) {
        n->entry = must(realloc(n->entry, (n->count + 1) * sizeof(*e)));
        e = &n->entry[n->count++];
        (void)snprintf(e->name, sizeof(e->name), "%s", name);
    }
    if (i != NULL)
        e->inode = inode_ref(i);
    else if (e != NULL)
        *e = n->entry[--n->count];
    if (was != NULL)
        inode_unref(was);
}

static void log_clear(struct inode *dir)
{
    for (size_t i = 0; i < dir->log_count; i++)
        if (dir->log[i].entry.inode != NULL)
            inode_unref(dir->log[i].entry.inode);
    dir->log_count = 0;
}

void inode_unref(struct inode *i)
{
    if (--i->refs > 0)
        return;
    log_clear(i);
    names_clear(&i->now);
    names_clear(&i->synced);
    for (size_t k = 0; k < i->page_count; k++) {
        free(i->pages[k].now);
        free(i->pages[k].was);
    }
    free(i->log);
    free(i->pages);
    free(i);
}

uint64_t inode_size(const struct inode *i)
{
    return i->size;
}

bool inode_is_directory(const struct inode *i)
{
    return i->is_directory;
}

bool inode_lock(struct inode *i, const void *by)
{
    if (i->locked_by != NULL && i->locked_by != by)
        return false;
    i->locked_by = by;
    return true;
}

void inode_unlock(struct inode *i, const void *by)
{
    if (i->locked_by == by)
        i->locked_by = NULL;
}

void inode_stat(const struct inode *i, struct stat *st)
{
    *st = (struct stat){
        .st_dev = 1,
        .st_ino = i->number,
        .st_mode = i->is_directory ? S_IFDIR | 0755 : S_IFREG | 0644,
        .st_nlink = 1,
        .st_size = (off_t)i->size,
        .st_mtim = {.tv_sec = i->changed_ns / 1000000000, .tv_nsec = i->changed_ns % 1000000000},
    };
    st->st_ctim = st->st_mtim;
}

ssize_t inode_read(const struct inode *i, void *bytes, size_t len, uint64_t at)
{
    size_t done = 0;

    if (i->is_directory) {
        errno = EISDIR;
        return -1;
    }
    if (at >= i->size)
        return 0;
    if (len > i->size - at)
        len = (size_t)(i->size - at);
    while (done < len) {
        size_t from = (size_t)((at + done) % PAGE);
        size_t n = PAGE - from < len - done ? PAGE - from : len - done;

        memcpy((char *)bytes + done, i->pages[(at + done) / PAGE].now + from, n);
        done += n;
    }
    return (ssize_t)len;
}

struct page *disk_touch(struct inode *i, uint64_t number)
{
    if (number >= i->page_count) {
        size_t count = (size_t)number + 1;

        i->pages = must(realloc(i->pages, count * sizeof(*i->pages)));
        for (; i->page_count < count; i->page_count++)
            i->pages[i->page_count] = (struct page){
                .now = must(calloc(1, PAGE)), .was = must(calloc(1, PAGE)), .is_dirty = true};
    }

    struct page *p = &i->pages[number];

    if (!p->is_dirty) {
        if (p->was == NULL)
            p->was = must(malloc(PAGE));
        memcpy(p->was, p->now, PAGE);
        p->is_dirty = true;
    }
    i->is_dirty = true;
    return p;
}

static void put(struct inode *i, const void *bytes, size_t len, uint64_t at)
{
    size_t done = 0;

    while (done < len) {
        size_t from = (size_t)((at + done) % PAGE);
        size_t n = PAGE - from < len - done ? PAGE - from : len - done;

        memcpy(disk_touch(i, (at + done) / PAGE)->now + from, (const char *)bytes + done, n);
        done += n;
    }
    if (at + len > i->size)
        i->size = at + len;
    i->changed_ns = wall_ns(i->disk->host);
}

/* ---- crashes --------------------------------------------------------------------------------- */

/* An operation is about to be done: does its process live on? */
static bool survives(const struct disk *d)
{
    struct proc *p = w.current == NULL ? NULL : task_proc();

    if (p == NULL || p->disk != d || p->is_ghost || p->crash_in == 0 || --p->crash_in > 0)
        return true;
    return false;
}

static void strike(void)
{
    world_crash(task_proc(), task_proc()->crash_power);
}

static void look_again(struct inode *i)
{
    struct disk *d = i->disk;
    const struct names *lib = &disk_names_find(&d->root->now, "/lib")->inode->now;

    for (size_t k = 0; k < lib->count; k++)
        if (lib->entry[k].inode == i)
            rules_on_visible(d, lib->entry[k].name, i);
}

ssize_t inode_write(struct inode *i, const void *bytes, size_t len, uint64_t at)
{
    bool lives = survives(i->disk);

    if (!lives) {
        put(i, bytes, (size_t)between(0, (int64_t)len), at);
        strike();
    }
    put(i, bytes, len, at);
    if (i->visible > 0)
        look_again(i);
    world_note(i->number << 32 ^ at << 8 ^ len);
    return (ssize_t)len;
}

int inode_truncate(struct inode *i, uint64_t size)
{
    if (!survives(i->disk))
        strike();
    for (uint64_t p = size / PAGE; p < i->page_count; p++) {
        size_t from = p == size / PAGE ? (size_t)(size % PAGE) : 0;

        memset(disk_touch(i, p)->now + from, 0, PAGE - from);
    }
    if (size > i->size)
        (void)disk_touch(i, size / PAGE);
    i->size = size;
    if (size < i->low_size)
        i->low_size = size;
    i->is_dirty = true;
    i->changed_ns = wall_ns(i->disk->host);
    return 0;
}

void disk_sync_now(struct inode *i)
{
    for (size_t k = 0; i->is_dirty && k < i->page_count; k++)
        i->pages[k].is_dirty = false;
    i->is_dirty = false;
    i->synced_size = i->low_size = i->size;
    if (i->log_count > 0) {
        names_clear(&i->synced);
        for (size_t k = 0; k < i->now.count; k++)
            disk_names_set(&i->synced, i->now.entry[k].name, i->now.entry[k].inode);
        log_clear(i);
    }
}

int inode_sync(struct inode *i)
{
    /* Before it, or after it and before anybody hears of it. */
    bool lives = survives(i->disk), before = !lives && chance(500);

    if (before)
        strike();
    disk_sync_now(i);
    if (!lives && !before)
        strike();
    world_note(i->number << 16 ^ 0x51);
    return 0;
}

/* ---- directories ----------------------------------------------------------------------------- */

static struct entry *find(struct inode *dir, const char *name)
{
    return disk_names_find(&dir->now, name);
}

static bool is_document(const char *name)
{
    return strncmp(name, "rfc", 3) == 0;
}

/* i NULL: the name goes. */
void disk_set(struct inode *dir, const char *name, struct inode *i)
{
    struct entry *e = find(dir, name);

    if (e != NULL)
        e->inode->visible -= is_document(name);
    if (i != NULL)
        i->visible += is_document(name);
    disk_names_set(&dir->now, name, i);
    dir->changed_ns = wall_ns(dir->disk->host);
}

void disk_change(struct inode *dir, const char *name, struct inode *i, bool goes_on)
{
    struct change *c;

    dir->log = must(realloc(dir->log, (dir->log_count + 1) * sizeof(*dir->log)));
    c = &dir->log[dir->log_count++];
    (void)snprintf(c->entry.name, sizeof(c->entry.name), "%s", name);
    c->entry.inode = i == NULL ? NULL : inode_ref(i);
    c->goes_on = goes_on;
    disk_set(dir, name, i);
    world_note(dir->number << 8 ^ (uint64_t)name[strlen(name) - 1]);
}

static struct inode *current_root(void)
{
    return task_proc()->disk->root;
}

/* The directory of that name; NULL: it is none. */
static struct inode *directory_of(const char *path)
{
    char name[NAME_SIZE];
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    (void)snprintf(name, sizeof(name), "%.*s", (int)len, path);

    struct entry *e = find(current_root(), name);

    return e == NULL ? NULL : e->inode;
}

/* The directory that path is in; *name: what it is called there. */
static struct inode *split(const char *path, const char **name)
{
    char dir[NAME_SIZE];
    const char *slash = strrchr(path, '/');

    (void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
    *name = slash + 1;

    struct entry *e = find(current_root(), dir);

    if (e == NULL)
        errno = ENOENT;
    return e == NULL ? NULL : e->inode;
}

struct inode *file_open_at(struct inode *dir, const char *name, int flags, mode_t mode)
{
    struct entry *e = strcmp(name, ".") == 0 ? NULL : find(dir, name);
    struct inode *i = strcmp(name, ".") == 0 ? dir : e == NULL ? NULL : e->inode;

    (void)mode;
    if (i == NULL && (flags & O_CREAT) == 0) {
        errno = ENOENT;
        return NULL;
    }
    if (i == NULL) {
        if (!survives(dir->disk))
            strike();
        i = disk_inode_new(dir->disk, false);
        disk_change(dir, name, i, false);
        return i;
    }
    if ((flags & O_TRUNC) != 0)
        (void)inode_truncate(i, 0);
    return inode_ref(i);
}

struct inode *file_open(const char *path, int flags, mode_t mode)
{
    const char *name;
    struct inode *dir = directory_of(path);

    if (dir != NULL)
        return inode_ref(dir);
    dir = split(path, &name);

    return dir == NULL ? NULL : file_open_at(dir, name, flags, mode);
}

int file_unlink_at(struct inode *dir, const char *name)
{
    if (find(dir, name) == NULL) {
        errno = ENOENT;
        return -1;
    }
    if (!survives(dir->disk))
        strike();
    disk_change(dir, name, NULL, false);
    return 0;
}

int file_unlink(const char *path)
{
    const char *name;
    struct inode *dir = split(path, &name);

    return dir == NULL ? -1 : file_unlink_at(dir, name);
}

int file_rename_at(struct inode *dir, const char *from, const char *to)
{
    struct entry *e = find(dir, from);

    if (e == NULL) {
        errno = ENOENT;
        return -1;
    }

    struct inode *i = inode_ref(e->inode);
    bool lives = survives(dir->disk), before = !lives && chance(500);

    if (before)
        strike();
    disk_change(dir, to, i, true);
    disk_change(dir, from, NULL, false);
    if (is_document(to))
        rules_on_visible(dir->disk, to, i);
    inode_unref(i);
    if (!lives && !before)
        strike();
    return 0;
}

int file_rename(const char *from, const char *to)
{
    const char *name, *other;
    struct inode *dir = split(from, &name);

    return dir == NULL || split(to, &other) != dir ? -1 : file_rename_at(dir, name, other);
}

/* What lies around the state and the library was there before. */
int file_make_directory(const char *path)
{
    if (directory_of(path) != NULL) {
        errno = EEXIST;
        return -1;
    }
    disk_make_directory(task_proc()->disk, path);
    return 0;
}

int file_stat_at(struct inode *dir, const char *name, struct stat *st)
{
    struct entry *e = find(dir, name);

    if (e == NULL) {
        errno = ENOENT;
        return -1;
    }
    inode_stat(e->inode, st);
    return 0;
}

int file_stat(const char *path, struct stat *st)
{
    const char *name;
    struct inode *dir = directory_of(path);

    if (dir != NULL) {
        inode_stat(dir, st);
        return 0;
    }
    dir = split(path, &name);

    return dir == NULL ? -1 : file_stat_at(dir, name, st);
}

int file_sync_directory(const char *path)
{
    const char *name;
    struct inode *dir = split(path, &name);

    return dir == NULL ? -1 : inode_sync(dir);
}

int file_sync_all(void)
{
    struct inode *root = current_root();

    for (size_t k = 0; k < root->now.count; k++) {
        struct inode *dir = root->now.entry[k].inode;

        for (size_t n = 0; n < dir->now.count; n++)
            if (inode_sync(dir->now.entry[n].inode) != 0)
                return -1;
        disk_sync_now(dir);
    }
    return 0;
}

const char *inode_name(struct inode *dir, size_t at)
{
    return at < dir->now.count ? dir->now.entry[at].name : NULL;
}

/* ---- disks ----------------------------------------------------------------------------------- */

struct disk *disk_new(struct host *h)
{
    struct disk *d = must(calloc(1, sizeof(*d)));

    d->host = h;
    d->root = disk_inode_new(d, true);
    return d;
}

void disk_free(struct disk *d)
{
    if (d == NULL)
        return;
    inode_unref(d->root);
    free(d);
}

void disk_make_directory(struct disk *d, const char *path)
{
    struct inode *dir = disk_inode_new(d, true);

    disk_names_set(&d->root->now, path, dir);
    inode_unref(dir);
}

void disk_put(struct disk *d, const char *path, const void *bytes, size_t len)
{
    const char *slash = strrchr(path, '/');
    char dir[NAME_SIZE];
    struct inode *i = disk_inode_new(d, false);

    (void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
    put(i, bytes, len, 0);
    disk_sync_now(i);
    disk_set(find(d->root, dir)->inode, slash + 1, i);
    disk_names_set(&find(d->root, dir)->inode->synced, slash + 1, i);
    inode_unref(i);
}

void disk_walk(struct disk *d, const char *dir,
               void (*visit)(void *arg, const char *name, struct inode *i), void *arg)
{
    struct inode *at = find(d->root, dir)->inode;

    for (size_t k = 0; k < at->now.count; k++)
        visit(arg, at->now.entry[k].name, at->now.entry[k].inode);
}
