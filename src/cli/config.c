/* Reads configuration files. Main thread, at the start. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static char *trim(char *s)
{
    while (is_blank(*s))
        s++;
    size_t n = strlen(s);
    while (n > 0 && is_blank(s[n - 1]))
        n--;
    s[n] = '\0';
    return s;
}

enum config_line config_line_next(char **text, char **key, char **value)
{
    char *line = *text;
    char *end = strchr(line, '\n');

    if (end != NULL)
        *end = '\0';
    *text = end == NULL ? NULL : end + 1;
    for (char *c = line; *c != '\0'; c++) {
        if (*c == '#' && (c == line || is_blank(c[-1]))) {
            *c = '\0';
            break;
        }
    }
    line = trim(line);
    if (*line == '\0')
        return CONFIG_NOTHING;
    char *equals = strchr(line, '=');
    if (equals == NULL || equals == line)
        return CONFIG_BAD;
    *equals = '\0';
    *key = trim(line);
    *value = trim(equals + 1);
    return CONFIG_SETTING;
}

enum di_err config_file_read(const char *path, size_t max, char **text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return di_err_from_errno(errno);

    enum di_err err = DI_OK;
    size_t len = 0;
    char *bytes = malloc(max + 1);
    if (bytes == NULL) {
        err = DI_NOMEM;
        goto close_file;
    }
    for (;;) {
        ssize_t n = read(fd, bytes + len, max + 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = di_err_from_errno(errno);
        if (n <= 0)
            break;
        len += (size_t)n;
        if (len > max) {
            err = DI_LIMIT;
            break;
        }
    }
    if (err == DI_OK && memchr(bytes, '\0', len) != NULL)
        err = DI_INVALID;
    if (err == DI_OK) {
        bytes[len] = '\0';
        *text = bytes;
    } else {
        free(bytes);
    }
close_file:
    close(fd);
    return err;
}
