/* Disks between world_disk.c (their use) and world_crash.c (what is left of them). */
#ifndef P2PDI_TESTS_SIM_WORLD_DISK_H
#define P2PDI_TESTS_SIM_WORLD_DISK_H

#include "world_impl.h"

/*
 * A file is pages; each knows what was there when it was last synced. Directories keep a log of
 * what was not synced.
 *
 *      page:  now | was                      sectors of 512 bytes get through or do not
 *      size:  now | synced
 */
#define PAGE 4096
#define SECTOR 512
#define NAME_SIZE 128

struct page {
    char *now;
    char *was;
    bool is_dirty;
};

struct entry {
    char name[NAME_SIZE];
    struct inode *inode;
};

struct names {
    struct entry *entry;
    size_t count;
};

/* One change of a directory: name stands for inode (NULL: for nothing) from then on. */
struct change {
    struct entry entry;
    bool goes_on; /* the next one belongs to it: a rename */
};

struct inode {
    unsigned refs;
    struct disk *disk;
    uint64_t number;
    bool is_directory;
    int64_t changed_ns; /* by its host's clock */
    const void *locked_by;
    unsigned visible; /* names by which it is a document */

    struct page *pages;
    size_t page_count;
    uint64_t size, synced_size;
    uint64_t low_size; /* the least since it was synced: what was behind it was cut off */
    bool is_dirty;

    /* of a directory: as it is, as it was synced, and what happened since */
    struct names now, synced;
    struct change *log;
    size_t log_count;
};

struct disk {
    struct host *host;
    struct inode *root; /* its entries have whole paths of directories */
    uint64_t last_number;
};

struct inode *disk_inode_new(struct disk *d, bool is_directory);
struct entry *disk_names_find(const struct names *n, const char *name);
/* i NULL: the name goes. */
void disk_names_set(struct names *n, const char *name, struct inode *i);
/* The same in a directory as it is, and with an entry in its log. */
void disk_set(struct inode *dir, const char *name, struct inode *i);
void disk_change(struct inode *dir, const char *name, struct inode *i, bool goes_on);
/* That page is written to. */
struct page *disk_touch(struct inode *i, uint64_t number);
void disk_sync_now(struct inode *i);

#endif
