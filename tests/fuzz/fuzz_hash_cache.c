/*
 * The hash cache's file, from anywhere: 'f' and a whole file, or 'd' and damages to a good one, four
 * bytes each: two of an offset, how many bytes, their value. Whatever it is, the cache opens, and what is put into it is
 * there afterwards, at the latest once it was made anew.
 */
#include "../../src/store/hash_cache.h"

#include "p2pdi/base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOOD_ROWS 300
#define FILE_MAX ((size_t)256 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[256], path[300];
static uint8_t good[FILE_MAX];
static size_t good_size;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void remove_files(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".new"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char name[320];
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
}

static void remove_dir(void)
{
    remove_files();
    (void)rmdir(dir);
}

static enum di_err put(struct hash_cache *hc, const char *name, unsigned n)
{
    struct hash_row row = {
        .name = name, .id = {n, n, n, n}, .sha256 = {{(uint8_t)n}}, .title = "Of a document"};
    enum di_err err = hash_cache_begin(hc);
    return err == DI_OK ? hash_cache_end(hc, hash_cache_put(hc, &row)) : err;
}

static void make_good(void)
{
    struct hash_cache *hc = NULL;
    must(hash_cache_open(dir, &hc) == DI_OK);
    for (unsigned i = 1; i <= GOOD_ROWS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "rfc%u.txt", i);
        must(put(hc, name, i) == DI_OK);
    }
    hash_cache_close(hc);
    FILE *f = fopen(path, "rb");
    must(f != NULL);
    good_size = fread(good, 1, sizeof good, f);
    must(good_size > 0 && good_size < sizeof good && fclose(f) == 0);
}

static void set_up(void)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(dir, sizeof dir, "%s/fuzz-hashes-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    must(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/hashes.db", dir);
    must(atexit(remove_dir) == 0);
    log_set_level(LOG_ERROR); /* that it is damaged is known */
    make_good();
}

static void write_file(const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

static void write_damaged(const uint8_t *data, size_t size)
{
    static uint8_t bytes[FILE_MAX];
    memcpy(bytes, good, good_size);
    for (; size >= 4; data += 4, size -= 4) {
        size_t at = ((size_t)data[0] << 8 | data[1]) % good_size;
        size_t n = data[2] < good_size - at ? data[2] : good_size - at;
        memset(bytes + at, data[3], n);
    }
    write_file(bytes, good_size);
}

struct seen {
    size_t name_bytes;
    bool mine;
};

static void on_row(void *arg, const struct hash_row *row)
{
    struct seen *s = arg;
    s->name_bytes += strlen(row->name) + strlen(row->title);
    if (strcmp(row->name, "mine") == 0)
        s->mine = row->id.inode == 7 && row->sha256.byte[0] == 7;
}

/* What is damaged may show only now; then it was made anew, and the second time is like any other. */
static void put_and_find(void)
{
    struct hash_cache *hc = NULL;
    struct seen s = {0};
    must(hash_cache_open(dir, &hc) == DI_OK);
    enum di_err err = hash_cache_load(hc, on_row, &s);
    must(err == DI_OK || err == DI_CORRUPT);
    err = put(hc, "mine", 7);
    must(err == DI_OK || err == DI_CORRUPT);
    if (err == DI_CORRUPT)
        must(put(hc, "mine", 7) == DI_OK);
    hash_cache_close(hc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (dir[0] == '\0')
        set_up();
    if (size == 0)
        return 0;
    remove_files();
    if (data[0] == 'd')
        write_damaged(data + 1, size - 1);
    else
        write_file(data + 1, size - 1);
    put_and_find();
    struct hash_cache *hc = NULL;
    struct seen s = {0};
    must(hash_cache_open(dir, &hc) == DI_OK);
    enum di_err err = hash_cache_load(hc, on_row, &s);
    must(err == DI_CORRUPT || (err == DI_OK && s.mine));
    hash_cache_close(hc);
    return 0;
}
