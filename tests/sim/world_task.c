/*
 * Tasks: what the program believes to be threads, on stacks of their own in one real thread, and
 * virtual time. Who is ready goes on in an order drawn from the seed; time passes a microsecond or
 * so a step, and jumps to the next event when everybody waits.
 */
#include "world_impl.h"

#include "p2pdi/base/thread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__has_feature) /* clang's way to say so */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES ((size_t)512 << 10)
#define STEPS_MAX UINT64_C(20000000)

enum task_state { TASK_READY, TASK_WAITING, TASK_ENDED };

struct task {
    ucontext_t context;
    void *stack;
    enum task_state state;
    bool in_time; /* the wait ended by a wake-up */
    const void *keys[2];
    int64_t due_us;
    struct proc *proc;
    char name[16];
    void (*run)(void *arg);
    void *arg;
    int errnum; /* each thread has its own errno */
    void *fake_stack;
    struct task *next;
};

struct world w;
static ucontext_t main_context;
static void *main_fake_stack;
static const void *main_stack;
static size_t main_stack_size;
static void *spare_stacks; /* the first word of each leads to the next */

/* ---- small things ---------------------------------------------------------------------------- */

void world_broken(const char *fmt, ...)
{
    va_list ap;

    w.is_over = true;
    if (w.result->broken[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(w.result->broken, sizeof(w.result->broken), fmt, ap);
    va_end(ap);
}

void world_tell(const char *fmt, ...)
{
    va_list ap;

    if (!w.cfg->is_told)
        return;
    printf("%12.6f ", (double)w.now_us / (double)SECOND);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

void world_note(uint64_t what)
{
    w.result->digest = (w.result->digest ^ what) * UINT64_C(0x100000001b3);
    w.result->digest ^= w.result->digest >> 29;
}

void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

bool chance(unsigned of_thousand)
{
    return prng_below(&w.prng, 1000) < of_thousand;
}

int64_t between(int64_t low, int64_t high)
{
    return low + (int64_t)prng_below(&w.prng, (uint64_t)(high - low + 1));
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool is_earlier(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void world_at(int64_t at_us, void (*run)(void *arg), void *arg)
{
    struct event e = {at_us, ++w.order, run, arg};
    size_t at = w.heap_count++;

    if (w.heap_count > w.heap_room) {
        w.heap_room = w.heap_room * 2 + 64;
        w.heap = must(realloc(w.heap, w.heap_room * sizeof(*w.heap)));
    }
    for (; at > 0 && is_earlier(&e, &w.heap[(at - 1) / 2]); at = (at - 1) / 2)
        w.heap[at] = w.heap[(at - 1) / 2];
    w.heap[at] = e;
}

static struct event pop(void)
{
    struct event first = w.heap[0], last = w.heap[--w.heap_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= w.heap_count)
            break;
        if (child + 1 < w.heap_count && is_earlier(&w.heap[child + 1], &w.heap[child]))
            child++;
        if (!is_earlier(&w.heap[child], &last))
            break;
        w.heap[at] = w.heap[child];
        at = child;
    }
    w.heap[at] = last;
    return first;
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static void *stack_take(void)
{
    void *stack = spare_stacks;

    if (stack != NULL) {
        memcpy(&spare_stacks, stack, sizeof(stack));
        return stack;
    }
    stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED)
        abort();
    return stack;
}

static void stack_give(void *stack)
{
    memcpy(stack, &spare_stacks, sizeof(spare_stacks));
    spare_stacks = stack;
}

/* ---- switching ------------------------------------------------------------------------------- */

/* fake: where the sanitizer keeps what it knows of the stack that is left; NULL: it ends. */
static void before_switch(void **fake, const void *stack, size_t size)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fake, stack, size);
#endif
    (void)fake;
    (void)stack;
    (void)size;
}

static void after_switch(void *fake, const void **stack, size_t *size)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, stack, size);
#endif
    (void)fake;
    (void)stack;
    (void)size;
}

static void switch_to_main(struct task *t)
{
    t->errnum = errno;
    before_switch(t->state == TASK_ENDED ? NULL : &t->fake_stack, main_stack, main_stack_size);
    if (swapcontext(&t->context, &main_context) != 0)
        abort();
    after_switch(t->fake_stack, &main_stack, &main_stack_size);
    errno = t->errnum;
}

static void switch_to(struct task *t)
{
    w.current = t;
    before_switch(&main_fake_stack, t->stack, STACK_BYTES);
    if (swapcontext(&main_context, &t->context) != 0)
        abort();
    after_switch(main_fake_stack, NULL, NULL);
    w.current = NULL;
    if (t->state == TASK_ENDED) {
        stack_give(t->stack);
        t->stack = NULL;
    }
}

static void task_main(void)
{
    struct task *t = w.current;

    after_switch(NULL, &main_stack, &main_stack_size);
    t->run(t->arg);
    t->proc->tasks--;
    t->state = TASK_ENDED;
    task_wake(t);
    switch_to_main(t);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static void make_ready(struct task *t)
{
    t->state = TASK_READY;
    if (w.ready_count == w.ready_room) {
        w.ready_room = 2 * w.ready_room + 64;
        w.ready = must(realloc(w.ready, w.ready_room * sizeof(struct task *)));
    }
    w.ready[w.ready_count++] = t;
}

struct task *task_start(struct proc *p, const char *name, void (*run)(void *arg), void *arg)
{
    struct task *t = must(calloc(1, sizeof(*t)));

    (void)snprintf(t->name, sizeof(t->name), "%s", name);
    t->stack = stack_take();
    t->proc = p;
    t->run = run;
    t->arg = arg;
    t->next = w.tasks;
    w.tasks = t;
    p->tasks++;
    if (getcontext(&t->context) != 0)
        abort();
    t->context.uc_stack.ss_sp = t->stack;
    t->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&t->context, task_main, 0);
    make_ready(t);
    return t;
}

static void task_free(struct task *t)
{
    struct task **at = &w.tasks;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (t->stack != NULL)
        stack_give(t->stack);
    free(t);
}

void world_tasks_free(void)
{
    while (w.tasks != NULL)
        task_free(w.tasks);
    free(w.ready);
    free(w.heap);
}

struct proc *task_proc(void)
{
    return w.current->proc;
}

void task_yield(void)
{
    make_ready(w.current);
    switch_to_main(w.current);
}

static unsigned *waiting_for(const void *key)
{
    uintptr_t n = (uintptr_t)key >> 3;

    return &w.waiting[(n ^ n >> 8) & 255];
}

bool task_wait(const void *key, const void *other, int64_t due_us)
{
    struct task *t = w.current;

    if (due_us <= w.now_us) {
        task_yield();
        return false;
    }
    t->state = TASK_WAITING;
    t->keys[0] = key;
    t->keys[1] = other;
    t->due_us = due_us;
    for (int i = 0; i < 2; i++)
        if (t->keys[i] != NULL)
            ++*waiting_for(t->keys[i]);
    if (due_us < w.next_due_us)
        w.next_due_us = due_us;
    switch_to_main(t);
    return t->in_time;
}

static void go_on(struct task *t, bool in_time)
{
    for (int i = 0; i < 2; i++)
        if (t->keys[i] != NULL)
            --*waiting_for(t->keys[i]);
    t->in_time = in_time;
    make_ready(t);
}

static bool waits_for(const struct task *t, const void *key)
{
    return t->state == TASK_WAITING && (t->keys[0] == key || t->keys[1] == key);
}

void task_wake(const void *key)
{
    if (*waiting_for(key) == 0)
        return;
    for (struct task *t = w.tasks; t != NULL; t = t->next)
        if (waits_for(t, key))
            go_on(t, true);
}

static void wake_one(const void *key)
{
    struct task *chosen = NULL;
    uint64_t seen = 0;

    if (*waiting_for(key) == 0)
        return;
    for (struct task *t = w.tasks; t != NULL; t = t->next)
        if (waits_for(t, key) && prng_below(&w.prng, ++seen) == 0)
            chosen = t;
    if (chosen != NULL)
        go_on(chosen, true);
}

void task_join(struct task *t)
{
    while (t->state != TASK_ENDED)
        (void)task_wait(t, NULL, NEVER);
    task_free(t);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Those whose time has come. */
static void wake_due(void)
{
    w.next_due_us = NEVER;
    for (struct task *t = w.tasks; t != NULL; t = t->next) {
        if (t->state != TASK_WAITING)
            continue;
        if (t->due_us <= w.now_us)
            go_on(t, false);
        else if (t->due_us < w.next_due_us)
            w.next_due_us = t->due_us;
    }
}

static void report_standstill(void)
{
    char names[300] = "";
    size_t len = 0;

    for (struct task *t = w.tasks; t != NULL && len + 40 < sizeof(names); t = t->next)
        len += (size_t)snprintf(names + len, sizeof(names) - len, " %u:%s", t->proc->host->at,
                                t->name);
    world_broken("everybody waits for ever:%s", names);
}

void world_loop(void)
{
    while (!w.is_over) {
        while (w.heap_count > 0 && w.heap[0].at_us <= w.now_us && !w.is_over) {
            struct event e = pop();

            e.run(e.arg);
        }
        if (w.next_due_us <= w.now_us)
            wake_due();
        if (w.is_over)
            break;
        if (w.ready_count == 0) {
            int64_t next_us = w.next_due_us;

            if (w.heap_count > 0 && w.heap[0].at_us < next_us)
                next_us = w.heap[0].at_us;
            if (next_us == NEVER)
                report_standstill();
            else
                w.now_us = next_us;
            continue;
        }

        size_t at = (size_t)prng_below(&w.prng, w.ready_count);
        struct task *t = w.ready[at];

        w.ready[at] = w.ready[--w.ready_count];
        world_note((uint64_t)w.now_us << 8 ^ (uint64_t)t->name[0] << 4 ^ t->proc->host->at);
        switch_to(t);
        w.now_us += between(0, 2);
        CHECK(++w.result->steps < STEPS_MAX, "it does not come to an end: after %ju steps",
              (uintmax_t)w.result->steps);
    }
}

/* ---- base/thread.h --------------------------------------------------------------------------- */

enum di_err __wrap_thread_start(struct thread *t, const char *name, void (*run)(void *arg),
                                void *arg);
void __wrap_thread_join(struct thread *t);
void __wrap_lock_init(struct lock *l);
void __wrap_lock_fini(struct lock *l);
void __wrap_lock_acquire(struct lock *l);
void __wrap_lock_release(struct lock *l);
void __wrap_lock_assert_held(struct lock *l);
void __wrap_cond_init(struct cond *c);
void __wrap_cond_fini(struct cond *c);
void __wrap_cond_signal(struct cond *c);
void __wrap_cond_broadcast(struct cond *c);
void __wrap_cond_wait(struct cond *c, struct lock *l);
bool __wrap_cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_us);

enum di_err __wrap_thread_start(struct thread *t, const char *name, void (*run)(void *arg),
                                void *arg)
{
    *t = (struct thread){.run = run, .arg = arg, .started = true};
    (void)snprintf(t->name, sizeof(t->name), "%s", name);
    t->id = (pthread_t)task_start(task_proc(), name, run, arg);
    return DI_OK;
}

void __wrap_thread_join(struct thread *t)
{
    if (t->started)
        task_join((struct task *)t->id);
    t->started = false;
}

/* The world's own thread takes locks too (a log line), but never one that is held. */
static uintptr_t self(void)
{
    return w.current == NULL ? 1 : (uintptr_t)w.current;
}

void __wrap_lock_init(struct lock *l)
{
    l->owner = 0;
}

void __wrap_lock_fini(struct lock *l)
{
    CHECK(l->owner == 0, "a lock is held that goes");
}

void __wrap_lock_acquire(struct lock *l)
{
    if (w.current != NULL && chance(60))
        task_yield();
    while (l->owner != 0) {
        if (l->owner == self() || w.current == NULL)
            abort();
        (void)task_wait(l, NULL, NEVER);
    }
    l->owner = self();
}

void __wrap_lock_release(struct lock *l)
{
    __wrap_lock_assert_held(l);
    l->owner = 0;
    task_wake(l);
}

void __wrap_lock_assert_held(struct lock *l)
{
    if (l->owner != self())
        abort();
}

void __wrap_cond_init(struct cond *c)
{
    (void)c;
}

void __wrap_cond_fini(struct cond *c)
{
    (void)c;
}

void __wrap_cond_signal(struct cond *c)
{
    wake_one(c);
}

void __wrap_cond_broadcast(struct cond *c)
{
    task_wake(c);
}

void __wrap_cond_wait(struct cond *c, struct lock *l)
{
    (void)__wrap_cond_wait_until(c, l, NEVER);
}

bool __wrap_cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_us)
{
    /* Now and then for no reason at all. */
    int64_t due_us = chance(5) ? w.now_us + between(1, SECOND) : deadline_us;
    bool in_time = true;

    __wrap_lock_release(l);
    if (due_us < deadline_us)
        (void)task_wait(c, NULL, due_us);
    else
        in_time = task_wait(c, NULL, deadline_us);
    while (l->owner != 0)
        (void)task_wait(l, NULL, NEVER);
    l->owner = self();
    return in_time;
}
