/* Runs in tests, one thread. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 30000
#define STOP_MS 30000
#define PATH 512

static bool failed(char why[200], const char *what)
{
    (void)snprintf(why, 200, "%.100s: %s", what, strerror(errno));
    return false;
}

static bool make_directory(char out[PATH], const char *under, const char *name)
{
    int n = snprintf(out, PATH, "%s/%s", under, name);
    return n > 0 && n < PATH && mkdir(out, 0700) == 0;
}

static bool write_documents(const char *dir, const struct dialogue_document *documents,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH + 100];
        (void)snprintf(path, sizeof(path), "%s/%.*s", dir, (int)documents[i].name.n,
                       documents[i].name.p);
        FILE *f = fopen(path, "wb");
        if (f == NULL)
            return false;
        size_t n = fwrite(documents[i].text.p, 1, documents[i].text.n, f);
        if (fclose(f) != 0 || n != documents[i].text.n)
            return false;
    }
    return true;
}

static void run_child(enum dialogue_server server, const char *share, const char *state)
{
    const char *program = getenv("P2PDI");

    /* Should the test die, its child must not stay. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (server == DIALOGUE_RS)
        execl(program, program, "rs", "--json", "--listen", "127.0.0.1:0", "--state", state,
              (char *)NULL);
    else
        execl(program, program, "peer", "--batch", "--json", "--listen", "127.0.0.1:0", "--share",
              share, "--state", state, (char *)NULL);
    (void)fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

static bool spawn(struct program *p, enum dialogue_server server, const char *share,
                  const char *state)
{
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) != 0)
        return false;
    if (pipe2(out, O_CLOEXEC) != 0)
        goto close_in;
    p->pid = fork();
    if (p->pid < 0)
        goto close_out;
    if (p->pid == 0) {
        if (dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1)
            run_child(server, share, state);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    p->in = in[1];
    p->out = out[0];
    return true;

close_out:
    (void)close(out[0]);
    (void)close(out[1]);
close_in:
    (void)close(in[0]);
    (void)close(in[1]);
    return false;
}

/* Reads lines of the child's output up to the one that has this word. */
static bool await_event(struct program *p, const char *word, char line[1000], char why[200])
{
    size_t n = 0;

    for (;;) {
        struct pollfd ready = {.fd = p->out, .events = POLLIN};
        if (poll(&ready, 1, START_MS) <= 0 || read(p->out, line + n, 1) != 1) {
            (void)snprintf(why, 200, "the program did not say %s", word);
            return false;
        }
        if (line[n] != '\n') {
            n += n < 998;
            continue;
        }
        line[n] = '\0';
        n = 0;
        if (strstr(line, word) != NULL)
            return true;
    }
}

static bool await_start(struct program *p, enum dialogue_server server, size_t count, char why[200])
{
    char line[1000];
    char command[100];
    const char *port;
    uint64_t n;

    if (!await_event(p, "\"listening\"", line, why))
        return false;
    port = strstr(line, "\"port\":");
    if (port == NULL ||
        !text_parse_u64((struct slice){port + 7, strspn(port + 7, "0123456789")}, UINT16_MAX, &n)) {
        (void)snprintf(why, 200, "no port in %.150s", line);
        return false;
    }
    p->port = (uint16_t)n;
    if (server == DIALOGUE_RS)
        return true;
    int len = snprintf(command, sizeof(command), "wait rfcs %zu timeout 20\nindex\n", count);
    if (write(p->in, command, (size_t)len) != len)
        return failed(why, "writing a command");
    return await_event(p, "\"index\"", line, why);
}

bool program_start(struct program *p, enum dialogue_server server,
                   const struct dialogue_document *documents, size_t count, char why[200])
{
    char dir[PATH], share[PATH], state[PATH], ignored[200];
    const char *tmp = getenv("TMPDIR");

    *p = (struct program){.pid = -1};
    if (getenv("P2PDI") == NULL) {
        (void)snprintf(why, 200, "P2PDI does not name the program to test");
        return false;
    }
    (void)snprintf(dir, sizeof(dir), "%s/dialogue.XXXXXX", tmp == NULL ? "/tmp" : tmp);
    if (mkdtemp(dir) == NULL || !make_directory(share, dir, "rfcs") ||
        !make_directory(state, dir, "state"))
        return failed(why, dir);
    if (server == DIALOGUE_PEER && !write_documents(share, documents, count))
        return failed(why, share);
    if (!spawn(p, server, share, state))
        return failed(why, "starting the program");
    if (await_start(p, server, count, why))
        return true;
    (void)program_stop(p, ignored);
    return false;
}

bool program_stop(struct program *p, char why[200])
{
    int status = 0;
    struct pollfd ended = {.fd = p->out, .events = POLLIN};
    char rest[1000];
    bool late = false;

    (void)kill(p->pid, SIGTERM);
    /* Its output ends when it does. */
    do {
        late = poll(&ended, 1, STOP_MS) <= 0;
    } while (!late && read(p->out, rest, sizeof(rest)) > 0);
    if (late)
        (void)kill(p->pid, SIGKILL);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)close(p->in);
    (void)close(p->out);
    if (!late && WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM)
        return true;
    (void)snprintf(why, 200, "after SIGTERM the program %s with %d",
                   late ? "did not end: killed" : "ended",
                   WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return false;
}
