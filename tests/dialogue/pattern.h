/* Lines of dialogues with values in braces: written out to be sent, and held against what came. */
#ifndef DIALOGUE_PATTERN_H
#define DIALOGUE_PATTERN_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/text.h"

#define PATTERN_VALUES 32
#define PATTERN_NAME_SIZE 16
#define PATTERN_VALUE_SIZE 200

/* What {names} stand for so far. */
struct pattern_values {
    struct {
        char name[PATTERN_NAME_SIZE];
        char value[PATTERN_VALUE_SIZE];
    } at[PATTERN_VALUES];
    size_t count;
};

/* false: no room, or the name or value is too long. */
bool pattern_bind(struct pattern_values *v, struct slice name, struct slice value);
/* Appends text with {name}, {64*x} and \x00 replaced. false: a name without value, a brace without end. */
bool pattern_expand(struct slice text, const struct pattern_values *v, struct buf *out);
/* Is text what the pattern says? Binds names that had no value yet, if so. {any} is never bound. */
bool pattern_match(struct slice pattern, struct slice text, struct pattern_values *v);

#endif
