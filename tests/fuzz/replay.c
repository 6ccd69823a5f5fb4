/*
 * Runs a fuzz target over stored inputs, without a fuzzer: each argument is a file or a directory of
 * files. `make check` does so with tests/fuzz/corpus/, under any compiler. One thread.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs;

static int replay_file(const char *path, size_t size_bytes)
{
    FILE *file = fopen(path, "rb");
    /* Exactly as large as the input, so that reading past its end is seen. */
    uint8_t *data = malloc(size_bytes > 0 ? size_bytes : 1);
    int result = -1;

    if (file != NULL && data != NULL && fread(data, 1, size_bytes, file) == size_bytes) {
        (void)LLVMFuzzerTestOneInput(data, size_bytes);
        inputs++;
        result = 0;
    } else {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
    }
    free(data);
    if (file != NULL)
        (void)fclose(file);
    return result;
}

static int replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    if (!S_ISDIR(st.st_mode))
        return replay_file(path, (size_t)st.st_size);

    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    int result = count < 0 ? -1 : 0;
    for (int i = 0; i < count; i++) {
        char name[4096];
        int length = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && length > 0 && (size_t)length < sizeof(name) &&
            replay(name) != 0)
            result = -1;
        free(entries[i]);
    }
    free(entries);
    return result;
}

int main(int argc, char **argv)
{
    int result = 0;
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != 0)
            result = 1;
    }
    if (inputs == 0) {
        (void)fprintf(stderr, "no inputs\n");
        result = 1;
    }
    printf("%zu inputs\n", inputs);
    return result;
}
