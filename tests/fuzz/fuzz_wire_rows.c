/*
 * Bodies of peer rows and index rows. What is believed keeps its bounds, and, written out again, is
 * believed again and is then the same byte for byte.
 */
#include "p2pdi/wire/message.h"
#include "p2pdi/wire/rows.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Parses rows, and formats those that came out. true: the whole body was right. */
typedef bool rows_again(struct slice body, struct buf *out);

static bool peers_again(struct slice body, struct buf *out)
{
    struct wire_rows c = {0};
    struct wire_peer_row row;

    wire_peer_header_format(out);
    while (wire_peer_rows_next(&c, body, &row)) {
        must(row.addr.port != 0 && !addr_is_any(&row.addr) && row.ttl_s <= WIRE_TTL_MAX_S);
        wire_peer_row_format(out, &row);
    }
    must(c.offset <= body.n);
    return c.fault[0] == '\0';
}

static bool index_again(struct slice body, struct buf *out)
{
    struct wire_rows c = {0};
    struct wire_index_row row;

    wire_index_header_format(out);
    while (wire_index_rows_next(&c, body, &row)) {
        must(row.holder.port != 0 && !addr_is_any(&row.holder) && row.ttl_s <= WIRE_TTL_MAX_S);
        must(row.rfc > 0 && row.rfc <= WIRE_RFC_MAX && strlen(row.title) < sizeof(row.title));
        must(strpbrk(row.title, "\t\r\n\x1b\x7f") == NULL);
        wire_index_row_format(out, &row);
    }
    must(c.offset <= body.n);
    return c.fault[0] == '\0';
}

static void check(struct slice body, rows_again *again)
{
    struct buf first, second;

    buf_init(&first, (size_t)1 << 24);
    buf_init(&second, (size_t)1 << 24);
    (void)again(body, &first);
    must(buf_status(&first) == DI_OK);
    must(again((struct slice){buf_bytes(&first), first.len}, &second));
    must(first.len == second.len && memcmp(buf_bytes(&first), buf_bytes(&second), first.len) == 0);
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = {(const char *)data, size};

    check(body, peers_again);
    check(body, index_again);
    return 0;
}
