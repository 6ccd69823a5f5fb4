/* Configuration files: `key = value` lines, # starts a comment. Main thread. */
#ifndef P2PDI_CLI_CONFIG_H
#define P2PDI_CLI_CONFIG_H

#include "p2pdi/base/err.h"

#include <stddef.h>

#define CONFIG_FILE_MAX 65536

/* What a line holds. */
enum config_line { CONFIG_NOTHING, CONFIG_SETTING, CONFIG_BAD };

/*
 * Takes the line at *text apart, in place: key and value get NUL-terminated strings inside it, *text
 * moves on to the next line, or becomes NULL after the last. A comment starts at the beginning of a line
 * or after a space. Pure.
 */
enum config_line config_line_next(char **text, char **key, char **value);

/* The whole file as a string for the caller to free. DI_NOT_FOUND, DI_ACCESS, DI_LIMIT (more than max bytes),
 * DI_INVALID (a NUL in it) and others of the system. */
enum di_err config_file_read(const char *path, size_t max, char **text) DI_MUST_CHECK;

#endif
