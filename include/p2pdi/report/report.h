/*
 * What `p2pdi experiment` shows and writes. All functions append to a buffer, whose error sticks
 * (buf_status), and read plain data: pure, any thread. Only report_prepare and report_write touch the disk.
 */
#ifndef P2PDI_REPORT_REPORT_H
#define P2PDI_REPORT_REPORT_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/err.h"
#include "p2pdi/stats/experiment.h"

#include <stdbool.h>

/* ---- text --------------------------------------------------------------------------------------- */

/* The whole report for a terminal: heading, tables of each run, closing sentences; files: also a
 * line for each document. */
void report_text(struct buf *out, const struct experiment *e, bool files);

/* Two of its parts. Seconds summed by (downloading peer, holder) of e->runs[task], which must not be
 * NULL. Total is the sum of the cells as printed. */
void report_matrix(struct buf *out, const struct experiment *e, enum experiment_task task);
/* Which was faster, by the slowest peer's elapsed time, and by how much. One line for each
 * distributed run next to a centralised one; nothing if either is missing. */
void report_sentences(struct buf *out, const struct experiment *e);

/* The end of the demo, or of what there was of it: the tasks that were seen to their ends (one at
 * least), the sentences, and what to try next with program, the name by which the user called us. */
void report_demo(struct buf *out, const struct experiment *e, const char *program);

/* ---- files -------------------------------------------------------------------------------------- */

/* One row a document. Header: task,peer,order,rfc,holder,bytes,wire_bytes,us,cumulative_us,at_us,published_us */
void report_csv_files(struct buf *out, const struct experiment *e);
/* One row a downloading peer. Header: task,peer,P0..Pn,total,elapsed; microseconds */
void report_csv_matrix(struct buf *out, const struct experiment *e);
/* One object on one line with everything in it. */
void report_json(struct buf *out, const struct experiment *e);
/* Cumulative seconds against number of RFCs, a curve for each peer. */
void report_svg_run(struct buf *out, const struct experiment *e, enum experiment_task task);
/* Bars: the slowest peer's elapsed time and the sum of all times, run by run. */
void report_svg_totals(struct buf *out, const struct experiment *e);

/*
 * Can report_write write into dir? It is made if it is missing, and *made says so: for rmdir, if there
 * will be no report. Asked before an experiment, which takes its time. why on failure.
 */
enum di_err report_prepare(const char *dir, bool *made, char why[512]) DI_MUST_CHECK;
/*
 * Writes report.txt, files.csv, matrix.csv, report.json, TASK.svg for each run and totals.svg into
 * dir, which is made if it is missing; before that, removes what has one of these names, of any task.
 * why names the file on failure.
 */
enum di_err report_write(const struct experiment *e, const char *dir, char why[512]) DI_MUST_CHECK;

/* ---- while it runs ------------------------------------------------------------------------------ */

/*
 * Bars for a terminal of that many columns: a title line and one line for each downloading peer, no
 * cursor movement. Returns the number of lines.
 */
size_t report_progress(struct buf *out, const struct experiment_progress *p, size_t columns);

#endif
