/*
 * Making verified parts visible. What has queued up is one batch, and the order is always: data
 * on disk, rename, directory on disk, listed, told. Run by the library's thread.
 *
 * Syncing files one by one costs a flush of the disk for each. From SYNC_ALL on the whole file
 * system is synced instead: one flush, though it also waits for what others have written there.
 * tests/bench/bench_publish on ext4, 2,500 documents, medians of 7: 4,900 documents/s with
 * syncfs from 16 on (4,670 from 2 on, 4,070 from 64 on), 1,280 one by one.
 *
 * A number that is held under another name (8609_title.txt) goes over to the published rfcN.txt,
 * since that name goes before all others; the other file is left as it is.
 */
#include "part.h"

#include "library_impl.h"
#include "titles.h"

#include "p2pdi/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SYNC_ALL 16   /* documents in a batch */
#define QUEUE_MAX 256 /* each holds a descriptor */

void library_publish(struct library *lib, struct library_part *p, const char *title,
                     void (*done)(void *arg, enum di_err err), void *arg)
{
    (void)text_clean(p->title, sizeof p->title, slice_of(title));
    p->done = done;
    p->arg = arg;
    p->next = NULL;
    lock_acquire(&lib->lock);
    while (lib->publish_count >= QUEUE_MAX)
        cond_wait(&lib->publish_room, &lib->lock);
    lib->publish_count++;
    bool first = lib->publish_first == NULL;
    if (first)
        lib->publish_first = p;
    else
        lib->publish_last->next = p;
    lib->publish_last = p;
    lock_release(&lib->lock);
    if (first)
        library_wake(lib);
}

static struct library_part *take_queue(struct library *lib)
{
    lock_acquire(&lib->lock);
    struct library_part *batch = lib->publish_first;
    lib->publish_first = NULL;
    lib->publish_last = NULL;
    lib->publish_count = 0;
    cond_broadcast(&lib->publish_room);
    lock_release(&lib->lock);
    return batch;
}

/* errno is that of the failed sync. */
static void fail_part(struct library_part *p)
{
    p->err = di_err_from_errno(errno);
    p->doubtful = true;
}

static void sync_each(struct library_part *batch)
{
    /* Write-back of all begins before the first is waited for. */
    for (struct library_part *p = batch; p != NULL; p = p->next)
        (void)sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    for (struct library_part *p = batch; p != NULL; p = p->next)
        if (p->err == DI_OK && fdatasync(p->fd) != 0)
            fail_part(p);
}

/* False if something on the file system could not be written: then each file has to say whether
 * it was that. */
static bool sync_all(struct library *lib, struct library_part *batch)
{
    if (syncfs(lib->dir_fd) != 0)
        return false;
    /* Kernels before 5.8 do not tell of lost writes by syncfs, but each file remembers its own. */
    for (struct library_part *p = batch; p != NULL; p = p->next)
        if (p->err == DI_OK && sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) != 0 &&
            (errno == EIO || errno == ENOSPC || errno == EDQUOT))
            fail_part(p);
    return true;
}

static void sync_data(struct library *lib, struct library_part *batch)
{
    size_t count = 0;
    for (const struct library_part *p = batch; p != NULL; p = p->next)
        count++;
    if (count < SYNC_ALL || !sync_all(lib, batch))
        sync_each(batch);
}

static void rename_all(struct library *lib, struct library_part *batch)
{
    for (struct library_part *p = batch; p != NULL; p = p->next) {
        char name[NAME_PLAIN_SIZE];
        name_format_plain(p->rfc, LIBRARY_TXT, name);
        if (p->err == DI_OK && renameat(lib->dir_fd, p->name, lib->dir_fd, name) != 0)
            p->err = di_err_from_errno(errno);
    }
}

static void sync_directory(struct library *lib, struct library_part *batch)
{
    if (fsync(lib->dir_fd) == 0)
        return;
    enum di_err err = di_err_from_errno(errno);
    for (struct library_part *p = batch; p != NULL; p = p->next)
        if (p->err == DI_OK)
            p->err = err;
}

static void list_part(struct library *lib, const struct library_part *p)
{
    char name[NAME_PLAIN_SIZE];
    char head[TITLE_HEAD_BYTES];
    char own[LIBRARY_TITLE_SIZE];
    char title[LIBRARY_TITLE_SIZE];
    struct stat st;
    struct file_id id;
    struct doc_name parsed = {.rfc = p->rfc, .format = LIBRARY_TXT, .rank = NAME_PLAIN};
    name_format_plain(p->rfc, LIBRARY_TXT, name);
    ssize_t n = pread(p->fd, head, sizeof head, 0);
    if (fstat(p->fd, &st) != 0 || n < 0)
        return; /* its inotify event will list it */
    file_id_from_stat(&st, &id);
    if (!title_from_head((struct slice){head, (size_t)n}, own))
        (void)snprintf(own, sizeof own, "%s", p->title);
    library_remember(lib, name, &id, &p->edition, own);
    library_title(lib, name, p->rfc, own, title);
    struct doc *d = doc_new(name, &parsed, &id, &p->edition, title);
    if (d != NULL)
        library_put(lib, d);
}

static void finish(struct library_part *p)
{
    void (*done)(void *arg, enum di_err err) = p->done;
    void *arg = p->arg;
    enum di_err err = p->err;
    if (p->doubtful)
        library_part_discard(p);
    else
        part_close(p);
    done(arg, err);
}

void publish_queued(struct library *lib)
{
    struct library_part *batch = take_queue(lib);
    if (batch == NULL)
        return;
    for (struct library_part *p = batch; p != NULL; p = p->next)
        p->err = !p->verified ? DI_INVALID : lib->gone ? DI_NOT_FOUND : DI_OK;
    sync_data(lib, batch);
    rename_all(lib, batch);
    sync_directory(lib, batch);
    for (struct library_part *p = batch; p != NULL; p = p->next)
        if (p->err == DI_OK)
            list_part(lib, p);
    while (batch != NULL) {
        struct library_part *next = batch->next;
        finish(batch);
        batch = next;
    }
}
