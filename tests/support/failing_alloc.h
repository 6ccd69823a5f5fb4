/*
 * Makes the n-th allocation from now fail, so that a test can go through all of them:
 *
 *     for (int n = 1;; n++) {
 *         failing_alloc_at(n);
 *         err = ...;
 *         if (!failing_alloc_off())
 *             break;
 *         ...
 *     }
 *
 * The test's line for the linker: ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup
 */
#ifndef P2PDI_TESTS_SUPPORT_FAILING_ALLOC_H
#define P2PDI_TESTS_SUPPORT_FAILING_ALLOC_H

#include <stdbool.h>

void failing_alloc_at(int n);
/* The same, of the calling thread alone: what others allocate meanwhile is not counted. */
void failing_alloc_mine_at(int n);
/* No more failures; true: the one asked for has happened. */
bool failing_alloc_off(void);

#endif
