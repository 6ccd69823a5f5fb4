/* The actor. Its port is 40000 and its number, which the lab's names of directories tell. */
#include "fake_p2pdi.h"

#include "p2pdi/base/buf.h"
#include "p2pdi/base/clock.h"
#include "p2pdi/base/json.h"
#include "p2pdi/base/sha256.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t start_us;
static unsigned self, peers;
static char root[4000]; /* where the libraries lie */

static bool fault(const char *name)
{
    const char *is = getenv("FAKE_FAULT");

    return self == 1 && is != NULL && strcmp(is, name) == 0;
}

static void begin(struct buf *b, const char *event)
{
    buf_init(b, 1u << 16);
    json_object_begin(b, NULL);
    json_u64(b, "v", 1);
    json_text(b, "event", event);
    json_seconds(b, "t", clock_mono_us() - start_us);
}

static void end(struct buf *b)
{
    json_object_end(b);
    printf("%.*s\n", (int)b->len, buf_bytes(b));
    fflush(stdout);
    buf_fini(b);
}

static void say_number(const char *event, const char *key, uint64_t n)
{
    struct buf b;

    begin(&b, event);
    json_u64(&b, key, n);
    end(&b);
}

static void say_listening(unsigned port)
{
    struct buf b;

    begin(&b, "listening");
    json_text(&b, "host", "127.0.0.1");
    json_u64(&b, "port", port);
    end(&b);
}

/* A word of the command line after option; "" if there is none. */
static const char *option(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    }
    return "";
}

static bool read_document(unsigned holder, unsigned rfc, struct buf *out)
{
    char path[4100];
    FILE *f;

    snprintf(path, sizeof(path), "%s/p%u/rfc%u.txt", root, holder, rfc);
    f = fopen(path, "re");
    buf_clear(out);
    for (char *room; f != NULL && (room = buf_reserve(out, 65536)) != NULL;) {
        size_t n = fread(room, 1, 65536, f);

        buf_commit(out, n);
        if (n == 0)
            break;
    }
    if (f != NULL)
        fclose(f);
    return f != NULL;
}

static void write_document(unsigned rfc, const struct buf *b)
{
    char path[4100], temp[4200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/p%u/rfc%u.txt", root, self, rfc);
    snprintf(temp, sizeof(temp), "%s.part", path);
    f = fopen(temp, "we");
    if (f == NULL)
        exit(6);
    fwrite(buf_bytes(b), 1, b->len - (fault("wrong bytes") ? 1 : 0), f);
    fclose(f);
    rename(temp, path);
}

static void say_start(unsigned rfc, unsigned holder)
{
    struct buf b;
    char from[32];

    snprintf(from, sizeof(from), "127.0.0.1:%u", 40000 + holder);
    begin(&b, "start");
    json_u64(&b, "rfc", rfc);
    json_text(&b, "from", from);
    end(&b);
}

static void say_done(unsigned rfc, unsigned holder, const struct buf *document)
{
    struct buf b;
    struct sha256 d;
    char hex[SHA256_HEX_SIZE], from[32];

    if (sha256_of(buf_bytes(document), document->len, &d) != DI_OK)
        exit(1);
    if (fault("wrong hash"))
        d.byte[0] ^= 1;
    sha256_format(&d, hex);
    snprintf(from, sizeof(from), "127.0.0.1:%u", 40000 + holder);
    begin(&b, "done");
    json_u64(&b, "rfc", rfc);
    json_text(&b, "from", from);
    json_u64(&b, "bytes", document->len);
    json_u64(&b, "wire_bytes", document->len / 3);
    json_u64(&b, "us", 100 + rfc % 7);
    json_text(&b, "sha256", hex);
    end(&b);
}

/* "get N... [from HOST:PORT serial]" */
static void get(char *words)
{
    unsigned rfcs[2000], holder = 0;
    size_t count = 0;
    struct buf document;
    char *save = NULL;

    for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        const char *port = strchr(w, ':');

        if (port != NULL)
            holder = (unsigned)strtoul(port + 1, NULL, 10) - 40000;
        else if (*w >= '0' && *w <= '9')
            rfcs[count++] = (unsigned)strtoul(w, NULL, 10);
    }
    buf_init(&document, 1u << 24);
    for (size_t i = 0; i < count; i++) {
        if (fault("garbage") && i == 1)
            printf("\x1b[2J oops\n");
        if (fault("dies") && i == 1) {
            fprintf(stderr, "p2pdi: error: disk on fire\n");
            exit(6);
        }
        if (fault("hangs") && i == 1)
            for (;;)
                pause();
        say_start(rfcs[i], holder);
        if (!read_document(holder, rfcs[i], &document)) {
            struct buf b;

            begin(&b, "failed");
            json_u64(&b, "rfc", rfcs[i]);
            json_array_begin(&b, "tried");
            json_array_end(&b);
            end(&b);
            continue;
        }
        if (fault("forgets") && i == 1)
            continue;
        write_document(rfcs[i], &document);
        say_done(rfcs[i], holder, &document);
    }
    buf_fini(&document);
    say_number("complete", "files", count);
}

/* Documents that anyone has: those of every library, each counted once. */
static uint64_t count_documents(void)
{
    static bool seen[200000];
    uint64_t count = 0;

    for (unsigned i = 0; i < peers; i++) {
        char path[4100];
        DIR *dir;
        const struct dirent *entry;

        snprintf(path, sizeof(path), "%s/p%u", root, i);
        dir = opendir(path);
        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            unsigned long n = strncmp(entry->d_name, "rfc", 3) == 0
                                  ? strtoul(entry->d_name + 3, NULL, 10) % 200000
                                  : 0;

            count += n != 0 && !seen[n];
            seen[n] = true;
        }
        if (dir != NULL)
            closedir(dir);
    }
    return count;
}

static int play_peer(const char *library)
{
    static char line[100000];

    self = (unsigned)strtoul(strrchr(library, '/') + 2, NULL, 10);
    snprintf(root, sizeof(root), "%.*s", (int)(strrchr(library, '/') - library), library);
    peers = (unsigned)strtoul(getenv("FAKE_PEERS"), NULL, 10);
    say_listening(40000 + self);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "register") == 0)
            say_number("registered", "peer", self);
        else if (strcmp(line, "pquery") == 0)
            say_number("peers", "count", peers - 1);
        else if (strcmp(line, "rfcquery all") == 0)
            say_number("index", "rfcs", count_documents());
        else if (strncmp(line, "get ", 4) == 0)
            get(line + 4);
    }
    return fault("bad end") ? 1 : 0;
}

static void on_term(int signal)
{
    _exit(128 + signal);
}

/* Whether this peer's links were limited as the test wants it. */
static bool has_links(int argc, char **argv)
{
    const char *up = getenv("FAKE_UP");

    return up == NULL || (strcmp(option(argc, argv, "--up"), up) == 0 &&
                          strcmp(option(argc, argv, "--down"), "0") == 0);
}

int fake_p2pdi(int argc, char **argv)
{
    start_us = clock_mono_us();
    if (strcmp(argv[1], "rs") == 0) {
        self = 1000;
        signal(SIGTERM, on_term);
        say_listening(65423);
        for (;;)
            pause();
    }
    if (!has_links(argc, argv))
        return 9;
    return play_peer(option(argc, argv, "--share"));
}
