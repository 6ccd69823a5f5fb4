/*
 * Counters that any thread bumps and anyone reads. One table makes the struct, the /metrics text and
 * the screens' numbers.
 */
#ifndef P2PDI_STATS_COUNTERS_H
#define P2PDI_STATS_COUNTERS_H

#include "p2pdi/base/buf.h"

#include <stdatomic.h>
#include <stdint.h>

/* X(name, kind, help): kind is counter or gauge. Prometheus name: p2pdi_<name>. */
#define STATS_MAP(X)                                                                               \
    X(connections_accepted_total, counter, "Connections accepted")                                 \
    X(connections_refused_total, counter, "Connections refused at the connection cap")             \
    X(connections_open, gauge, "Connections open now")                                             \
    X(connections_parked, gauge, "Of these, waiting for news")                                     \
    X(connections_timed_out_total, counter,                                                        \
      "Connections closed for idleness, slow heads, slow reading")                                 \
    X(jobs_rejected_total, counter, "Requests answered 503 because the queue was full")            \
    X(accept_paused_total, counter, "Times accepting paused for lack of descriptors")              \
    X(requests_total, counter, "Requests served")                                                  \
    X(request_errors_total, counter, "Requests answered with 4xx or 5xx")                          \
    X(bytes_received_total, counter, "Bytes received by the server")                               \
    X(bytes_sent_total, counter, "Bytes sent by the server")                                       \
    X(register_total, counter, "REGISTER requests accepted")                                       \
    X(leave_total, counter, "LEAVE requests accepted")                                             \
    X(keepalive_total, counter, "KEEP-ALIVE requests accepted")                                    \
    X(pquery_total, counter, "PQUERY requests answered")                                           \
    X(rfcquery_total, counter, "RFC-Index requests answered")                                      \
    X(getrfc_total, counter, "GET RFC requests answered with the document or a part")              \
    X(http_total, counter, "HTTP requests served")                                                 \
    X(encoded_total, counter, "Answers sent compressed")                                           \
    X(peers_active, gauge, "Peers active now")                                                     \
    X(peers_known, gauge, "Peer records kept")                                                     \
    X(documents_held, gauge, "RFCs in the library")                                                \
    X(downloads_done_total, counter, "Documents downloaded, verified and published")               \
    X(downloads_failed_total, counter, "Documents that no holder could deliver")                   \
    X(download_bytes_total, counter, "Document bytes downloaded")                                  \
    X(download_unused_bytes_total, counter, "Document bytes that came twice, from two holders")    \
    X(mismatches_total, counter, "Documents received that did not match their SHA-256")

struct stats_counters {
#define X(name, kind, help) _Atomic(int64_t) name;
    STATS_MAP(X)
#undef X
};

#define STATS_ADD(stats, name, n)                                                                  \
    atomic_fetch_add_explicit(&(stats)->name, (n), memory_order_relaxed)
#define STATS_SET(stats, name, n) atomic_store_explicit(&(stats)->name, (n), memory_order_relaxed)
#define STATS_GET(stats, name) atomic_load_explicit(&(stats)->name, memory_order_relaxed)

/* Prometheus text exposition of all counters that role ("rs" or "peer") labels. Any thread. */
void stats_format_prometheus(struct buf *out, const struct stats_counters *s, const char *role);

#endif
