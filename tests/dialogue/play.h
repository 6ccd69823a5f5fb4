/* Plays one dialogue against a server that runs. */
#ifndef DIALOGUE_PLAY_H
#define DIALOGUE_PLAY_H

#include "dialogues.h"

#include <stdint.h>

#define PLAY_WHY_SIZE 4096

/* byte_by_byte: each byte of the client's in a segment of its own. false: why says which line, and what came. */
bool play_dialogue(const struct dialogue *d, uint16_t port, bool byte_by_byte,
                   char why[PLAY_WHY_SIZE]);

#endif
