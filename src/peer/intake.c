/*
 * A body on its way into the library. A small document is gathered in memory and then decoded and
 * stored in one go, which costs less than piece by piece. One that takes its time goes into its part as
 * it comes, so that progress shows and little is lost should we be killed.
 */
#include "intake.h"

#include <stdlib.h>
#include <string.h>

#define GATHER_MAX SCHED_HELP_MIN /* larger ones may come from several holders */
#define GATHER_US (100 * CLOCK_US_PER_MS)

static bool may_gather(struct intake *in, const struct flight *f)
{
    uint64_t size = f->request.size_bytes;
    if (f->helps || f->have > 0 || f->tail != NULL || size == 0 || size >= GATHER_MAX)
        return false;
    if (in->text == NULL)
        in->text = malloc(GATHER_MAX);
    return in->text != NULL;
}

void intake_begin(struct intake *in, struct flight *f, const struct wire_response *head)
{
    uint64_t size = f->request.size_bytes;
    in->flight = f;
    in->local = DI_OK;
    in->coded = head->encoding != WIRE_IDENTITY;
    in->needs_dict = head->encoding == WIRE_DCZ;
    in->text_len = 0;
    in->gathers = may_gather(in, f);
    in->gather_until_us = clock_mono_us() + GATHER_US;
    if (!in->coded)
        return;
    /* It is kept as it comes, if it can be. */
    in->frame.max = size <= FRAMES_DOCUMENT_MAX ? (size_t)head->content_length : 0;
    (void)buf_reserve(&in->frame, in->frame.max);
    if (in->decoder == NULL)
        in->local = decoder_new(&in->decoder);
    if (in->local == DI_OK)
        in->local = decoder_begin(in->decoder, in->needs_dict ? f->dict : NULL, size);
}

/* ---- in pieces ------------------------------------------------------------------------------- */

static enum di_err store(void *arg, const void *bytes, size_t len)
{
    struct intake *in = arg;
    struct flight *f = in->flight;
    if (f->helps) {
        in->local = library_tail_write(f->tail, f->have, bytes, len);
        f->have += len;
        return in->local;
    }
    in->local = library_part_append(f->part, bytes, len);
    if (in->local == DI_OK)
        link_progress(in->link, f, len);
    return in->local;
}

/* Only the other side's fault is returned. */
static enum di_err pass_on(struct intake *in, const char *bytes, size_t len)
{
    enum di_err err =
        in->coded ? decoder_feed(in->decoder, bytes, len, store, in) : store(in, bytes, len);
    return in->local == DI_OK ? err : DI_OK;
}

/* From here on it goes into the part as it comes, what was gathered first. */
static enum di_err spill(struct intake *in)
{
    in->gathers = false;
    if (in->coded)
        return in->frame.len > 0 ? pass_on(in, buf_bytes(&in->frame), in->frame.len) : DI_OK;
    return in->text_len > 0 ? pass_on(in, in->text, in->text_len) : DI_OK;
}

/* ---- gathered -------------------------------------------------------------------------------- */

/* No memory for the frame: the bytes are still here, so it goes on in pieces. */
static enum di_err gather_frame(struct intake *in, const char *bytes, size_t len)
{
    buf_append(&in->frame, bytes, len);
    if (buf_status(&in->frame) == DI_OK)
        return DI_OK;
    enum di_err err = spill(in);
    return err == DI_OK && in->local == DI_OK ? pass_on(in, bytes, len) : err;
}

static enum di_err gather(struct intake *in, const char *bytes, size_t len)
{
    if (in->coded)
        return gather_frame(in, bytes, len);
    memcpy(in->text + in->text_len, bytes, len);
    in->text_len += len;
    return DI_OK;
}

static enum di_err store_text(struct intake *in)
{
    struct flight *f = in->flight;
    enum di_err err = DI_OK;
    in->gathers = false;
    if (in->coded)
        err = decoder_whole(in->decoder, buf_bytes(&in->frame), in->frame.len, in->text);
    if (err != DI_OK)
        return err;
    in->local = library_part_fill(f->part, in->text);
    if (in->local == DI_OK)
        link_progress(in->link, f, (size_t)f->request.size_bytes);
    return DI_OK;
}

/* ---- intake.h -------------------------------------------------------------------------------- */

enum di_err intake_take(struct intake *in, const char *bytes, size_t len)
{
    in->flight->wire += len;
    if (in->local != DI_OK)
        return DI_OK;
    if (in->gathers)
        return gather(in, bytes, len);
    enum di_err err = pass_on(in, bytes, len);
    if (err == DI_OK && in->coded)
        buf_append(&in->frame, bytes, len);
    return err;
}

int64_t intake_due_us(const struct intake *in)
{
    return in->gathers && in->local == DI_OK ? in->gather_until_us : INT64_MAX;
}

enum di_err intake_on_time(struct intake *in, int64_t now_us)
{
    return now_us >= intake_due_us(in) ? spill(in) : DI_OK;
}

enum di_err intake_end(struct intake *in)
{
    if (in->local != DI_OK)
        return DI_OK;
    if (in->gathers)
        return store_text(in);
    return in->coded && !decoder_is_complete(in->decoder) ? DI_PROTOCOL : DI_OK;
}

void intake_break(struct intake *in)
{
    if (in->gathers && in->local == DI_OK)
        (void)spill(in);
}

void intake_keep_frame(struct intake *in)
{
    const struct flight *f = in->flight;
    if (in->coded && in->frame.len > 0 && buf_status(&in->frame) == DI_OK)
        frames_put(in->link->peer->frames, &f->request.edition, f->request.size_bytes,
                   in->needs_dict ? f->dict : NULL, buf_bytes(&in->frame), in->frame.len);
}

void intake_drop(struct intake *in)
{
    buf_clear(&in->frame);
    if (in->frame.cap > GATHER_MAX)
        buf_fini(&in->frame);
    in->coded = in->gathers = false;
    in->flight = NULL;
}

void intake_fini(struct intake *in)
{
    buf_fini(&in->frame);
    free(in->text);
    decoder_free(in->decoder);
    *in = (struct intake){0};
}
