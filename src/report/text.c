/* The experiment's report as text tables for a terminal of 80 columns. Pure. */
#include "internal.h"

#include "p2pdi/base/text.h"
#include "p2pdi/report/report.h"

#define COLUMNS 80

static void format_heading(struct buf *out, const struct experiment *e)
{
    char when[TEXT_RFC3339_SIZE], links[LINKS_SIZE];

    text_format_rfc3339(e->started_s, when);
    links_format(e, links);
    buf_printf(out, "P2P-DI experiment: %zu peers, %zu files each\n", e->peers, e->files);
    buf_printf(out, "Documents  %s\n", e->documents);
    buf_printf(out, "Machine    %s\n", e->machine);
    buf_printf(out, "Links      %s\n", links);
    buf_printf(out, "Program    p2pdi %s, seed %llu, %s\n", e->version, (unsigned long long)e->seed,
               when);
}

/* Every document of every peer: its number, holder, size, own time, cumulative time. */
static void files_table(struct buf *out, const struct experiment *e, enum experiment_task task)
{
    const struct experiment_run *run = e->runs[task];

    buf_append_str(out, "Peer   No.    RFC  From      Bytes     On wire       Time  Cumulative"
                        "      Clock\n");
    for (size_t i = 0; i < e->peers; i++) {
        const struct experiment_peer *p = &run->peer[i];
        char name[PEER_NAME_SIZE], from[PEER_NAME_SIZE];
        int64_t cumulative = 0;

        peer_name(i, name);
        for (size_t k = 0; k < p->count; k++) {
            const struct experiment_file *f = &p->files[k];
            char own[SECONDS_SIZE], sum[SECONDS_SIZE], at[SECONDS_SIZE];

            cumulative += f->us;
            peer_name(f->holder, from);
            seconds_format(f->us, 6, own);
            seconds_format(cumulative, 6, sum);
            seconds_format(f->at_us, 6, at);
            buf_printf(out, "%-4s %5zu  %5u  %-4s  %9llu  %10llu  %9s  %10s  %9s\n", name, k + 1,
                       f->rfc, from, (unsigned long long)f->bytes,
                       (unsigned long long)f->wire_bytes, own, sum, at);
        }
    }
}

/* Columns of seconds, all of one width and one number of decimals. */
struct layout {
    unsigned decimals;
    int width;
};

/*
 * A column for each peer, the total and the elapsed time, two blanks before each, one more before
 * the last. As many decimals as leave the table within the screen, but three at least.
 */
static struct layout matrix_layout(const struct experiment *e, enum experiment_task task)
{
    struct layout l = {.decimals = 6};
    int64_t largest = 0;
    int whole = 1;

    for (size_t i = 0; i < e->peers; i++) {
        const struct experiment_peer *p = &e->runs[task]->peer[i];
        int64_t sum = peer_sum_us(p);

        largest = sum > largest ? sum : largest;
        largest = p->elapsed_us > largest ? p->elapsed_us : largest;
    }
    for (int64_t s = seconds_round(largest, 3) / 1000000; s >= 10; s /= 10)
        whole++;
    for (;; l.decimals--) {
        l.width = whole + 1 + (int)l.decimals;
        if (4 + (int)(e->peers + 2) * (l.width + 2) + 1 <= COLUMNS || l.decimals == 3)
            return l;
    }
}

static void put_cell(struct buf *out, struct layout l, int64_t us)
{
    char text[SECONDS_SIZE];

    seconds_format(us, l.decimals, text);
    buf_printf(out, "  %*s", l.width, us == 0 ? "0" : text);
}

void report_matrix(struct buf *out, const struct experiment *e, enum experiment_task task)
{
    struct layout l = matrix_layout(e, task);
    int elapsed_width = l.width > 7 ? l.width : 7;
    char name[PEER_NAME_SIZE];

    buf_printf(out, "%-4s", "Time");
    for (size_t i = 0; i < e->peers; i++) {
        peer_name(i, name);
        buf_printf(out, "  %*s", l.width, name);
    }
    buf_printf(out, "  %*s   %*s\n", l.width, "Total", elapsed_width, "Elapsed");

    for (size_t i = 0; i < e->peers; i++) {
        const struct experiment_peer *p = &e->runs[task]->peer[i];
        char elapsed[SECONDS_SIZE];
        int64_t total = 0;

        if (p->count == 0)
            continue;
        peer_name(i, name);
        buf_printf(out, "%-4s", name);
        for (size_t holder = 0; holder < e->peers; holder++) {
            int64_t cell = seconds_round(peer_sum_from_us(p, holder), l.decimals);

            total += cell;
            put_cell(out, l, cell);
        }
        put_cell(out, l, total);
        seconds_format(p->elapsed_us, l.decimals, elapsed);
        buf_printf(out, "   %*s\n", elapsed_width, elapsed);
    }
}

/* Peer | Time: as the original's table of the centralised system. */
static void peers_table(struct buf *out, const struct experiment *e, enum experiment_task task)
{
    buf_append_str(out, "Peer       Time    Elapsed  Files  Bytes\n");
    for (size_t i = 0; i < e->peers; i++) {
        const struct experiment_peer *p = &e->runs[task]->peer[i];
        char name[PEER_NAME_SIZE], sum[SECONDS_SIZE], elapsed[SECONDS_SIZE];
        char human[TEXT_HUMAN_SIZE];
        uint64_t bytes = 0;

        if (p->count == 0)
            continue;
        for (size_t k = 0; k < p->count; k++)
            bytes += p->files[k].bytes;
        peer_name(i, name);
        seconds_format(peer_sum_us(p), 6, sum);
        seconds_format(p->elapsed_us, 6, elapsed);
        text_human_bytes(bytes, human);
        buf_printf(out, "%-4s  %9s  %9s  %5zu  %5s\n", name, sum, elapsed, p->count, human);
    }
}

/* At the start of a sentence, and inside one. */
static const char *system_name(enum experiment_task task, bool inside)
{
    static const struct {
        const char *start, *inside;
    } names[] = {
        [EXPERIMENT_CENTRALISED] = {"Centralised", "centralised"},
        [EXPERIMENT_BEST] = {"Distributed (best case)", "distributed (best case)"},
        [EXPERIMENT_WORST] = {"Distributed (worst case)", "distributed (worst case)"},
        [EXPERIMENT_SWARM] = {"The swarm", "the swarm"},
    };

    return inside ? names[task].inside : names[task].start;
}

static void put_sentence(struct buf *out, const struct experiment *e, enum experiment_task task)
{
    struct run_totals central = run_totals(e, EXPERIMENT_CENTRALISED);
    struct run_totals other = run_totals(e, task);
    bool other_wins = other.slowest_us < central.slowest_us;
    struct run_totals fast = other_wins ? other : central, slow = other_wins ? central : other;
    char fast_peer[PEER_NAME_SIZE], slow_peer[PEER_NAME_SIZE], ratio[SECONDS_SIZE] = "many";
    char fast_time[SECONDS_SIZE], slow_time[SECONDS_SIZE], less[SECONDS_SIZE];

    peer_name(fast.slowest, fast_peer);
    peer_name(slow.slowest, slow_peer);
    seconds_format(fast.slowest_us, 6, fast_time);
    seconds_format(slow.slowest_us, 6, slow_time);
    seconds_format(slow.slowest_us - fast.slowest_us, 6, less);
    if (fast.slowest_us > 0)
        ratio_format(slow.slowest_us, fast.slowest_us, ratio);

    if (fast.slowest_us == slow.slowest_us)
        buf_printf(out, "%s and centralised were equally fast: %s s.\n", system_name(task, false),
                   fast_time);
    else
        buf_printf(out,
                   "%s was faster than %s: the slowest peer took\n"
                   "  %s s (%s), not %s s (%s): %s times as fast, %s s less.\n",
                   system_name(other_wins ? task : EXPERIMENT_CENTRALISED, false),
                   system_name(other_wins ? EXPERIMENT_CENTRALISED : task, true), fast_time,
                   fast_peer, slow_time, slow_peer, ratio, less);
}

void report_sentences(struct buf *out, const struct experiment *e)
{
    if (e->runs[EXPERIMENT_CENTRALISED] == NULL)
        return;
    for (enum experiment_task t = EXPERIMENT_BEST; t < EXPERIMENT_TASKS; t++) {
        if (e->runs[t] != NULL)
            put_sentence(out, e, t);
    }
}

/* What the sentences compare, where it is not what they seem to: loopback is no network. */
static void put_caveat(struct buf *out, const struct experiment *e)
{
    bool compares = false;

    for (enum experiment_task t = EXPERIMENT_BEST; t < EXPERIMENT_TASKS; t++)
        compares = compares || e->runs[t] != NULL;
    if (e->up_bps != 0 || e->runs[EXPERIMENT_CENTRALISED] == NULL || !compares)
        return;
    buf_append_str(
        out, "No link was limited: on one machine this compares processors, disk and waiting,\n"
             "  not networks. With an uplink for each peer: p2pdi experiment --up 1m\n");
}

/* Run by run: what the sentences compare, and what the original added up. */
static void put_totals(struct buf *out, const struct experiment *e)
{
    buf_printf(out, "%-35s  %17s  %17s\n", "Seconds", "Slowest peer", "Sum of all times");
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        char slowest[SECONDS_SIZE], sum[SECONDS_SIZE], name[PEER_NAME_SIZE];

        if (e->runs[t] == NULL)
            continue;

        struct run_totals totals = run_totals(e, t);

        seconds_format(totals.slowest_us, 6, slowest);
        seconds_format(totals.sum_us, 6, sum);
        peer_name(totals.slowest, name);
        buf_printf(out, "%-35s  %-4s %12s  %17s\n", experiment_task_title(t), name, slowest, sum);
    }
}

void report_text(struct buf *out, const struct experiment *e, bool files)
{
    format_heading(out, e);
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        if (e->runs[t] == NULL)
            continue;
        buf_printf(out, "\n%s\n%s\n\n", experiment_task_title(t), experiment_task_line(t));
        if (files) {
            files_table(out, e, t);
            buf_append_char(out, '\n');
        }
        if (t == EXPERIMENT_CENTRALISED)
            peers_table(out, e, t);
        else
            report_matrix(out, e, t);
    }
    buf_append_char(out, '\n');
    put_totals(out, e);
    buf_append_char(out, '\n');
    report_sentences(out, e);
    put_caveat(out, e);
}

/* With their names, by which the sentences below call them. */
static void put_tasks(struct buf *out, const struct experiment *e)
{
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        char took[SECONDS_SIZE];

        if (e->runs[t] == NULL)
            continue;
        seconds_format_short(run_totals(e, t).slowest_us, took);
        buf_printf(out, "\n%s: %s until the last peer had everything\n%s\n",
                   experiment_task_title(t), took, experiment_task_line(t));
    }
}

void report_demo(struct buf *out, const struct experiment *e, const char *program)
{
    static const struct {
        const char *arguments, *what;
    } next[] = {
        {"experiment --up 1m --out R", "all experiments, with tables and plots"},
        {"rs", "a registration server for your network"},
        {"peer --share rfcs", "a peer that shares what lies in ./rfcs"},
        {"get 90001 --share mine", "a document from whoever has it, into ./mine"},
    };

    buf_printf(out,
               "What you saw: a registration server and %zu peers, as processes on this machine.\n"
               "Peers fetched %zu documents each (of %s):\n",
               e->peers, e->files, e->documents);
    put_tasks(out, e);
    if (e->up_bps != 0) {
        char rate[TEXT_HUMAN_SIZE];

        text_human_bytes(e->up_bps, rate);
        buf_printf(out, "\nNobody might send more than %s a second, so that one could watch.\n",
                   rate);
    }
    if (experiment_runs(e) > 1) {
        buf_append_char(out, '\n');
        report_sentences(out, e);
    }
    buf_append_str(out, "\nWhat to try next, the last three each in a terminal of its own:\n");
    for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++)
        buf_printf(out, "  %s %-26s  %s\n", program, next[i].arguments, next[i].what);
}
