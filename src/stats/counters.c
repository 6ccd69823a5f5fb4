/* The counters as Prometheus text (exposition format 0.0.4). Any thread. */
#include "p2pdi/stats/counters.h"

#include <stdatomic.h>

void stats_format_prometheus(struct buf *out, const struct stats_counters *s, const char *role)
{
#define X(name, kind, help)                                                                        \
    buf_append_str(out, "# HELP p2pdi_" #name " " help "\n# TYPE p2pdi_" #name " " #kind "\n");    \
    buf_printf(out, "p2pdi_" #name "{role=\"%s\"} %lld\n", role, (long long)STATS_GET(s, name));
    STATS_MAP(X)
#undef X
}
