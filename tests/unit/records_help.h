/* A store of the RS's records in a directory of its own, for tests. */
#ifndef TESTS_UNIT_RECORDS_HELP_H
#define TESTS_UNIT_RECORDS_HELP_H

#include "store_help.h"

#include "p2pdi/store/records.h"

#define NOW_S INT64_C(1700000000)

extern char records_dir[256];
extern char records_path[512]; /* of the database in it */

/* A setup: a new directory. */
int records_make_dir(void **state);
struct record_store *records_open(void);
/* The record of that peer, the same each time. */
void records_make(struct stored_record *r, uint32_t peer);
/* Until it is on the disk, or what came of it. */
enum di_err records_put(struct record_store *s, const struct stored_record *r);
enum di_err records_put_all(struct record_store *s, const struct stored_record *r, size_t count);
/* Opens, puts, closes. */
void records_keep_one(uint32_t peer);

struct records_loaded {
    struct stored_record *record; /* those seen, in the store's order; to be freed */
    size_t count, cap;
};
/* For load's visit. */
enum di_err records_on_loaded(void *arg, const struct stored_record *r);
/* Opens, loads all, closes. */
void records_load_at(int64_t wall_s, struct records_loaded *l);
void records_load_most(int64_t wall_s, size_t keep_max, struct records_loaded *l);

#endif
