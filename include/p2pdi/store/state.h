/*
 * The state directory: made if missing (0700), one locked subdirectory per RS and library for a
 * peer; the cookie in it. Main thread.
 */
#ifndef P2PDI_STORE_STATE_H
#define P2PDI_STORE_STATE_H

#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define STATE_PATH_SIZE 4096

struct state_dir {
    char path[STATE_PATH_SIZE];
    int lock_fd;
};

/*
 * mkdir, and its name is on the disk: else a power cut takes the directory away, with all that was synced in
 * it. Any thread. DI_EXISTS: something of that name is there; errno tells why it failed.
 */
enum di_err state_make_directory(const char *path, unsigned mode) DI_MUST_CHECK;
/* $XDG_STATE_HOME/p2pdi, else ~/.local/state/p2pdi. DI_NOT_FOUND without HOME. */
enum di_err state_default_root(char out[STATE_PATH_SIZE]) DI_MUST_CHECK;
/* Makes root/name (and root), locks it. DI_IN_USE: another process has it; DI_ACCESS … with a
 * sentence in why. */
enum di_err state_dir_open(const char *root, const char *name, struct state_dir *out, char why[256])
    DI_MUST_CHECK;
void state_dir_close(struct state_dir *d);
/* Subdirectory name for a peer: a digest of the RS list and the library's real path. */
enum di_err state_peer_name(const char *rs, const char *library, char out[40]) DI_MUST_CHECK;

/* The cookie kept from earlier registrations; written through a temporary file, synced, mode
 * 0600. DI_NOT_FOUND, DI_CORRUPT. */
enum di_err state_cookie_load(const struct state_dir *d, uint64_t *cookie) DI_MUST_CHECK;
enum di_err state_cookie_save(const struct state_dir *d, uint64_t cookie) DI_MUST_CHECK;
enum di_err state_cookie_forget(const struct state_dir *d) DI_MUST_CHECK;

#endif
