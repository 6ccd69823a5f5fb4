/* How long framing and parsing of a request takes, and writing an index row. One thread, no I/O. */
#include "p2pdi/base/clock.h"
#include "p2pdi/wire/message.h"
#include "p2pdi/wire/rows.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS 1000000

static volatile unsigned sink; /* so that nothing is left out */

static double ns_each(int64_t start_us)
{
    return (double)(clock_mono_us() - start_us) * 1000.0 / ROUNDS;
}

static void measure_request(const char *name, const char *head)
{
    size_t len = strlen(head);
    int64_t start_us = clock_mono_us();
    double frame_ns;

    for (int i = 0; i < ROUNDS; i++) {
        struct wire_frame f = {0};
        sink += (unsigned)wire_request_frame(&f, head, len);
    }
    frame_ns = ns_each(start_us);
    start_us = clock_mono_us();
    for (int i = 0; i < ROUNDS; i++) {
        struct wire_request r;
        struct wire_fault fault;
        sink += (unsigned)wire_request_parse(head, len, &r, &fault);
    }
    printf("%-12s %4zu bytes   frame %5.0f ns   parse %5.0f ns\n", name, len, frame_ns,
           ns_each(start_us));
}

static void measure_rows(void)
{
    struct wire_index_row row = {.rfc = 8609,
                                 .ttl_s = 7200,
                                 .holder = addr_ipv4(192, 0, 2, 1, 40001),
                                 .size_bytes = 83000,
                                 .title = "Content-Centric Networking (CCNx) Messages"};
    struct buf out;
    struct wire_rows c = {0};
    int64_t start_us = clock_mono_us();
    double format_ns;

    buf_init(&out, SIZE_MAX / 2);
    wire_index_header_format(&out);
    for (int i = 0; i < ROUNDS; i++)
        wire_index_row_format(&out, &row);
    format_ns = ns_each(start_us);
    start_us = clock_mono_us();
    while (wire_index_rows_next(&c, (struct slice){buf_bytes(&out), out.len}, &row))
        sink++;
    printf("%-12s %4zu bytes   format %4.0f ns   parse %5.0f ns%s\n", "index row", out.len / ROUNDS,
           format_ns, ns_each(start_us), c.fault[0] == '\0' ? "" : " (failed)");
    buf_fini(&out);
}

int main(void)
{
    measure_request("GET RFC",
                    "GET RFC 8609 P2P-DI/1.0\r\nHost: 10.0.0.1\r\nOS: Linux 6.1\r\n\r\n");
    measure_request("PQUERY", "PQUERY P2P-DI/1.0\r\nHost: h\r\nCookie: 1234567890123456789\r\n"
                              "Since: 1234567890abcdef.12\r\nWait: 60\r\n\r\n");
    measure_request("HTTP", "GET /rfc/8609.txt HTTP/1.1\r\nHost: 127.0.0.1:40001\r\n"
                            "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n");
    measure_rows();
    return 0;
}
