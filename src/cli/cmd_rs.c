/* `p2pdi rs`: a registration server until a signal comes. Main thread. */
#include "commands.h"
#include "input.h"
#include "screen.h"
#include "setup.h"
#include "signals.h"

#include "p2pdi/base/log.h"
#include "p2pdi/rs/rs.h"

enum cli_exit cmd_rs(const struct options *o, struct events *e)
{
    struct problem p;
    struct state_dir state;
    struct rs *rs = NULL;
    struct screen *screen = NULL;
    char why[256] = "";
    struct rs_config cfg = {.workers = (unsigned)options_number(o, OPT_WORKERS),
                            .trace = options_flag(o, OPT_TRACE) ? events_trace : NULL,
                            .trace_arg = e};

    enum cli_exit code = CLI_EXIT_OK;
    if (screen_is_wanted(o, e))
        code = screen_check(o, &p);
    if (code == CLI_EXIT_OK)
        code = setup_listen(o, &cfg.listen, &p);
    if (code == CLI_EXIT_OK)
        code = setup_state(o, "rs", &state, &p);
    if (code != CLI_EXIT_OK) {
        events_problem(e, &p);
        return code;
    }
    cfg.state = state.path;
    if (e->level == EVENTS_NORMAL)
        log_set_level(LOG_INFO);
    enum di_err err = DI_OK;
    if (screen_is_wanted(o, e))
        err = screen_new(e, &screen);
    if (screen != NULL) {
        cfg.news = screen_on_news;
        cfg.news_arg = screen;
    }
    if (err == DI_OK)
        err = rs_start(&cfg, &rs, why);
    if (err != DI_OK) {
        code = setup_failed(o, err, why, &p);
        events_problem(e, &p);
    } else {
        events_listening(e, rs_addr(rs));
        if (screen != NULL)
            code = screen_run_rs(screen, rs, state.path);
        else
            (void)input_sleep(INT64_MAX);
        rs_stop(rs);
        if (signals_exit_code() != 0)
            code = (enum cli_exit)signals_exit_code();
    }
    screen_free(screen);
    state_dir_close(&state);
    return code;
}
