/* How many links a peer takes documents over, whatever the machine has to do: time stands still for the scheduler. */
/* ld: -Wl,--wrap=sched_next,--wrap=sched_on_done,--wrap=sched_link_up,--wrap=library_part_verify */
#include "peer_world.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/sched/sched.h"
#include "p2pdi/store/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DOCUMENTS 60
#define ALONE 10 /* so many come before there must be another link */
#define PATIENCE_US (60 * CLOCK_US_PER_S)

static struct lock lock = LOCK_INITIALIZER;
static struct cond linked;
/* guarded by lock */
static size_t links, verified;
static int64_t until_us; /* the first link waits no longer */

bool __real_sched_next(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out);
bool __wrap_sched_next(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out);
bool __real_sched_on_done(struct sched *s, uint32_t link, uint32_t id, int64_t now_us);
bool __wrap_sched_on_done(struct sched *s, uint32_t link, uint32_t id, int64_t now_us);
void __real_sched_link_up(struct sched *s, uint32_t link);
void __wrap_sched_link_up(struct sched *s, uint32_t link);
enum di_err __real_library_part_verify(struct library_part *p);
enum di_err __wrap_library_part_verify(struct library_part *p);

/* Answers take no time, so that the holder is fast. */
bool __wrap_sched_next(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out)
{
    (void)now_us;
    return __real_sched_next(s, link, 1, out);
}

bool __wrap_sched_on_done(struct sched *s, uint32_t link, uint32_t id, int64_t now_us)
{
    (void)now_us;
    return __real_sched_on_done(s, link, id, 1);
}

void __wrap_sched_link_up(struct sched *s, uint32_t link)
{
    __real_sched_link_up(s, link);
    lock_acquire(&lock);
    links++;
    cond_broadcast(&linked);
    lock_release(&lock);
}

/* The first link comes to a stop until there is a second one. */
enum di_err __wrap_library_part_verify(struct library_part *p)
{
    lock_acquire(&lock);
    verified++;
    while (verified > ALONE && links < 2 && cond_wait_until(&linked, &lock, until_us))
        continue;
    lock_release(&lock);
    return __real_library_part_verify(p);
}

static void a_holder_that_answers_at_once_gets_a_second_link(void **state)
{
    struct node a, b;

    (void)state;
    cond_init(&linked);
    world_start(&world);
    node_init(&a, "a");
    node_init(&b, "b");
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        node_write(&a, 8600 + i, i, 1000);
    node_start(&a, &world);
    node_start(&b, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_wait_rfcs(a.peer, DOCUMENTS, WORLD_WAIT_US), DI_OK);
    until_us = clock_mono_us() + PATIENCE_US;
    assert_int_equal(node_get_all(&b).done, DOCUMENTS);
    lock_acquire(&lock);
    assert_true(links >= 2);
    lock_release(&lock);
    node_stop(&b);
    node_stop(&a);
    node_fini(&b);
    node_fini(&a);
    world_stop(&world);
    cond_fini(&linked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_holder_that_answers_at_once_gets_a_second_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
