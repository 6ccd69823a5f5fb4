/*
 * The dialogues of docs/PROTOCOL.md, played against the real program as they stand there: as a whole,
 * and byte by byte. Each has a server of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "play.h"
#include "program.h"

#define DOCUMENT "docs/PROTOCOL.md"
#define TEXT_MAX ((size_t)1 << 20)

static struct dialogues all;

struct performance {
    const struct dialogue *dialogue;
    bool byte_by_byte;
    char name[80];
};

static void dialogue_goes_as_written(void **state)
{
    const struct performance *perf = *state;
    struct program program;
    char why[PLAY_WHY_SIZE];
    bool played, stopped;

    if (!program_start(&program, perf->dialogue->server, all.documents, all.document_count, why))
        fail_msg("%s", why);
    played = play_dialogue(perf->dialogue, program.port, perf->byte_by_byte, why);
    if (!played)
        print_error("%s\n", why);
    stopped = program_stop(&program, why);
    if (!stopped)
        print_error("%s\n", why);
    assert_true(played && stopped);
}

static char *read_document(size_t *len)
{
    char *text = malloc(TEXT_MAX);
    FILE *f = fopen(DOCUMENT, "rb");

    *len = 0;
    if (f == NULL || text == NULL)
        perror(DOCUMENT);
    else
        *len = fread(text, 1, TEXT_MAX, f);
    if (f != NULL)
        (void)fclose(f);
    return text;
}

int main(void)
{
    char why[200];
    size_t len, count = 0;
    char *text = read_document(&len);
    struct performance *perfs;
    struct CMUnitTest *tests;
    int result = 1;

    if (!dialogues_read(&all, (struct slice){text, len}, why)) {
        (void)fprintf(stderr, DOCUMENT ": %s\n", why);
        goto out;
    }
    perfs = calloc(all.dialogue_count * 2, sizeof(*perfs));
    tests = calloc(all.dialogue_count * 2, sizeof(*tests));
    for (size_t i = 0; perfs != NULL && tests != NULL && i < all.dialogue_count * 2; i++) {
        const struct dialogue *d = &all.dialogues[i / 2];
        struct performance *p = &perfs[count];

        /* What takes long is not done twice. */
        if (d->slow && i % 2 == 1)
            continue;
        *p = (struct performance){.dialogue = d, .byte_by_byte = i % 2 == 1};
        (void)snprintf(p->name, sizeof(p->name), "%s:%u, %s", DOCUMENT, d->number,
                       p->byte_by_byte ? "byte by byte" : "as a whole");
        tests[count++] = (struct CMUnitTest){
            .name = p->name, .test_func = dialogue_goes_as_written, .initial_state = p};
    }
    result = count == 0 ? 1 : _cmocka_run_group_tests(DOCUMENT, tests, count, NULL, NULL);
    free(perfs);
    free(tests);
out:
    dialogues_free(&all);
    free(text);
    return result;
}
