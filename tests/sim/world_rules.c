/*
 * What must hold of peers and their disks, looked at whenever something happens that could break
 * it. What happens to a process that has crashed already does not count. In the world's one thread.
 */
#include "world_impl.h"

#include "p2pdi/base/text.h"
#include "p2pdi/peer/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request that was on its way when the news came, behind what other threads have the disk do. */
#define GRACE_US (100 * MS)
#define NEWS_US (100 * MS) /* from a changed list to the event that tells it */
#define KEPT 4             /* requests to the RS of each host, to be repeated */

/* It asked whom the last news did not name. If it has news that name him, they are told by now. */
struct suspicion {
    struct proc *proc;
    struct addr to;
    const char *what;
    int64_t known_us;
    struct suspicion *next;
};

struct rules {
    bool is_done[HOSTS_MAX][RFCS_MAX]; /* reported, or there from the beginning */
    struct {
        char *bytes;
        size_t len;
    } kept[HOSTS_MAX][KEPT];
};

static struct rules rules;
static struct suspicion *suspicions; /* not judged yet */

void rules_free(void)
{
    for (unsigned h = 0; h < HOSTS_MAX; h++)
        for (unsigned k = 0; k < KEPT; k++)
            free(rules.kept[h][k].bytes);
    while (suspicions != NULL) {
        struct suspicion *next = suspicions->next;

        free(suspicions);
        suspicions = next;
    }
    rules = (struct rules){0};
}

/* ---- documents ------------------------------------------------------------------------------- */

/* -1: it is none. */
static int document_of(const char *name)
{
    struct slice s = slice_of(name);
    uint64_t n = 0;

    if (s.n < 8 || memcmp(name, "rfc", 3) != 0 || strcmp(name + s.n - 4, ".txt") != 0 ||
        !text_parse_u64((struct slice){name + 3, s.n - 7}, UINT32_MAX, &n))
        return -1;
    return n >= RFC_FIRST && n < RFC_FIRST + w.rfcs ? (int)(n - RFC_FIRST) : -1;
}

static bool is_edition(unsigned rfc, const struct sha256 *sha)
{
    for (int e = 0; e < 2; e++)
        if (w.edition[rfc][e].text != NULL && sha256_equal(&w.edition[rfc][e].sha, sha))
            return true;
    return false;
}

static struct sha256 digest_of(const struct inode *i)
{
    size_t size = (size_t)inode_size(i);
    char *bytes = must(malloc(size + 1));
    struct sha256 sha;

    (void)inode_read(i, bytes, size, 0);
    if (sha256_of(bytes, size, &sha) != DI_OK)
        abort();
    free(bytes);
    return sha;
}

void rules_on_visible(const struct disk *d, const char *name, const struct inode *i)
{
    int rfc = document_of(name);

    for (unsigned h = 0; h < w.hosts; h++) {
        if (w.host[h].disk != d)
            continue;
        CHECK(rfc >= 0, "host %u: %s is visible, which nobody has", h, name);
        if (rfc < 0)
            return;

        struct sha256 sha = digest_of(i);

        CHECK(is_edition((unsigned)rfc, &sha), "host %u: %s is visible with a wrong hash", h, name);
    }
}

struct found {
    struct host *host;
    bool is_checked; /* what it says, too */
    bool is_there[RFCS_MAX];
};

static void visit(void *arg, const char *name, struct inode *i)
{
    struct found *f = arg;
    int rfc = document_of(name);

    if (strncmp(name, "rfc", 3) != 0)
        return;
    if (f->is_checked)
        rules_on_visible(f->host->disk, name, i);
    if (rfc >= 0)
        f->is_there[rfc] = true;
}

void rules_on_disk(struct host *h)
{
    struct found f = {.host = h, .is_checked = true};

    if (h->at == 0)
        return;
    disk_walk(h->disk, "/lib", visit, &f);
    for (unsigned rfc = 0; rfc < w.rfcs; rfc++)
        CHECK(f.is_there[rfc] || !rules.is_done[h->at][rfc],
              "host %u: RFC %u was reported done and is not there", h->at, RFC_FIRST + rfc);
}

static bool rules_has(struct host *h, unsigned rfc)
{
    struct found f = {.host = h};

    disk_walk(h->disk, "/lib", visit, &f);
    return f.is_there[rfc];
}

bool rules_has_all(struct host *h)
{
    for (unsigned rfc = 0; rfc < w.rfcs; rfc++)
        if (!rules_has(h, rfc))
            return false;
    return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

struct contact *rules_contact(struct proc *p, const struct addr *a)
{
    for (size_t i = 0; i < p->contacts; i++)
        if (addr_equal(&p->contact[i].addr, a))
            return &p->contact[i];
    if (p->contacts == CONTACTS_MAX)
        abort();
    p->contact[p->contacts] = (struct contact){.addr = *a, .gone_us = p->knows_us};
    return &p->contact[p->contacts++];
}

static void on_peers(struct proc *p, const struct peer_event *ev)
{
    if (!p->knows)
        p->knows_us = w.now_us;
    p->knows = true;
    for (size_t i = 0; i < p->contacts; i++) {
        struct contact *c = &p->contact[i];
        bool was = c->is_listed;

        c->is_listed = false;
        for (size_t k = 0; k < ev->count; k++)
            c->is_listed = c->is_listed || addr_equal(&ev->rows[k].addr, &c->addr);
        if (was && !c->is_listed)
            c->gone_us = w.now_us;
    }
    for (size_t k = 0; k < ev->count; k++) {
        rules_contact(p, &ev->rows[k].addr)->is_listed = true;
        CHECK(ev->rows[k].ttl_s <= 7200, "host %u: peer %u has a TTL of %u s", p->host->at,
              ev->rows[k].peer, ev->rows[k].ttl_s);
    }
    world_tell("host %u knows of %zu others", p->host->at, ev->count);
}

static void on_done(struct proc *p, const struct peer_event *ev)
{
    unsigned rfc = ev->rfc - RFC_FIRST;

    CHECK(rfc < w.rfcs && is_edition(rfc, &ev->sha256), "host %u: RFC %u is done with a wrong hash",
          p->host->at, ev->rfc);
    if (rfc >= w.rfcs)
        return;
    w.result->done++;
    rules.is_done[p->host->at][rfc] = true;
    CHECK(rules_has(p->host, rfc), "host %u: RFC %u is done and not there", p->host->at, ev->rfc);
}

void rules_on_event(struct proc *p, const struct peer_event *ev)
{
    if (p->is_ghost)
        return;
    world_note((uint64_t)ev->kind << 32 ^ ev->rfc);
    switch (ev->kind) {
    case PEER_EV_REGISTERED:
        world_tell("host %u is registered as %u", p->host->at, ev->peer_id);
        w.result->registered++;
        CHECK(ev->ttl_s <= 7200, "host %u: registered for %u s", p->host->at, ev->ttl_s);
        break;
    case PEER_EV_PEERS:
        on_peers(p, ev);
        break;
    case PEER_EV_DONE:
        world_tell("host %u has RFC %u", p->host->at, ev->rfc);
        on_done(p, ev);
        break;
    case PEER_EV_FAILED:
        world_tell("host %u gives up RFC %u", p->host->at, ev->rfc);
        w.result->failed++;
        p->failed_events++;
        for (size_t i = 0; i < ev->count; i++)
            CHECK(ev->tried[i].holder.port != 0, "host %u: RFC %u failed at nobody's", p->host->at,
                  ev->rfc);
        break;
    case PEER_EV_ERROR:
        world_tell("host %u: %s: %s", p->host->at, ev->what, ev->why);
        CHECK(ev->what[0] != '\0' && ev->why[0] != '\0', "host %u: an error without a name",
              p->host->at);
        break;
    default:
        break;
    }
}

/* ---- whom one asks --------------------------------------------------------------------------- */

static bool may_ask(const struct contact *c)
{
    return c->is_listed || c->is_named;
}

static void judge(void *arg)
{
    struct suspicion *s = arg, **at = &suspicions;
    char name[ADDR_TEXT_SIZE];

    addr_format(&s->to, name);
    CHECK(s->proc->is_ghost || s->proc->stop || may_ask(rules_contact(s->proc, &s->to)),
          "host %u %s %s, which left, as it had known for %.3f s", s->proc->host->at, s->what, name,
          (double)s->known_us / (double)SECOND);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    free(s);
}

static void check_holder(struct proc *p, const struct addr *to, const char *what)
{
    if (p->is_ghost || !p->knows)
        return;

    const struct contact *c = rules_contact(p, to);

    if (may_ask(c) || w.now_us - c->gone_us < GRACE_US)
        return;

    struct suspicion *s = must(malloc(sizeof(*s)));

    *s = (struct suspicion){
        .proc = p, .to = *to, .what = what, .known_us = w.now_us - c->gone_us, .next = suspicions};
    suspicions = s;
    world_at(w.now_us + NEWS_US, judge, s);
}

void rules_on_connect(struct proc *p, const struct addr *to)
{
    if (to->ip[15] != 1)
        check_holder(p, to, "connects to");
}

void rules_on_request(struct proc *p, const struct addr *to, const void *bytes, size_t len)
{
    if (to->ip[15] != 1) {
        if (p->peer != NULL && len > 8 && memcmp(bytes, "GET RFC ", 8) == 0)
            check_holder(p, to, "asks");
        return;
    }
    if (p->is_ghost || len > 1000 || !chance(300))
        return;

    unsigned k = (unsigned)prng_below(&w.prng, KEPT);

    free(rules.kept[p->host->at][k].bytes);
    rules.kept[p->host->at][k].bytes = must(malloc(len));
    memcpy(rules.kept[p->host->at][k].bytes, bytes, len);
    rules.kept[p->host->at][k].len = len;
}

void rules_repeat(struct host *h)
{
    unsigned k = (unsigned)prng_below(&w.prng, KEPT);

    if (rules.kept[h->at][k].len == 0)
        return;
    world_tell("a request of host %u comes once more", h->at);
    w.result->repeats++;
    net_repeat(h, rules.kept[h->at][k].bytes, rules.kept[h->at][k].len);
}

/* ---- looking around -------------------------------------------------------------------------- */

static bool look_at_row(void *arg, const struct rfc_entry *e)
{
    const struct proc *p = arg;

    CHECK(e->ttl_s >= 1 && e->ttl_s <= RFC_TTL_S, "host %u: RFC %u has a TTL of %u s", p->host->at,
          e->rfc, e->ttl_s);
    return true;
}

void rules_look_at_peer(struct proc *p)
{
    struct peer_status status;

    peer_status(p->peer, &status);
    CHECK(status.ttl_s <= 7200, "host %u: its own TTL is %u s", p->host->at, status.ttl_s);
    peer_walk_index(p->peer, look_at_row, p);
}

/* It was there from the beginning. */
void rules_on_given(unsigned host, unsigned rfc)
{
    rules.is_done[host][rfc] = true;
}

void rules_on_end(struct proc *p)
{
    CHECK(p->fds == 0, "host %u: %u descriptors are left open at the end", p->host->at, p->fds);
    CHECK(p->tasks == 1, "host %u: %u threads are left at the end", p->host->at, p->tasks - 1);
    if (!p->is_ghost)
        rules_on_disk(p->host);
}
