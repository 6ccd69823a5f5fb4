/*
 * uthash, seeded: keys come from the network, so the hash is SipHash-1-3 under a key drawn at start.
 * Include this, never <uthash.h>. Out of memory in HASH_ADD leaves the element out: check with
 * hash_was_added(elt) (hh.tbl is NULL after a failed add).
 */
#ifndef P2PDI_BASE_HASH_H
#define P2PDI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* SipHash-1-3 under the process's key. Any thread. */
uint32_t hash_bytes(const void *key, size_t len);
/* The same under a key of the caller's, all 64 bits. Pure. */
uint64_t hash_sip13(const uint64_t key[2], const void *bytes, size_t len);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = hash_bytes((keyptr), (keylen)))
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elt) ((elt)->hh.tbl = NULL)
#include <uthash.h>

#define hash_was_added(elt) ((elt)->hh.tbl != NULL)

#endif
