/*
 * An actor for tests of the lab: plays `rs` and `peer`, taking documents straight from the
 * other peers' directories. FAKE_FAULT makes P1 misbehave; a peer ends at once unless
 * its --up is FAKE_UP, where that is set, and its --down 0.
 */
#ifndef TESTS_FAKE_P2PDI_H
#define TESTS_FAKE_P2PDI_H

/* For main(): argv[1] is "rs" or "peer". Returns the exit code. */
int fake_p2pdi(int argc, char **argv);

#endif
