/* Clocks, randomness and what else the system says of itself. In the world's one thread. */
#include "world_impl.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* What the linker puts in place of the system's. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags);
int __wrap_getrlimit(int what, struct rlimit *out);
long __wrap_sysconf(int what);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_gethostname(char *name, size_t size);
int __wrap_uname(struct utsname *out);
int __wrap_malloc_trim(size_t pad);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    int64_t us = w.now_us;

    if (clock == CLOCK_REALTIME)
        us += (WALL_S + (w.current == NULL ? 0 : task_proc()->host->wall_offset_s)) * SECOND;
    *out = (struct timespec){.tv_sec = us / SECOND, .tv_nsec = us % SECOND * 1000};
    return 0;
}

ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++)
        ((char *)bytes)[i] = (char)prng_next(&w.prng);
    return (ssize_t)len;
}

int __wrap_getrlimit(int what, struct rlimit *out)
{
    (void)what;
    *out = (struct rlimit){.rlim_cur = 1024, .rlim_max = 1024};
    return 0;
}

long __wrap_sysconf(int what)
{
    (void)what;
    return 2;
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    (void)pid;
    memset(set, 0, size);
    CPU_SET(0, set);
    CPU_SET(1, set);
    return 0;
}

int __wrap_gethostname(char *name, size_t size)
{
    (void)snprintf(name, size, "host%u", task_proc()->host->at);
    return 0;
}

int __wrap_uname(struct utsname *out)
{
    *out = (struct utsname){.sysname = "World", .release = "1"};
    return 0;
}

int __wrap_malloc_trim(size_t pad)
{
    (void)pad;
    return 0;
}
