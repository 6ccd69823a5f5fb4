/* Edit distance on short words. Main thread. */
#include "nearest.h"

#include <string.h>

#define WORD_MAX 31

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
static size_t distance(struct slice a, struct slice b)
{
    size_t d[WORD_MAX + 1][WORD_MAX + 1];

    for (size_t i = 0; i <= a.n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= b.n; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = d[i - 1][j - 1] + (a.p[i - 1] == b.p[j - 1] ? 0 : 1);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[a.n][b.n];
}

const char *nearest_word(struct slice word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = 0;

    if (word.n == 0 || word.n > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct slice c = slice_of(candidates[i]);
        if (c.n > WORD_MAX)
            continue;
        size_t n = distance(word, c);
        if (word.n >= 3 && c.n > word.n && memcmp(c.p, word.p, word.n) == 0)
            n = 1; /* a beginning is as good as a typing error */
        if (n <= 1 + c.n / 4 && n < c.n && (best == NULL || n < best_distance)) {
            best = candidates[i];
            best_distance = n;
        }
    }
    return best;
}
