/*
 * Making verified parts visible, in three steps, so that nobody waits for the disk without need:
 *
 *     offer     library thread   listed under the hidden name: served from now on
 *     commit    publisher        data on disk, rename, directory on disk; a batch at a time
 *     settle    library thread   listed under its own name, told; or taken out again
 *
 * What has come whole and verified is true whatever happens to our disk, so others may have it at
 * once; who asked for it here is told when it is safe. Offers are gathered for OFFER_GAP_US, since
 * each costs everybody a message, and commits for COMMIT_GAP_US, since each costs the disk a flush; but
 * only while more is on its way.
 *
 * Syncing files one by one costs a flush of the disk for each. From SYNC_ALL on the whole file
 * system is synced instead: one flush, though it also waits for what others have written there.
 * tests/bench/bench_publish on ext4, 2,500 documents, medians of 7: 4,900 documents/s with
 * syncfs from 16 on (4,670 from 2 on, 4,070 from 64 on), 1,280 one by one.
 *
 * A number that is held under another name (8609_title.txt) goes over to the published rfcN.txt,
 * since that name goes before all others; the other file is left as it is.
 */
#include "library_impl.h"
#include "titles.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYNC_ALL 16 /* documents in a batch */
#define QUEUE_MIN 8
#define QUEUE_MAX 1024 /* each holds a descriptor */
#define OFFER_GAP_US (20 * CLOCK_US_PER_MS)
#define LAST_GAP_US (4 * CLOCK_US_PER_MS) /* of offers, while no more is coming */
#define COMMIT_GAP_US (250 * CLOCK_US_PER_MS)
#define COMMIT_FULL ((size_t)128) /* documents that wait for no more */

/* ---- the three queues ----------------------------------------------------------------------- */

static void append(struct part_queue *q, struct library_part *p)
{
    p->next = NULL;
    if (q->first == NULL)
        q->first = p;
    else
        q->last->next = p;
    q->last = p;
}

static struct library_part *take_locked(struct library *lib, struct part_queue *q)
{
    lock_assert_held(&lib->lock);
    struct library_part *batch = q->first;
    *q = (struct part_queue){NULL, NULL};
    return batch;
}

static struct library_part *take(struct library *lib, struct part_queue *q)
{
    lock_acquire(&lib->lock);
    struct library_part *batch = take_locked(lib, q);
    lock_release(&lib->lock);
    return batch;
}

void publish_expect(struct library *lib)
{
    lock_acquire(&lib->lock);
    lib->coming++;
    lock_release(&lib->lock);
}

/* True if that was the last: what has waited for more is due. */
static bool expect_no_more_locked(struct library *lib)
{
    lock_assert_held(&lib->lock);
    if (--lib->coming > 0)
        return false;
    cond_signal(&lib->commit_cond);
    return true;
}

void publish_expect_no_more(struct library *lib)
{
    lock_acquire(&lib->lock);
    bool last = expect_no_more_locked(lib);
    lock_release(&lib->lock);
    if (last)
        library_wake(lib);
}

void library_publish(struct library *lib, struct library_part *p, const char *title,
                     void (*done)(void *arg, enum di_err err), void *arg)
{
    (void)text_clean(p->title, sizeof p->title, slice_of(title));
    p->done = done;
    p->arg = arg;
    lock_acquire(&lib->lock);
    while (lib->publish_count >= lib->publish_max)
        cond_wait(&lib->publish_room, &lib->lock);
    lib->publish_count++;
    bool first = lib->to_offer.first == NULL;
    append(&lib->to_offer, p);
    lib->offer_count++;
    p->expected = false;
    bool last = expect_no_more_locked(lib);
    lock_release(&lib->lock);
    if (first || last)
        library_wake(lib);
}

/* ---- offer ---------------------------------------------------------------------------------- */

static bool look_at(struct library_part *p, struct file_id *id)
{
    char head[TITLE_HEAD_BYTES];
    struct stat st;
    if (fstat(p->fd, &st) != 0)
        return false;
    file_id_from_stat(&st, id);
    if (p->own_title[0] != '\0')
        return true;
    ssize_t n = pread(p->fd, head, sizeof head, 0);
    if (n < 0)
        return false;
    if (!title_from_head((struct slice){head, (size_t)n}, p->own_title))
        (void)snprintf(p->own_title, sizeof p->own_title, "%s", p->title);
    return true;
}

static struct doc *list_as(struct library *lib, const struct library_part *p, const char *file,
                           const struct file_id *id)
{
    char name[NAME_PLAIN_SIZE];
    char title[LIBRARY_TITLE_SIZE];
    const struct doc_name parsed = {.rfc = p->rfc, .format = LIBRARY_TXT, .rank = NAME_PLAIN};
    name_format_plain(p->rfc, LIBRARY_TXT, name);
    library_title(lib, name, p->rfc, p->own_title, title);
    struct doc *d = doc_new(file, &parsed, id, &p->edition, title);
    if (d != NULL) {
        d->landing = file == p->name;
        library_put(lib, d);
    }
    return d;
}

/* Without it the document is listed when it has settled. */
static void offer(struct library *lib, struct library_part *p)
{
    struct file_id id;
    p->err = !p->verified ? DI_INVALID : lib->gone ? DI_NOT_FOUND : DI_OK;
    p->replaces = library_peek(lib, doc_key(p->rfc, LIBRARY_TXT)) != NULL;
    if (p->err == DI_OK && look_at(p, &id))
        p->is_offered = list_as(lib, p, p->name, &id) != NULL;
}

static void offer_queued(struct library *lib)
{
    struct library_part *batch = take(lib, &lib->to_offer);
    if (batch == NULL)
        return;
    lib->offer_us = clock_mono_us() + OFFER_GAP_US;
    for (struct library_part *p = batch; p != NULL; p = p->next)
        offer(lib, p);
    lock_acquire(&lib->lock);
    while (batch != NULL) {
        struct library_part *next = batch->next;
        append(&lib->to_commit, batch);
        lib->offer_count--;
        lib->commit_count++;
        batch = next;
    }
    cond_signal(&lib->commit_cond);
    lock_release(&lib->lock);
}

/* ---- commit --------------------------------------------------------------------------------- */

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

static void commit(struct library *lib, struct library_part *batch)
{
    sync_data(lib, batch);
    rename_all(lib, batch);
    sync_directory(lib, batch);
}

/* While more is coming what has come waits for it, though not for long. */
static int64_t ripe_us_locked(struct library *lib)
{
    /* What waits has a descriptor: where these are few nothing waits. */
    size_t full = lib->publish_max < 2 * COMMIT_FULL ? 1 : COMMIT_FULL;
    lock_assert_held(&lib->lock);
    bool all = lib->coming == 0 && lib->offer_count == 0;
    if (all || lib->commit_count >= full || lib->publisher_stop)
        return 0;
    return lib->commit_us + COMMIT_GAP_US;
}

/* NULL: the library closes. */
static struct library_part *wait_for_batch_locked(struct library *lib)
{
    lock_assert_held(&lib->lock);
    for (;;) {
        int64_t now_us = clock_mono_us();
        if (lib->to_commit.first == NULL && lib->publisher_stop)
            return NULL;
        if (lib->to_commit.first == NULL) {
            cond_wait(&lib->commit_cond, &lib->lock);
        } else if (now_us < ripe_us_locked(lib)) {
            (void)cond_wait_until(&lib->commit_cond, &lib->lock, ripe_us_locked(lib));
        } else {
            lib->commit_us = now_us;
            lib->commit_count = 0;
            return take_locked(lib, &lib->to_commit);
        }
    }
}

static void run_publisher(void *arg)
{
    struct library *lib = arg;
    lock_acquire(&lib->lock);
    for (;;) {
        struct library_part *batch = wait_for_batch_locked(lib);
        if (batch == NULL)
            break;
        lock_release(&lib->lock);
        commit(lib, batch);
        lock_acquire(&lib->lock);
        while (batch != NULL) {
            struct library_part *next = batch->next;
            append(&lib->to_settle, batch);
            batch = next;
        }
        lock_release(&lib->lock);
        library_wake(lib);
        lock_acquire(&lib->lock);
    }
    lock_release(&lib->lock);
}

/* ---- settle --------------------------------------------------------------------------------- */

/* What it is listed as since it was offered; NULL: it was not. */
static const struct doc *offered_as(struct library *lib, const struct library_part *p)
{
    const struct doc *d = library_peek(lib, doc_key(p->rfc, LIBRARY_TXT));
    return d != NULL && d->landing && strcmp(d->name, p->name) == 0 ? d : NULL;
}

/* As if somebody else had put there what lies there now. */
static void list_anew(struct library *lib, const struct library_part *p, const char *name)
{
    uint32_t key = doc_key(p->rfc, LIBRARY_TXT);
    if (offered_as(lib, p) != NULL)
        library_remove(lib, key);
    library_look(lib, name);
    if (p->replaces && library_peek(lib, key) == NULL)
        lib->rescan = true; /* it has another name */
}

/* Has nobody taken it away, replaced it or written to it since? What the watch told of that meanwhile was
 * not looked at. */
static bool is_untouched(struct library *lib, struct library_part *p, const char *name,
                         struct file_id *id)
{
    struct file_id there;
    const struct doc *d = offered_as(lib, p);
    return d != NULL && look_at(p, id) && doc_is_file(d, id) &&
           beneath_stat(lib->dir_fd, name, &there) == DI_OK && file_id_equal(&there, id);
}

static void list_settled(struct library *lib, struct library_part *p)
{
    char name[NAME_PLAIN_SIZE];
    struct file_id id;
    name_format_plain(p->rfc, LIBRARY_TXT, name);
    if (!is_untouched(lib, p, name, &id)) {
        list_anew(lib, p, name);
        return;
    }
    library_remember(lib, name, &id, &p->edition, p->own_title);
    (void)list_as(lib, p, name, &id);
}

/* What lies there, from before or because only the last step failed, is listed again. */
static void take_back(struct library *lib, const struct library_part *p)
{
    char name[NAME_PLAIN_SIZE];
    name_format_plain(p->rfc, LIBRARY_TXT, name);
    if (offered_as(lib, p) != NULL)
        list_anew(lib, p, name);
}

static void settle(struct library *lib, struct library_part *p)
{
    void (*done)(void *arg, enum di_err err) = p->done;
    void *arg = p->arg;
    enum di_err err = p->err;
    if (err == DI_OK)
        list_settled(lib, p);
    else if (p->is_offered)
        take_back(lib, p);
    if (p->doubtful)
        library_part_discard(p);
    else
        part_close(p);
    done(arg, err);
}

static void settle_queued(struct library *lib)
{
    struct library_part *batch = take(lib, &lib->to_settle);
    size_t count = 0;
    for (; batch != NULL; count++) {
        struct library_part *next = batch->next;
        settle(lib, batch);
        batch = next;
    }
    if (count == 0)
        return;
    lock_acquire(&lib->lock);
    lib->publish_count -= count;
    cond_broadcast(&lib->publish_room);
    lock_release(&lib->lock);
}

/* ---- library_impl.h ------------------------------------------------------------------------- */

enum di_err publish_start(struct library *lib)
{
    lib->publish_max = file_quarter(QUEUE_MIN, QUEUE_MAX);
    return lib->write ? thread_start(&lib->publisher, "publisher", run_publisher, lib) : DI_OK;
}

void publish_stop(struct library *lib)
{
    if (!lib->write)
        return;
    offer_queued(lib);
    lock_acquire(&lib->lock);
    lib->publisher_stop = true;
    cond_signal(&lib->commit_cond);
    lock_release(&lib->lock);
    thread_join(&lib->publisher);
    settle_queued(lib);
}

void publish_queued(struct library *lib)
{
    settle_queued(lib);
    if (clock_mono_us() >= publish_due_us(lib))
        offer_queued(lib);
}

int64_t publish_due_us(struct library *lib)
{
    lock_acquire(&lib->lock);
    int64_t due_us = lib->to_offer.first == NULL ? INT64_MAX : lib->offer_us;
    if (due_us != INT64_MAX && lib->coming == 0)
        due_us -= OFFER_GAP_US - LAST_GAP_US;
    lock_release(&lib->lock);
    return due_us;
}
