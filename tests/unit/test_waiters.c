/* Long polls: offered, answered, kept, dropped; a slot waits for one answer at a time. */
#include "p2pdi/service/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    unsigned offered, expired;
    uint32_t answer_slot; /* decide says yes to this one and to expired ones */
};

static bool decide(void *arg, struct net_token token, void *request, bool expired)
{
    struct seen *seen = arg;
    assert_int_equal(*(uint32_t *)request, token.slot);
    seen->offered++;
    seen->expired += expired ? 1 : 0;
    return expired || token.slot == seen->answer_slot;
}

static void add(struct waiters *w, uint32_t slot, uint32_t generation, int64_t deadline_us,
                enum di_err want)
{
    uint32_t *request = malloc(sizeof(*request));
    assert_non_null(request);
    *request = slot;
    enum di_err err = waiters_add(w, (struct net_token){.slot = slot, .generation = generation},
                                  deadline_us, request);
    assert_int_equal(err, want);
    if (err != DI_OK)
        free(request);
}

static struct seen offer(struct waiters *w, int64_t now_us, uint32_t answer_slot)
{
    struct seen seen = {.answer_slot = answer_slot};
    waiters_offer(w, now_us, decide, &seen);
    return seen;
}

static void only_what_is_decided_goes(void **state)
{
    (void)state;
    struct waiters *w = NULL;
    assert_int_equal(waiters_new(8, &w), DI_OK);
    add(w, 1, 1, 100, DI_OK);
    add(w, 2, 1, 200, DI_OK);
    add(w, 3, 1, 300, DI_OK);
    assert_int_equal(offer(w, 0, 2).offered, 3);
    assert_int_equal(offer(w, 0, 99).offered, 2);
    struct seen seen = offer(w, 100, 99);
    assert_int_equal(seen.offered, 2);
    assert_int_equal(seen.expired, 1);
    assert_int_equal(offer(w, 0, 99).offered, 1);
    waiters_free(w); /* the leak check sees that the last one's request is freed */
}

static void a_slot_waits_once_and_again_after_its_answer(void **state)
{
    (void)state;
    struct waiters *w = NULL;
    assert_int_equal(waiters_new(2, &w), DI_OK);
    add(w, 1, 1, 100, DI_OK);
    add(w, 1, 1, 100, DI_LIMIT);
    add(w, 2, 1, 100, DI_LIMIT); /* beyond the slots there are */
    assert_int_equal(offer(w, 0, 1).offered, 1);
    add(w, 1, 1, 100, DI_OK);
    waiters_free(w);
}

static void a_dropped_connection_is_forgotten_its_successor_not(void **state)
{
    (void)state;
    struct waiters *w = NULL;
    assert_int_equal(waiters_new(4, &w), DI_OK);
    add(w, 1, 1, 100, DI_OK);
    waiters_drop(w, (struct net_token){.slot = 1, .generation = 1});
    assert_int_equal(offer(w, 0, 99).offered, 0);
    add(w, 1, 2, 100, DI_OK);
    waiters_drop(w, (struct net_token){.slot = 1, .generation = 1});
    waiters_drop(w, (struct net_token){.slot = 7, .generation = 1});
    assert_int_equal(offer(w, 0, 99).offered, 1);
    waiters_free(w);
    waiters_free(NULL);
}

static void cookies_are_masked_wherever_they_stand(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"LEAVE P2P-DI/1.0\r\nCookie: 123\r\nHost: x\r\n\r\n",
         "LEAVE P2P-DI/1.0\r\nCookie: ****\r\nHost: x\r\n\r\n"},
        {"cookie:   9", "cookie:   ****"},
        {"LEAVE P2P-DI/1.0 Host: 192.0.2.1 Cookie: 76 40001 ",
         "LEAVE P2P-DI/1.0 Host: 192.0.2.1 Cookie: **** 40001 "},
        {"COOKIE: 1\r\nCookie: 2\r\n", "COOKIE: ****\r\nCookie: ****\r\n"},
        {"no such field", "no such field"},
        {"", ""},
        {"cookie:", "cookie:****"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        buf_init(&b, 1000);
        service_mask_cookies(&b, cases[i].in, strlen(cases[i].in));
        assert_int_equal(b.len, strlen(cases[i].out));
        assert_memory_equal(buf_bytes(&b), cases[i].out, b.len);
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_decided_goes),
        cmocka_unit_test(a_slot_waits_once_and_again_after_its_answer),
        cmocka_unit_test(a_dropped_connection_is_forgotten_its_successor_not),
        cmocka_unit_test(cookies_are_masked_wherever_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
