/*
 * The world's inside. Tasks and time (world_task.c), the network (world_net.c), disks (world_disk.c,
 * world_crash.c, world_vfs.c), descriptors and replaced calls (world_fd.c, world_files.c,
 * world_calls.c), planted errors (world_plant.c), what must hold (world_rules.c, world_records.c),
 * who lives there (world_life.c, world_peer.c). There is one world, since a system call has no
 * argument for it.
 */
#ifndef P2PDI_TESTS_SIM_WORLD_IMPL_H
#define P2PDI_TESTS_SIM_WORLD_IMPL_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/base/random.h"
#include "p2pdi/base/sha256.h"

#include "world.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define HOSTS_MAX 8 /* the RS's is 0 */
#define RFCS_MAX 16
#define RFC_FIRST 8600u
#define CONTACTS_MAX 64
#define PEER_PORT 4000
#define RS_PORT 65423
#define WALL_S INT64_C(1790000000)
#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define NEVER INT64_MAX

struct task;
struct disk;
struct inode;
struct sock;
struct proc;
struct peer;
struct rs;
struct state_dir;

/* One machine. What runs on it comes and goes, its disk stays. */
struct host {
    unsigned at;
    struct addr ip;
    struct disk *disk;
    struct proc *proc;     /* NULL: nothing runs */
    bool is_up;            /* false: no power; nobody answers, not even by a refusal */
    bool is_liar;          /* bytes of its documents change on their way out */
    int64_t wall_offset_s; /* how wrong its clock is */
    unsigned jumps;        /* of its clock, so far */
    uint16_t next_port;
};

/* An address as a peer knows it. */
struct contact {
    struct addr addr;
    bool is_listed;  /* in the last list */
    bool is_named;   /* by the user, who may ask whom he likes */
    int64_t gone_us; /* since when it is not listed */
};

/* One run of a program. */
struct proc {
    struct host *host;
    struct disk *disk;
    bool is_ghost; /* it crashed: what it still does happens nowhere. It is brought to an end, since
                    * its memory has to be freed */
    bool stop;     /* it is to end: stop is the key to wait with */
    bool has_ended;
    bool is_finished; /* it has done all that it was to do */
    bool is_away;     /* not registered any more because it wanted so */
    int crash_in;     /* disk operations until it crashes; 0: not */
    bool crash_power; /* and then: power cut, or killed */
    unsigned fds, tasks;
    struct peer *peer;
    struct rs *rs;
    const struct state_dir *state;
    const char *doing;
    unsigned failed_events;
    bool knows;       /* a list has come */
    int64_t knows_us; /* since when */
    struct contact contact[CONTACTS_MAX];
    size_t contacts;
    struct proc *next;
};

struct event {
    int64_t at_us;
    uint64_t order;
    void (*run)(void *arg);
    void *arg;
};

struct edition {
    char *text;
    size_t len;
    struct sha256 sha;
};

struct world {
    const struct world_config *cfg;
    struct world_result *result;
    struct prng prng;
    int64_t now_us;
    bool is_over;
    bool is_calm;   /* no more faults: everything must come to its end */
    bool is_ending; /* nobody starts any more */
    bool is_long;   /* hours, so that what is not renewed runs out */
    bool has_liars;
    unsigned hosts, rfcs;
    struct host host[HOSTS_MAX];
    struct edition edition[RFCS_MAX][2]; /* text NULL: there is none */
    bool cut[HOSTS_MAX][HOSTS_MAX];
    struct proc *procs;
    struct sock *socks;

    struct task *tasks, *current;
    struct task **ready;
    size_t ready_count, ready_room;
    unsigned waiting[256]; /* for keys, by a hash of theirs */
    int64_t next_due_us;   /* no task's time comes earlier */
    struct event *heap;
    size_t heap_count, heap_room;
    uint64_t order;
};

extern struct world w;

/* ---- world_task.c ---------------------------------------------------------------------------- */

void world_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            world_broken(__VA_ARGS__);                                                             \
    } while (0)
void world_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void world_note(uint64_t what);
void *must(void *p);
bool chance(unsigned of_thousand);
int64_t between(int64_t low, int64_t high);

void world_at(int64_t at_us, void (*run)(void *arg), void *arg);
void world_loop(void);
void world_tasks_free(void);

struct task *task_start(struct proc *p, const char *name, void (*run)(void *arg), void *arg);
void task_join(struct task *t);
struct proc *task_proc(void); /* of the current task */
void task_yield(void);
/* Until one of the keys (NULL: none) is woken; false: the time has come. */
bool task_wait(const void *key, const void *other, int64_t due_us);
void task_wake(const void *key);

/* ---- world_net.c ----------------------------------------------------------------------------- */

struct sock *sock_new(void);
int sock_bind(struct sock *s, const struct addr *a);
int sock_listen(struct sock *s);
int sock_connect(struct sock *s, const struct addr *to);
struct sock *sock_accept(struct sock *s);
ssize_t sock_send(struct sock *s, const void *bytes, size_t len);
ssize_t sock_recv(struct sock *s, void *bytes, size_t cap, bool peek);
void sock_end(struct sock *s);
void sock_close(struct sock *s);
unsigned sock_level(const struct sock *s); /* EPOLL bits */
int sock_take_error(struct sock *s);
size_t sock_unsent(const struct sock *s);
uint64_t sock_rate(const struct sock *s);
const struct addr *sock_local(const struct sock *s);
const struct addr *sock_remote(const struct sock *s);
struct proc *sock_proc(const struct sock *s);
void **sock_watch(struct sock *s); /* world_fd.c's mark */
void net_crash(struct proc *p, bool power);
void net_fault(void); /* breaks one connection, if there is one */
/* Somebody's old bytes come once more, on a connection of their own. */
void net_repeat(struct host *from, const void *bytes, size_t len);
void net_free(void);

/* ---- world_fd.c ------------------------------------------------------------------------------ */

void fd_edge(void *watch); /* something changed for who watches */
void fds_free(void);

/* ---- world_disk.c, world_crash.c ------------------------------------------------------------- */

struct disk *disk_new(struct host *h);
void disk_free(struct disk *d);
/* What is found afterwards: without power what was not synced may be lost or torn. */
struct disk *disk_after(const struct disk *d, bool power);
void disk_put(struct disk *d, const char *path, const void *bytes, size_t len);
void disk_make_directory(struct disk *d, const char *path);
/* Visits what is visible in the library. */
void disk_walk(struct disk *d, const char *dir,
               void (*visit)(void *arg, const char *name, struct inode *i), void *arg);

/* All but inode_ are of the current process; they return -1 or NULL with errno. */
struct inode *file_open(const char *path, int flags, mode_t mode);
struct inode *file_open_at(struct inode *dir, const char *name, int flags, mode_t mode);
int file_unlink(const char *path);
int file_unlink_at(struct inode *dir, const char *name);
int file_rename(const char *from, const char *to);
int file_rename_at(struct inode *dir, const char *from, const char *to);
int file_make_directory(const char *path);
int file_stat(const char *path, struct stat *st);
int file_stat_at(struct inode *dir, const char *name, struct stat *st);
int file_sync_all(void);
int file_sync_directory(const char *path); /* the one that the file is in */
ssize_t inode_read(const struct inode *i, void *bytes, size_t len, uint64_t at);
ssize_t inode_write(struct inode *i, const void *bytes, size_t len, uint64_t at);
int inode_truncate(struct inode *i, uint64_t size);
int inode_sync(struct inode *i);
uint64_t inode_size(const struct inode *i);
void inode_stat(const struct inode *i, struct stat *st);
bool inode_is_directory(const struct inode *i);
const char *inode_name(struct inode *dir, size_t at); /* NULL: there are no more */
bool inode_lock(struct inode *i, const void *by);
void inode_unlock(struct inode *i, const void *by);
struct inode *inode_ref(struct inode *i);
void inode_unref(struct inode *i);

/* ---- world_vfs.c ----------------------------------------------------------------------------- */

void vfs_install(void);

/* ---- world_rules.c: what must hold ----------------------------------------------------------- */

struct peer_event;

void rules_on_event(struct proc *p, const struct peer_event *ev);
/* A file with that name has that content from now on. */
void rules_on_visible(const struct disk *d, const char *name, const struct inode *i);
void rules_on_given(unsigned host, unsigned rfc); /* there from the beginning */
void rules_on_disk(struct host *h);               /* after a crash: all that lies there */
void rules_on_end(struct proc *p);
/* Between peers. */
struct contact *rules_contact(struct proc *p, const struct addr *a);
void rules_on_connect(struct proc *p, const struct addr *to);
void rules_on_request(struct proc *p, const struct addr *to, const void *bytes, size_t len);
void rules_look_at_peer(struct proc *p);
bool rules_has_all(struct host *h);
/* One of its requests to the RS comes once more. */
void rules_repeat(struct host *h);
void rules_free(void);

/* ---- world_records.c: what the RS said, and may say ------------------------------------------ */

/* Bytes of a connection as the RS read and sent them. */
void records_on_received(struct sock *s, const void *bytes, size_t len);
void records_on_sent(struct sock *s, const void *bytes, size_t len);
void records_on_lost(struct sock *s); /* it is closed */
void records_on_crash(struct proc *p);
void records_on_start(struct proc *p); /* what does it know? */
void records_look(struct proc *p);
void records_free(void);

/* ---- world_life.c, world_peer.c -------------------------------------------------------------- */

void world_crash(struct proc *p, bool power);
void proc_stop(struct proc *p);
/* A task of that process waits; false if it is to end. */
bool proc_sleep(struct proc *p, int64_t us);
void peer_main(void *proc);

#endif
