/* Writes the reports into a directory. The only file of report that touches the disk. */
#include "p2pdi/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_BYTES_MAX (256u << 20)

/* What a report can consist of; which of the plots, depends on the tasks. */
#define TEXT_FILE "report.txt"
#define FILES_FILE "files.csv"
#define MATRIX_FILE "matrix.csv"
#define JSON_FILE "report.json"
#define TOTALS_FILE "totals.svg"
static const char *const plot_files[EXPERIMENT_TASKS] = {
#define X(name, option, file, title) [EXPERIMENT_##name] = file ".svg",
    EXPERIMENT_TASK_MAP(X)
#undef X
};

static enum di_err write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return di_err_from_errno(errno);
        bytes += n;
        len -= (size_t)n;
    }
    return DI_OK;
}

/* Writes what is in b as dir/name and empties b. */
static enum di_err write_file(const char *dir, const char *name, struct buf *b, char why[512])
{
    char path[4096];
    enum di_err err = buf_status(b);
    int fd = -1;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (err != DI_OK)
        goto out;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        err = di_err_from_errno(errno);
        goto out;
    }
    err = write_all(fd, buf_bytes(b), b->len);
    if (close(fd) != 0 && err == DI_OK)
        err = di_err_from_errno(errno);
out:
    if (err != DI_OK)
        snprintf(why, 512, "cannot write %.400s: %s", path, di_err_text(err));
    buf_clear(b);
    return err;
}

static enum di_err remove_file(const char *dir, const char *name, char why[512])
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (unlink(path) == 0 || errno == ENOENT)
        return DI_OK;

    enum di_err err = di_err_from_errno(errno);

    snprintf(why, 512, "cannot remove the earlier %.400s: %s", path, di_err_text(err));
    return err;
}

/* No plot that an earlier experiment left of other tasks stays beside this one's. */
static enum di_err remove_other_plots(const struct experiment *e, const char *dir, char why[512])
{
    enum di_err err = DI_OK;

    for (size_t t = 0; t < EXPERIMENT_TASKS && err == DI_OK; t++)
        if (e->runs[t] == NULL)
            err = remove_file(dir, plot_files[t], why);
    return err;
}

enum di_err report_prepare(const char *dir, bool *made, char why[512])
{
    struct stat st;

    why[0] = '\0';
    *made = mkdir(dir, 0777) == 0;
    if (*made)
        return DI_OK;
    bool exists = errno == EEXIST;
    if (exists && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode)) {
        snprintf(why, 512, "%.400s is no directory", dir);
        return DI_NOT_FOUND;
    }
    if (exists && access(dir, W_OK | X_OK) == 0)
        return DI_OK;
    enum di_err err = di_err_from_errno(errno);
    snprintf(why, 512, "cannot %s the directory %.400s: %s", exists ? "write into" : "make", dir,
             di_err_text(err));
    return err;
}

enum di_err report_write(const struct experiment *e, const char *dir, char why[512])
{
    struct buf b;
    bool made;

    enum di_err err = report_prepare(dir, &made, why);
    if (err != DI_OK)
        return err;
    buf_init(&b, REPORT_BYTES_MAX);
    report_text(&b, e, true);
    err = write_file(dir, TEXT_FILE, &b, why);
    if (err != DI_OK)
        goto out;
    report_csv_files(&b, e);
    err = write_file(dir, FILES_FILE, &b, why);
    if (err != DI_OK)
        goto out;
    report_csv_matrix(&b, e);
    err = write_file(dir, MATRIX_FILE, &b, why);
    if (err != DI_OK)
        goto out;
    report_json(&b, e);
    err = write_file(dir, JSON_FILE, &b, why);
    if (err != DI_OK)
        goto out;
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        if (e->runs[t] == NULL)
            continue;
        report_svg_run(&b, e, t);
        err = write_file(dir, plot_files[t], &b, why);
        if (err != DI_OK)
            goto out;
    }
    report_svg_totals(&b, e);
    err = write_file(dir, TOTALS_FILE, &b, why);
    if (err == DI_OK)
        err = remove_other_plots(e, dir, why);
out:
    buf_fini(&b);
    return err;
}
