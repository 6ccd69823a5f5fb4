/* The closed vocabularies of the wire as words, and faults. Pure, any thread. */
#include "p2pdi/wire/message.h"

#include <stdarg.h>
#include <stdio.h>

const char *wire_method_words(enum wire_method m)
{
    static const char *const words[WIRE_METHOD_COUNT] = {
#define X(name, word) [WIRE_##name] = (word),
        WIRE_METHOD_MAP(X)
#undef X
    };
    return words[m];
}

const char *wire_status_phrase(int status)
{
    switch (status) {
#define X(code, phrase)                                                                            \
    case code:                                                                                     \
        return phrase;
        WIRE_STATUS_MAP(X)
#undef X
    default:
        return "Unknown";
    }
}

bool wire_status_closes(int status)
{
    return status == 400 || status == 408 || status == 413 || status == 431 || status == 503 ||
           status == 505;
}

void wire_fault_set(struct wire_fault *f, int status, const char *fmt, ...)
{
    va_list ap;

    f->status = status;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
}
