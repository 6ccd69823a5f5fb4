/* The events that the manual describes, read with jansson. The lab's thread. */
#include "event.h"

#include "p2pdi/base/buf.h"
#include "p2pdi/base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool get_u64(const json_t *o, const char *key, uint64_t max, uint64_t *out)
{
    const json_t *v = json_object_get(o, key);
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n < 0 || (uint64_t)n > max)
        return false;
    *out = (uint64_t)n;
    return true;
}

static bool get_slice(const json_t *o, const char *key, struct slice *out)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_string(v))
        return false;
    *out = (struct slice){json_string_value(v), json_string_length(v)};
    return true;
}

static bool get_addr(const json_t *o, const char *key, struct addr *out)
{
    struct slice text;

    return get_slice(o, key, &text) && addr_parse(text, out);
}

static bool read_listening(const json_t *o, struct lab_event *ev)
{
    struct slice host;
    uint64_t port;

    if (!get_slice(o, "host", &host) || !get_u64(o, "port", UINT16_MAX, &port) ||
        !addr_parse_host(host, &ev->addr))
        return false;
    ev->addr.port = (uint16_t)port;
    return true;
}

static bool read_start(const json_t *o, struct lab_event *ev)
{
    uint64_t rfc;

    if (!get_u64(o, "rfc", UINT32_MAX, &rfc) || !get_addr(o, "from", &ev->addr))
        return false;
    ev->rfc = (uint32_t)rfc;
    return true;
}

static bool read_done(const json_t *o, struct lab_event *ev)
{
    uint64_t us;
    struct slice hex;

    if (!read_start(o, ev) || !get_u64(o, "us", INT64_MAX, &us) ||
        !get_u64(o, "bytes", INT64_MAX, &ev->bytes) ||
        !get_u64(o, "wire_bytes", INT64_MAX, &ev->wire_bytes) || !get_slice(o, "sha256", &hex) ||
        !sha256_parse(hex, &ev->sha256))
        return false;
    ev->us = (int64_t)us;
    return true;
}

/* "RFC 8590: 127.0.0.1:40001 timed out; 127.0.0.1:40002 refused" */
static bool read_failed(const json_t *o, struct lab_event *ev)
{
    const json_t *tried = json_object_get(o, "tried");
    struct buf b;
    uint64_t rfc;
    size_t i;

    if (!json_is_array(tried) || !get_u64(o, "rfc", UINT32_MAX, &rfc))
        return false;
    ev->rfc = (uint32_t)rfc;
    buf_init(&b, 4096);
    buf_printf(&b, "RFC %u:", ev->rfc);
    for (i = 0; i < json_array_size(tried); i++) {
        struct slice from = SLICE("?"), why = SLICE("?");

        get_slice(json_array_get(tried, i), "from", &from);
        get_slice(json_array_get(tried, i), "why", &why);
        buf_printf(&b, "%s %.*s %.*s", i == 0 ? "" : ";", (int)from.n, from.p, (int)why.n, why.p);
    }
    if (i == 0)
        buf_append_str(&b, " nobody has it");
    text_clean(ev->text, sizeof(ev->text), (struct slice){buf_bytes(&b), b.len});
    buf_fini(&b);
    return true;
}

static bool read_error(const json_t *o, struct lab_event *ev)
{
    struct slice what, why;
    char both[600];

    if (!get_slice(o, "what", &what) || !get_slice(o, "why", &why))
        return false;
    snprintf(both, sizeof(both), "%.*s: %.*s", (int)what.n, what.p, (int)why.n, why.p);
    text_clean(ev->text, sizeof(ev->text), slice_of(both));
    return true;
}

static bool read_event(const json_t *o, struct lab_event *ev)
{
    struct slice name;
    const json_t *t = json_object_get(o, "t");

    if (!get_slice(o, "event", &name) || !json_is_number(t))
        return false;
    ev->t_us = llround(json_number_value(t) * 1e6);
    if (slice_equal(name, SLICE("listening"))) {
        ev->kind = LAB_EV_LISTENING;
        return read_listening(o, ev);
    }
    if (slice_equal(name, SLICE("registered"))) {
        ev->kind = LAB_EV_REGISTERED;
        return true;
    }
    if (slice_equal(name, SLICE("peers"))) {
        ev->kind = LAB_EV_PEERS;
        return get_u64(o, "count", UINT32_MAX, &ev->count);
    }
    if (slice_equal(name, SLICE("index"))) {
        ev->kind = LAB_EV_INDEX;
        return get_u64(o, "rfcs", UINT32_MAX, &ev->count);
    }
    if (slice_equal(name, SLICE("start"))) {
        ev->kind = LAB_EV_START;
        return read_start(o, ev);
    }
    if (slice_equal(name, SLICE("done"))) {
        ev->kind = LAB_EV_DONE;
        return read_done(o, ev);
    }
    if (slice_equal(name, SLICE("failed"))) {
        ev->kind = LAB_EV_FAILED;
        return read_failed(o, ev);
    }
    if (slice_equal(name, SLICE("complete"))) {
        ev->kind = LAB_EV_COMPLETE;
        return get_u64(o, "files", UINT32_MAX, &ev->count);
    }
    if (slice_equal(name, SLICE("error"))) {
        ev->kind = LAB_EV_ERROR;
        return read_error(o, ev);
    }
    return true;
}

enum di_err lab_event_parse(const char *line, struct lab_event *ev)
{
    json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

    *ev = (struct lab_event){.kind = LAB_EV_OTHER};

    bool good = json_is_object(root) && read_event(root, ev);

    json_decref(root);
    return good ? DI_OK : DI_PROTOCOL;
}
