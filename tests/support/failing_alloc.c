/* Allocation functions that fail when told so; linked in by tests that wrap them. */
#include "failing_alloc.h"

#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strndup(const char *s, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strndup(const char *s, size_t len);

static _Atomic int fails_at; /* this one from now, in whatever thread; 0 and below: none */
static atomic_bool failed;
static atomic_bool mine_only;
static _Thread_local bool mine;

static void start(int n, bool only_mine)
{
    mine = true;
    mine_only = only_mine;
    failed = false;
    fails_at = n;
}

void failing_alloc_at(int n)
{
    start(n, false);
}

void failing_alloc_mine_at(int n)
{
    start(n, true);
}

bool failing_alloc_off(void)
{
    fails_at = 0;
    mine = false;
    return failed;
}

static bool fails(void)
{
    if (fails_at <= 0 || (mine_only && !mine) || atomic_fetch_sub(&fails_at, 1) != 1)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strndup(const char *s, size_t len)
{
    return fails() ? NULL : __real_strndup(s, len);
}
