/* The experiment's numbers for other programs: CSV and JSON. Pure. */
#include "internal.h"

#include "p2pdi/base/json.h"
#include "p2pdi/report/report.h"

void report_csv_files(struct buf *out, const struct experiment *e)
{
    buf_append_str(
        out, "task,peer,order,rfc,holder,bytes,wire_bytes,us,cumulative_us,at_us,published_us\n");
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        for (size_t i = 0; e->runs[t] != NULL && i < e->peers; i++) {
            const struct experiment_peer *p = &e->runs[t]->peer[i];
            int64_t cumulative = 0;

            for (size_t k = 0; k < p->count; k++) {
                const struct experiment_file *f = &p->files[k];

                cumulative += f->us;
                buf_printf(out, "%s,P%zu,%zu,%u,P%u,%llu,%llu,%lld,%lld,%lld,%lld\n",
                           experiment_task_name(t), i, k + 1, f->rfc, f->holder,
                           (unsigned long long)f->bytes, (unsigned long long)f->wire_bytes,
                           (long long)f->us, (long long)cumulative, (long long)f->at_us,
                           (long long)f->published_us);
            }
        }
    }
}

void report_csv_matrix(struct buf *out, const struct experiment *e)
{
    buf_append_str(out, "task,peer");
    for (size_t i = 0; i < e->peers; i++)
        buf_printf(out, ",P%zu", i);
    buf_append_str(out, ",total,elapsed\n");
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        for (size_t i = 0; e->runs[t] != NULL && i < e->peers; i++) {
            const struct experiment_peer *p = &e->runs[t]->peer[i];

            if (p->count == 0)
                continue;
            buf_printf(out, "%s,P%zu", experiment_task_name(t), i);
            for (size_t holder = 0; holder < e->peers; holder++)
                buf_printf(out, ",%lld", (long long)peer_sum_from_us(p, holder));
            buf_printf(out, ",%lld,%lld\n", (long long)peer_sum_us(p), (long long)p->elapsed_us);
        }
    }
}

static void put_name(struct buf *out, const char *key, size_t peer)
{
    char name[PEER_NAME_SIZE];

    peer_name(peer, name);
    json_text(out, key, name);
}

static void put_peer(struct buf *out, const struct experiment_peer *p, size_t index)
{
    json_object_begin(out, NULL);
    put_name(out, "peer", index);
    json_i64(out, "elapsed_us", p->elapsed_us);
    json_i64(out, "sum_us", peer_sum_us(p));
    json_array_begin(out, "files");
    for (size_t k = 0; k < p->count; k++) {
        const struct experiment_file *f = &p->files[k];

        json_object_begin(out, NULL);
        json_u64(out, "rfc", f->rfc);
        put_name(out, "from", f->holder);
        json_u64(out, "bytes", f->bytes);
        json_u64(out, "wire_bytes", f->wire_bytes);
        json_i64(out, "us", f->us);
        json_i64(out, "at_us", f->at_us);
        json_i64(out, "published_us", f->published_us);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

static void put_run(struct buf *out, const struct experiment *e, enum experiment_task task)
{
    struct run_totals totals = run_totals(e, task);

    json_object_begin(out, NULL);
    json_text(out, "task", experiment_task_name(task));
    json_text(out, "title", experiment_task_title(task));
    put_name(out, "slowest_peer", totals.slowest);
    json_i64(out, "slowest_us", totals.slowest_us);
    json_i64(out, "sum_us", totals.sum_us);
    json_u64(out, "files", totals.files);
    json_u64(out, "bytes", totals.bytes);
    json_u64(out, "wire_bytes", totals.wire_bytes);
    json_array_begin(out, "peers");
    for (size_t i = 0; i < e->peers; i++) {
        if (e->runs[task]->peer[i].count > 0)
            put_peer(out, &e->runs[task]->peer[i], i);
    }
    json_array_end(out);
    json_object_end(out);
}

void report_json(struct buf *out, const struct experiment *e)
{
    char when[TEXT_RFC3339_SIZE];

    text_format_rfc3339(e->started_s, when);
    json_object_begin(out, NULL);
    json_u64(out, "v", 1);
    json_text(out, "event", "experiment");
    json_text(out, "started", when);
    json_text(out, "version", e->version);
    json_text(out, "machine", e->machine);
    json_text(out, "documents", e->documents);
    json_u64(out, "seed", e->seed);
    json_u64(out, "peers", e->peers);
    json_u64(out, "files", e->files);
    json_u64(out, "up_bytes_per_s", e->up_bps); /* 0: no limit */
    json_array_begin(out, "runs");
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        if (e->runs[t] != NULL)
            put_run(out, e, t);
    }
    json_array_end(out);
    json_object_end(out);
    buf_append_char(out, '\n');
}
