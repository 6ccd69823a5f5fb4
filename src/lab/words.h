/* The vocabulary of generated documents; what comes often stands first. Included by generate.c only. */
#ifndef P2PDI_LAB_WORDS_H
#define P2PDI_LAB_WORDS_H

static const char *const nouns[] = {
    "server",      "client",      "message",     "peer",       "connection",  "request",
    "response",    "header",      "field",       "address",    "host",        "value",
    "packet",      "session",     "timer",       "identifier", "protocol",    "implementation",
    "sender",      "receiver",    "cache",       "record",     "option",      "route",
    "node",        "interface",   "algorithm",   "key",        "certificate", "token",
    "state",       "error",       "path",        "resource",   "octet",       "segment",
    "window",      "queue",       "label",       "domain",     "name",        "resolver",
    "signature",   "extension",   "parameter",   "encoding",   "sequence",    "payload",
    "checksum",    "fragment",    "neighbor",    "link",       "group",       "policy",
    "association", "transaction", "transport",   "tunnel",     "endpoint",    "registry",
    "prefix",      "metric",      "router",      "gateway",    "proxy",       "agent",
    "directory",   "schema",      "attribute",   "element",    "document",    "index",
    "digest",      "nonce",       "counter",     "lease",      "binding",     "mapping",
    "handshake",   "datagram",    "stream",      "buffer",     "threshold",   "interval",
    "deployment",  "operator",    "measurement", "topology",   "replica",     "subscriber",
    "credential",  "trailer",     "alias",       "quota",      "watermark",   "snapshot",
    "delegation",  "heartbeat",   "rendezvous",  "beacon",     "adjacency",   "translation",
};
static const char *const adjectives[] = {
    "new",         "valid",        "local",         "remote",         "current",      "initial",
    "optional",    "reserved",     "corresponding", "specified",      "same",         "previous",
    "given",       "unknown",      "additional",    "active",         "appropriate",  "default",
    "expected",    "cached",       "authenticated", "encrypted",      "unsigned",     "maximum",
    "minimum",     "duplicate",    "outstanding",   "recursive",      "temporary",    "persistent",
    "malformed",   "intermediate", "idle",          "hierarchical",   "anonymous",    "redundant",
    "stale",       "opaque",       "negotiated",    "unidirectional", "symmetric",    "aggregated",
    "provisional", "idempotent",   "monotonic",     "constrained",    "asynchronous", "unsolicited",
};
static const char *const verbs[] = {
    "send",     "receive",   "ignore",     "discard",    "include",    "contain",    "use",
    "set",      "process",   "forward",    "accept",     "reject",     "establish",  "close",
    "update",   "verify",    "store",      "select",     "generate",   "transmit",   "indicate",
    "support",  "maintain",  "announce",   "advertise",  "negotiate",  "retransmit", "acknowledge",
    "compute",  "validate",  "encode",     "replace",    "withdraw",   "refresh",    "terminate",
    "resolve",  "propagate", "truncate",   "authorize",  "aggregate",  "replicate",  "invalidate",
    "suppress", "multiplex", "prioritize", "quarantine", "reassemble", "interleave",
};
static const char *const musts[] = {
    "MUST", "SHOULD", "MAY", "MUST NOT", "can", "will", "SHOULD NOT", "does not", "is able to",
};
static const char *const clauses[] = {
    "if the timer has expired",
    "unless otherwise specified",
    "as described below",
    "when the connection is closed",
    "before any other message is sent",
    "in the order in which they were received",
    "after the handshake has completed",
    "regardless of its length",
    "to avoid congestion",
    "for reasons of backward compatibility",
    "if no such entry exists",
    "until an acknowledgment arrives",
    "with a random delay of up to one second",
    "even if the path has changed",
    "when more than half of them fail",
    "subject to local policy",
    "in network byte order",
    "whenever the sequence number wraps",
};
static const char *const places[] = {
    "in this section",   "in the header",    "at the edge",        "on the local link",
    "in transit",        "within its scope", "on the same path",   "at the receiver",
    "in the index",      "behind a gateway", "on every interface", "across restarts",
    "in each direction", "under heavy load", "outside the domain", "at regular intervals",
};
/* %n noun, %a adjective, %v verb, %m must, %l clause, %p place, %# number. */
static const char *const sentence_shapes[] = {
    "The %n %m %v the %a %n %l.",
    "A %n that is %a %m %v the %n of each %a %n.",
    "The %n is %a and %m be set to %#.",
    "If the %n is %a, the %n %m %v the %n %p.",
    "This document does not say how a %n is to %v its %n.",
    "Each %n has a %a %n, and the %a %n %m %v it %l.",
    "When a %a %n arrives, the %n %m %v the %n and %v the %n %p.",
    "A %a %n of %# octets follows the %a %n.",
    "Note that the %n and the %n are %a %l.",
    "It is RECOMMENDED that a %n %v its %n %p.",
    "The %a %n consists of a %a %n, a %n, and zero or more %a %n entries.",
    "Such a %n %m %v more than %# %a %n entries %l.",
    "In the case of a %a %n, a %n MAY %v any %n %p.",
    "Otherwise, the %n %m %v the %n with the %a %n.",
    "There are %# ways to %v a %n %p.",
    "The value of the %n field is the number of %a %n entries %p.",
    "See also the discussion of the %a %n %p.",
    "Experience with %a %n deployments has shown that a %n %m %v its %n %l.",
};
static const char *const fields[] = {
    "Type",        "Length", "Identifier", "Flags",   "Reserved", "Checksum", "Source", "Sequence",
    "Destination", "Window", "Offset",     "Options", "Lifetime", "Metric",   "Nonce",  "Version",
};
static const char *const title_adjectives[] = {
    "Simple",    "Extensible", "Distributed",   "Secure",   "Lightweight", "Reliable",
    "Multicast", "Encrypted",  "Federated",     "Adaptive", "Scalable",    "Generic",
    "Dynamic",   "Anonymous",  "Bidirectional", "Common",
};
static const char *const title_nouns[] = {
    "Relay",    "Discovery", "Transport", "Index",      "Session",   "Routing",
    "Naming",   "Directory", "Telemetry", "Exchange",   "Signaling", "Archive",
    "Mobility", "Presence",  "Caching",   "Rendezvous",
};
static const char *const title_kinds[] = {
    "Protocol", "Framework", "Architecture", "Requirements", "Extensions", "Profile",
};
static const char *const surnames[] = {
    "Almeida", "Brandt",  "Castellano", "Duarte",    "Eriksen", "Fontaine", "Gruber", "Hartono",
    "Ivanova", "Jansson", "Kowalski",   "Lindqvist", "Moreau",  "Nakagawa", "Okafor", "Petrov",
    "Quispe",  "Rahman",  "Silva",      "Takahashi", "Ueda",    "Varga",    "Weber",  "Zhang",
};
static const char *const months[] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December",
};

#endif
